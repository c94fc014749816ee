//! Fault injection: what goes wrong, at which operation, and how many times.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// A fault injected into matching calls until it is used up or cleared.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault<Operation> {
    /// The fault.
    pub misbehaviour: Misbehaviour,
    /// The operation it affects; every operation if absent.
    #[serde(default = "Option::default")]
    pub on: Option<Operation>,
    /// How many calls it affects; if absent, every call until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
}

impl<Operation> Fault<Operation> {
    /// A fault that affects every call until it is cleared.
    pub fn new(misbehaviour: Misbehaviour) -> Self {
        Self { misbehaviour, on: None, times: None }
    }

    /// Limits the fault to calls of `operation`.
    #[must_use]
    pub fn on(mut self, operation: Operation) -> Self {
        self.on = Some(operation);
        self
    }

    /// Limits the fault to `times` calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

/// A fault in an HTTP call.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Misbehaviour {
    /// Waits, then continues as usual; combines with other faults.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// Answers with an error.
    Status {
        /// The HTTP status.
        status: u16,
        /// Format of the body.
        #[serde(default)]
        body: ErrorBody,
        /// Sent as `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
        /// Whether the work is done first.
        #[serde(default)]
        after_work: bool,
    },
    /// Closes the connection without an answer.
    Close {
        /// Whether the work is done first.
        #[serde(default)]
        after_work: bool,
    },
    /// Never answers.
    Hang {
        /// Whether the work is done first.
        #[serde(default)]
        after_work: bool,
    },
    /// Does the work, then answers 200 with an HTML page.
    Garbage,
    /// Does the work, then answers JSON that lacks this field.
    MissingField {
        /// Name of a top-level field of the answer.
        field: String,
    },
    /// Refuses everything with 503.
    Down,
}

impl Misbehaviour {
    /// An error in the service's own format, before any work is done.
    pub fn error_before(status: u16) -> Self {
        Self::Status { status, body: ErrorBody::Json, retry_after: None, after_work: false }
    }

    /// An error in the service's own format, after the work is done.
    pub fn error_after(status: u16) -> Self {
        Self::Status { status, body: ErrorBody::Json, retry_after: None, after_work: true }
    }

    /// 429 with `Retry-After`.
    pub fn throttled(retry_after_seconds: u64) -> Self {
        Self::Status {
            status: 429,
            body: ErrorBody::Json,
            retry_after: Some(retry_after_seconds),
            after_work: false,
        }
    }

    fn is_after_work(&self) -> bool {
        match self {
            Self::Status { after_work, .. } | Self::Close { after_work } | Self::Hang { after_work } => {
                *after_work
            }
            Self::Garbage | Self::MissingField { .. } => true,
            Self::Delay { .. } | Self::Down => false,
        }
    }
}

/// The body of an injected error.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorBody {
    /// The format of the service's own errors.
    #[default]
    Json,
    /// A proxy's HTML page.
    Html,
    /// An empty body.
    Empty,
}

/// The effect of the faults on one call.
#[derive(Debug, Default)]
pub(crate) struct Spoiled {
    pub(crate) delay_ms: u64,
    pub(crate) before: Option<Misbehaviour>,
    pub(crate) after: Option<Misbehaviour>,
}

/// The active faults of one service.
#[derive(Debug)]
pub(crate) struct Faults<Operation>(Mutex<Vec<Fault<Operation>>>);

impl<Operation> Default for Faults<Operation> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<Operation: Clone + PartialEq> Faults<Operation> {
    pub(crate) fn add(&self, fault: Fault<Operation>) {
        self.lock().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn list(&self) -> Vec<Fault<Operation>> {
        self.lock().clone()
    }

    /// Takes every matching delay and the first other matching fault, and counts one use of each.
    pub(crate) fn take(&self, operation: &Operation) -> Spoiled {
        let mut faults = self.lock();
        let mut spoiled = Spoiled::default();
        for fault in faults.iter_mut() {
            if fault.times == Some(0) || fault.on.as_ref().is_some_and(|on| on != operation) {
                continue;
            }
            if let Misbehaviour::Delay { ms } = fault.misbehaviour {
                spoiled.delay_ms += ms;
            } else if spoiled.before.is_some() || spoiled.after.is_some() {
                continue;
            } else if fault.misbehaviour.is_after_work() {
                spoiled.after = Some(fault.misbehaviour.clone());
            } else {
                spoiled.before = Some(fault.misbehaviour.clone());
            }
            fault.times = fault.times.map(|left| left - 1);
        }
        faults.retain(|fault| fault.times != Some(0));
        spoiled
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault<Operation>>> {
        lock(&self.0)
    }
}

/// Locks even a poisoned mutex: a panic in a test must not hide the state from later checks.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
