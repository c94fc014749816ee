//! Optional settings: a challenge, email, learners' tokens and account webhooks.
use super::check::{Checker, list};
use super::{ChallengeConfig, MailConfig};
use crate::abuse::ChallengeProvider;
use crate::account::WebhookConfig;
use crate::identity::{IdentityConfig, RawIdentity};
use crate::mail::Mailer;
use crate::outbound::is_own_machine;
use url::Url;

impl Checker {
    pub(super) fn challenge(
        &mut self,
        provider: Option<String>,
        site_key: Option<String>,
        secret: Option<String>,
        verify_url: Option<String>,
        script: Option<String>,
    ) -> Option<ChallengeConfig> {
        let Some(name) = provider else {
            if site_key.or(secret).is_some_and(|text| !text.trim().is_empty()) {
                self.mistake(
                    "CHALLENGE_PROVIDER",
                    "is required when CHALLENGE_SITE_KEY or CHALLENGE_SECRET is set: turnstile or hcaptcha",
                );
            }
            return None;
        };
        let Some(provider) = ChallengeProvider::parse(name.trim()) else {
            self.mistake("CHALLENGE_PROVIDER", format_args!("{name:?} must be turnstile or hcaptcha"));
            return None;
        };
        let mut web = |name: &str, text: Option<String>, own: &str| match text {
            Some(text) => {
                self.web(name, &text);
                text
            }
            None => own.to_owned(),
        };
        let verify_url = web("CHALLENGE_URL", verify_url, provider.verify_url());
        let script = web("CHALLENGE_JS_URL", script, provider.script());
        Some(ChallengeConfig {
            provider,
            site_key: self.required("CHALLENGE_SITE_KEY", site_key),
            secret: self.required("CHALLENGE_SECRET", secret),
            verify_url,
            script,
        })
    }

    pub(super) fn identity(&mut self, raw: RawIdentity<'_>) -> Option<IdentityConfig> {
        raw.check().unwrap_or_else(|mistakes| {
            for (name, mistake) in mistakes {
                self.mistake(name, mistake);
            }
            None
        })
    }

    /// The message never repeats a secret.
    pub(super) fn account_webhooks(&mut self, text: &str) -> Vec<WebhookConfig> {
        let mut receivers = Vec::<WebhookConfig>::new();
        for (n, receiver) in list(text).enumerate() {
            match WebhookConfig::parse(receiver) {
                Ok(receiver) if receivers.iter().any(|known| known.name == receiver.name) => {
                    self.mistake(
                        "ACCOUNT_WEBHOOKS",
                        format_args!("two receivers are named {}; give each its own name", receiver.name),
                    );
                }
                Ok(receiver) => receivers.push(receiver),
                Err(wrong) => self.mistake("ACCOUNT_WEBHOOKS", format_args!("receiver {}: {wrong}", n + 1)),
            }
        }
        receivers
    }

    /// The message never repeats the URL, which may hold a password.
    pub(super) fn mail(&mut self, url: Option<String>, from: Option<String>) -> Option<MailConfig> {
        let (url, from) = match (url, from) {
            (None, None) => return None,
            (Some(url), Some(from)) => (url.trim().to_owned(), from.trim().to_owned()),
            (Some(_), None) => {
                self.mistake("SMTP_FROM", "is required when SMTP_URL is set: the sender of emails");
                return None;
            }
            (None, Some(_)) => {
                self.mistake("SMTP_URL", "is required when SMTP_FROM is set: the mail server");
                return None;
            }
        };
        let clear = Url::parse(&url).is_ok_and(|url| {
            let encrypted =
                url.scheme() == "smtps" || url.query().is_some_and(|query| query == "tls=required");
            !encrypted && !is_own_machine(&url)
        });
        if clear {
            self.mistake("SMTP_URL", "would send emails unencrypted: use smtps:// or smtp://…?tls=required");
        }
        let config = MailConfig { url, from };
        if let Err(error) = Mailer::check(&config) {
            match error.to_string().split_once(": ") {
                Some(("SMTP_FROM", _)) => {
                    self.mistake(
                        "SMTP_FROM",
                        "must be an email address, such as Redis University <ru@redis.example>",
                    );
                }
                _ => self.mistake("SMTP_URL", "must look like smtps://user:password@mail.example"),
            }
        }
        Some(config)
    }
}
