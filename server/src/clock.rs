//! The one place that reads the clock.
use shared::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The present moment, in milliseconds.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "everything else takes the time as an argument")]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
