//! `Retry-After`, as other systems send it.
use crate::clock;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use shared::Timestamp;
use std::time::Duration;

/// How long to wait; nothing where that is not said, or can't be read.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    // A date (RFC 9110).
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_millis(date.timestamp().as_millisecond()).since(clock::now()))
}
