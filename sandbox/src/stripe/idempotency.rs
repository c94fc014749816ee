//! Idempotency keys: the first answer is stored and replayed; a different request under the same key is refused.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use super::{error::ApiError, form::Params};
use crate::fault::lock;

/// Identifies the request of a key; two requests are the same if their fingerprints are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) path: String,
    pub(crate) params: Params,
}

/// A stored answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

#[derive(Debug)]
struct Entry {
    fingerprint: Fingerprint,
    answer: Option<Answer>,
}

/// The keys seen so far.
#[derive(Debug, Default)]
pub(crate) struct Keys(Mutex<HashMap<String, Entry>>);

/// How to treat a request under a key.
#[derive(Debug)]
pub(crate) enum Claimed {
    /// Do the work, then [`Claim::keep`] the answer; dropping the claim frees the key.
    Work(Claim),
    /// Send this answer without doing any work.
    Replay(Answer),
}

/// The right to do the work of one key.
#[derive(Debug)]
pub(crate) struct Claim {
    keys: Arc<Keys>,
    key: String,
    kept: bool,
}

impl Keys {
    pub(crate) fn claim(self: &Arc<Self>, key: &str, fingerprint: Fingerprint) -> Result<Claimed, ApiError> {
        if key.chars().count() > 255 {
            let message = "Idempotency keys may be at most 255 characters long.".to_owned();
            return Err(ApiError::new(400, "idempotency_error", None, message));
        }
        let mut keys = lock(&self.0);
        match keys.get(key) {
            Some(entry) if entry.fingerprint != fingerprint => {
                let message = format!(
                    "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                     Try using a key other than '{key}' if you meant to execute a different request."
                );
                Err(ApiError::new(400, "idempotency_error", None, message))
            }
            Some(Entry { answer: Some(answer), .. }) => Ok(Claimed::Replay(answer.clone())),
            Some(Entry { answer: None, .. }) => {
                let message = format!(
                    "There is currently another in-progress request using this Idempotent Key ({key}). Please try \
                     again later."
                );
                Err(ApiError::new(409, "idempotency_error", Some("idempotency_key_in_use"), message))
            }
            None => {
                keys.insert(key.to_owned(), Entry { fingerprint, answer: None });
                Ok(Claimed::Work(Claim { keys: Arc::clone(self), key: key.to_owned(), kept: false }))
            }
        }
    }

    pub(crate) fn forget(&self) {
        lock(&self.0).clear();
    }
}

impl Claim {
    pub(crate) fn keep(mut self, answer: Answer) {
        if let Some(entry) = lock(&self.keys.0).get_mut(&self.key) {
            entry.answer = Some(answer);
        }
        self.kept = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.kept {
            lock(&self.keys.0).remove(&self.key);
        }
    }
}
