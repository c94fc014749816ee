//! Letters to people, by SMTP. This file alone knows lettre.
mod letter;

pub use letter::{Letter, letter};

use crate::config::MailConfig;
use anyhow::Context;
use lettre::message::{Mailbox, Message, header::ContentType};
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::response::{Category, Code};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::time::Duration;

/// For one command to the mail server.
const PATIENCE: Duration = Duration::from_secs(20);

/// Hands letters to a mail server.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Why a letter was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Worth another try.
    #[error("{0}")]
    Transient(String),
    /// The address is refused for good.
    #[error("{0}")]
    Permanent(String),
}

impl Mailer {
    /// Connects when the first letter is sent.
    pub fn new(config: &MailConfig) -> anyhow::Result<Self> {
        let (server, from) = read(config)?;
        Ok(Self { transport: server.timeout(Some(PATIENCE)).build(), from })
    }

    /// Whether the settings name a server and a sender.
    pub(crate) fn check(config: &MailConfig) -> anyhow::Result<()> {
        read(config).map(drop)
    }

    /// Returns once the server has taken the letter. The same one twice has the same Message-ID.
    pub async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let unfit = |error: &dyn std::error::Error| MailError::Permanent(error.to_string());
        let to = Mailbox::new(None, letter.to.parse().map_err(|error| unfit(&error))?);
        let message = Message::builder()
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            .from(self.from.clone())
            .to(to)
            .subject(&letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(|error| unfit(&error))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(match error.status() {
                // Its words may repeat the address, which is nothing for a log. Other refusals, such as a refused login, are
                // the server's or ours, and not the address's.
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
    let server = server.context("SMTP_URL: no client can be made")?;
    Ok((server, config.from.parse().context("SMTP_FROM: not an address")?))
}

fn is_about_mailbox(code: Code) -> bool {
    code.category == Category::MailSystem
}
