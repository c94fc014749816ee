//! Settings that have another name now: one that is still set by the old one is told, and not left unread.
use super::check::Checker;
use clap::Args;

/// By their old names.
#[derive(Args, Clone, Debug, Default)]
pub struct Renamed {
    #[arg(long, env = "STRIPE_CHECKOUT_URL", hide = true)]
    pub stripe_checkout_url: Option<String>,
    #[arg(long, env = "LEARNER_EMAIL_VERIFIED", hide = true)]
    pub learner_email_verified: Option<String>,
    #[arg(long, env = "PARTIAL_DISPUTE", hide = true)]
    pub partial_dispute: Option<String>,
}

impl Checker {
    pub(super) fn renamed(&mut self, renamed: &Renamed) {
        for (old, value, now) in [
            ("STRIPE_CHECKOUT_URL", &renamed.stripe_checkout_url, "STRIPE_CHECKOUT_HOST, a domain alone"),
            (
                "LEARNER_EMAIL_VERIFIED",
                &renamed.learner_email_verified,
                "LEARNER_TRUSTED_EMAILS, which names the issuer where it was `always`",
            ),
            (
                "PARTIAL_DISPUTE",
                &renamed.partial_dispute,
                "DISPUTE_PARTIAL_ACCESS, where `revoke` is what was `end`",
            ),
        ] {
            if value.is_some() {
                self.mistake(old, format_args!("is called {now} now"));
            }
        }
    }
}
