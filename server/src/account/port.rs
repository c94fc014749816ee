//! The port to systems that keep learners' accounts.
use super::Snapshot;
use crate::purchase::AccountEvent;
use shared::Timestamp;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// What has happened, with all there is to know of the purchase.
#[derive(Clone, Debug)]
pub struct Message {
    /// The same at every try, and for every receiver another.
    pub id: String,
    pub event: AccountEvent,
    /// When it is sent.
    pub at: Timestamp,
    pub purchase: Snapshot,
}

/// Why a receiver did not take a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Worth another try, after `retry_after` where the other side asked for it.
    #[error("{message}")]
    Transient { message: String, retry_after: Option<Duration> },
    /// Refused for good: a person must look.
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

/// How a receiver answers, in its own time.
pub type Telling<'a> = Pin<Box<dyn Future<Output = Result<(), AccountError>> + Send + 'a>>;

/// One receiver. A message may come twice, with the same id; of two, the higher version is newer.
pub trait Account: Send + Sync {
    /// As the settings call it.
    fn name(&self) -> &str;

    fn tell<'a>(&'a self, message: &'a Message) -> Telling<'a>;
}
