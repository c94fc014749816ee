//! The port to account receivers: systems that keep learners' accounts.
use super::Snapshot;
use crate::purchase::AccountEvent;
use async_trait::async_trait;
use shared::Timestamp;
use std::time::Duration;

/// An event, with all that is known about the purchase.
#[derive(Clone, Debug)]
pub struct Message {
    /// The same for every retry, different for every receiver.
    pub id: String,
    pub event: AccountEvent,
    /// When it is sent.
    pub at: Timestamp,
    pub purchase: Snapshot,
}

/// Why a receiver did not accept a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Worth a retry, after `retry_after` if the receiver asked for it.
    #[error("{message}")]
    Transient { message: String, retry_after: Option<Duration> },
    /// Refused permanently: a person must act.
    #[error("{message}")]
    Permanent { message: String },
}

impl AccountError {
    pub(super) fn transient(message: String) -> Self {
        Self::Transient { message, retry_after: None }
    }

    pub(super) fn permanent(message: String) -> Self {
        Self::Permanent { message }
    }
}

/// One account receiver. A message may come twice, with the same id; the snapshot with the higher version is newer.
#[async_trait]
pub trait Account: Send + Sync {
    /// Its name in the settings.
    fn name(&self) -> &str;

    async fn notify(&self, message: &Message) -> Result<(), AccountError>;
}
