//! Settings of the mail server.
use super::check::Checker;
use crate::mail::{MailConfig, Mailer};
use crate::outbound::is_own_machine;
use url::Url;

impl Checker {
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
