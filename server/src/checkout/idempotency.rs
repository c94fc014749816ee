//! A client's `Idempotency-Key`: the same request gets the same answer.
use crate::abuse::Client;
use crate::error::Error;
use crate::fault_injection::{Guard, enabled};
use crate::store::{Replay, Tx};
use sha2::{Digest, Sha256};
use shared::Timestamp;

/// A client's `Idempotency-Key`, and the body that it stands for.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    pub(super) key: String,
    /// The namespace of the key: that of a client, or of forms.
    pub(super) scope: String,
    body_hash: String,
}

impl IdempotencyKey {
    /// `body` is what the client sent.
    #[must_use]
    pub fn new(key: &str, body: &[u8]) -> Self {
        let body_hash = hex::encode(Sha256::digest(body));
        Self { key: key.to_owned(), scope: FORMS.to_owned(), body_hash }
    }

    /// Limits the key to `client`: the same text from another client is a different key.
    #[must_use]
    pub fn of(self, client: &Client) -> Self {
        Self { scope: ["open ", client.name().unwrap_or_default()].concat(), ..self }
    }

    /// Claims the key; returns the earlier answer if this is a repeat.
    pub(super) async fn claim(
        &self,
        tx: &mut Tx,
        scope: &str,
        now: Timestamp,
    ) -> Result<Option<String>, Error> {
        if !enabled(Guard::OpenedOnce) {
            return Ok(None);
        }
        match tx.claim_key(scope, &self.key, &self.body_hash, now).await? {
            Replay::New => Ok(None),
            Replay::Same(answer) => Ok(Some(answer)),
            Replay::OtherBody => Err(Error::IdempotencyKeyReused),
        }
    }

    pub(super) async fn keep(&self, tx: &mut Tx, scope: &str, answer: &str) -> Result<(), Error> {
        Ok(tx.keep_answer(scope, &self.key, answer).await?)
    }
}

/// The scope of keys that we generate for forms: nobody else knows them, and the sender may have changed networks.
const FORMS: &str = "open";
