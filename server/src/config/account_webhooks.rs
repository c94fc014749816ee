//! The setting of account receivers that are notified by webhook.
use super::check::{Checker, list};
use crate::account::WebhookConfig;

impl Checker {
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
}
