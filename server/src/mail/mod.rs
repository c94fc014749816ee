//! Sends emails by SMTP. The only file that knows lettre.
mod message;

pub use message::{EmailMessage, message};

use anyhow::Context;
use lettre::message::{Mailbox, Message, header::ContentType};
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::response::{Category, Code};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::time::Duration;

/// The mail server, and the sender of emails.
#[derive(Clone)]
pub struct MailConfig {
    /// May hold a password.
    pub url: String,
    pub from: String,
}

impl std::fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailConfig").field("from", &self.from).finish_non_exhaustive()
    }
}

/// For each command to the mail server.
const SMTP_TIMEOUT: Duration = Duration::from_secs(20);

/// Sends emails through a mail server.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Why an email was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Worth a retry.
    #[error("{0}")]
    Transient(String),
    /// The address is refused permanently.
    #[error("{0}")]
    Permanent(String),
}

impl Mailer {
    /// Connects when the first email is sent.
    pub fn new(config: &MailConfig) -> anyhow::Result<Self> {
        let (server, from) = read(config)?;
        Ok(Self { transport: server.timeout(Some(SMTP_TIMEOUT)).build(), from })
    }

    /// Whether the settings name a server and a sender.
    pub(crate) fn check(config: &MailConfig) -> anyhow::Result<()> {
        read(config).map(drop)
    }

    /// Returns once the server has accepted the message. A retry has the same Message-ID.
    pub async fn send(&self, message: &EmailMessage) -> Result<(), MailError> {
        let unfit = |error: &dyn std::error::Error| MailError::Permanent(error.to_string());
        let to = Mailbox::new(None, message.to.parse().map_err(|error| unfit(&error))?);
        let message = Message::builder()
            .message_id(Some(format!("<{}@{}>", message.id, self.from.email.domain())))
            .from(self.from.clone())
            .to(to)
            .subject(&message.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(message.text.clone())
            .map_err(|error| unfit(&error))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(match error.status() {
                // The server's text may repeat the address, which must not be logged. Other refusals, such as a failed
                // login, are the server's fault or ours, and not the address's.
                Some(code) if error.is_permanent() && is_about_mailbox(code) => {
                    MailError::Permanent(format!("the mail server answered {code}"))
                }
                Some(code) => MailError::Transient(format!("the mail server answered {code}")),
                None => MailError::Transient(error.to_string()),
            }),
        }
    }
}

fn read(config: &MailConfig) -> anyhow::Result<(AsyncSmtpTransportBuilder, Mailbox)> {
    let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(&config.url);
    let server = server.context("SMTP_URL: not a valid mail server URL")?;
    Ok((server, config.from.parse().context("SMTP_FROM: not a valid email address")?))
}

fn is_about_mailbox(code: Code) -> bool {
    code.category == Category::MailSystem
}
