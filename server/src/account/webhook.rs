//! Standard Webhooks (<https://www.standardwebhooks.com>) to one receiver, such as the SM profile.
use super::{Account, AccountError, Message, ORB, SALESFORCE, Snapshot};
use crate::outbound::{self, is_final, is_private, retry_after};
use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac};
use reqwest::header;
use serde::Serialize;
use sha2::Sha256;
use shared::Timestamp;
use std::time::Duration;
use url::Url;

/// For each attempt: a receiver that needs longer should answer first and work later.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// A receiver from the settings.
#[derive(Clone)]
pub struct WebhookConfig {
    pub name: String,
    pub url: Url,
    /// Signing keys, newest first. Every message is signed with each, so that a receiver can switch to the newest at
    /// any time.
    pub keys: Vec<Vec<u8>>,
}

/// A receiver, and the HTTP client for it.
pub struct Webhook {
    config: WebhookConfig,
    client: reqwest::Client,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: Timestamp,
    data: &'a Snapshot,
}

impl WebhookConfig {
    /// Parses `NAME=URL#SECRET`, with further secrets separated by `|`. The error names the wrong part, but no secret.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, rest) = text.split_once('=').ok_or("must be NAME=URL#SECRET")?;
        let name = name.trim();
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 40 || !name.bytes().all(fits) {
            return Err("the name must be 1 to 40 characters from a-z 0-9 -");
        }
        if [ORB, SALESFORCE].contains(&name) {
            return Err("the names orb and salesforce are reserved: choose another name");
        }
        let (url, secrets) = rest.split_once('#').ok_or("the secret is missing: NAME=URL#whsec_…")?;
        let url = Url::parse(url.trim()).map_err(|_| "the URL must begin with https://")?;
        if !is_private(&url) {
            return Err("the URL must begin with https://");
        }
        let key = |secret: &str| {
            let key = BASE64_STANDARD.decode(secret.trim().strip_prefix("whsec_")?).ok()?;
            (key.len() >= 16).then_some(key)
        };
        let keys: Option<Vec<_>> = secrets.split('|').map(key).collect();
        let keys = keys.ok_or("each secret must be whsec_ followed by at least 16 bytes in Base64")?;
        Ok(Self { name: name.to_owned(), url, keys })
    }
}

impl std::fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookConfig").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Webhook {
    pub fn new(config: WebhookConfig) -> anyhow::Result<Self> {
        let client = outbound::client(REQUEST_TIMEOUT)?;
        Ok(Self { config, client })
    }

    async fn send(&self, message: &Message) -> Result<(), AccountError> {
        let name = &self.config.name;
        let body = Body { kind: message.event.name(), timestamp: message.at, data: &message.purchase };
        let body =
            serde_json::to_string(&body).map_err(|error| AccountError::transient(error.to_string()))?;
        let seconds = (message.at.as_millis() / 1000).to_string();
        let signed = [message.id.as_str(), &seconds, &body].join(".");
        let signatures: Vec<_> =
            self.config.keys.iter().map(|key| format!("v1,{}", signature(key, &signed))).collect();
        let request = self
            .client
            .post(self.config.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signatures.join(" "))
            .body(body);
        let answer = request.send().await;
        let answer = answer.map_err(|error| {
            AccountError::transient(format!("{name} can't be reached: {}", error.without_url()))
        })?;
        let status = answer.status();
        let message = format!("{name} answered {status}");
        if status.is_success() {
            Ok(())
        } else if is_final(status) {
            Err(AccountError::permanent(message))
        } else {
            Err(AccountError::Transient { message, retry_after: retry_after(answer.headers()) })
        }
    }
}

#[async_trait]
impl Account for Webhook {
    fn name(&self) -> &str {
        &self.config.name
    }

    async fn notify(&self, message: &Message) -> Result<(), AccountError> {
        self.send(message).await
    }
}

fn signature(key: &[u8], signed: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key has a length that fits");
    mac.update(signed.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example from the specification's reference libraries.
    #[test]
    fn a_message_is_signed_as_others_verify_it() {
        let config =
            WebhookConfig::parse("sm=https://sm.example/x#whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        assert_eq!(signature(&config.keys[0], signed), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_wrong_with_a_receiver_is_named_without_its_secret() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let two = format!("sm=http://127.0.0.1:1/x#{secret}|{secret}");
        assert_eq!(WebhookConfig::parse(&two).unwrap().keys.len(), 2);
        for (text, said) in [
            ("https://sm.example", "NAME=URL#SECRET"),
            ("SM=https://sm.example#s", "name"),
            ("sm=https://sm.example", "secret is missing"),
            ("sm=http://sm.example#s", "https://"),
            ("sm=sm.example#s", "https://"),
            ("sm=https://sm.example#secret", "whsec_"),
            ("sm=https://sm.example#whsec_c2hvcnQ=", "16 bytes"),
        ] {
            let wrong = WebhookConfig::parse(text).unwrap_err();
            assert!(wrong.contains(said), "{text}: {wrong}");
        }
    }
}
