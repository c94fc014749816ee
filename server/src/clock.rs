//! The one place that reads the clock.
use shared::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time to the shell: the system's, or one that a simulation moves.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// A clock that stands at what `millis` holds, in milliseconds since 1970.
    #[must_use]
    pub fn at(millis: Arc<AtomicI64>) -> Self {
        Self(Some(millis))
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(millis) => Timestamp::from_millis(millis.load(Ordering::Relaxed)),
            None => now(),
        }
    }
}

/// The present moment by the system's clock, in milliseconds.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "everything else takes the time as an argument")]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
