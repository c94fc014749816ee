//! Renamed settings: start-up rejects an old name instead of ignoring it.
use super::check::Checker;
use clap::Args;

/// The settings under their old names.
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
            (
                "STRIPE_CHECKOUT_URL",
                &renamed.stripe_checkout_url,
                "STRIPE_CHECKOUT_HOST and takes a bare domain, without https://",
            ),
            (
                "LEARNER_EMAIL_VERIFIED",
                &renamed.learner_email_verified,
                "LEARNER_TRUSTED_EMAILS; instead of `always`, give the issuer",
            ),
            ("PARTIAL_DISPUTE", &renamed.partial_dispute, "DISPUTE_PARTIAL_ACCESS; `end` is now `revoke`"),
        ] {
            if value.is_some() {
                self.mistake(old, format_args!("is now called {now}"));
            }
        }
    }
}
