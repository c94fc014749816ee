//! Ids and times: the only code in the Stripe stand-in that reads the wall clock or uses randomness.

use jiff::{Timestamp, tz::TimeZone};
use rand::{Rng, distr::Alphanumeric};

/// An id in Stripe's form, such as `pi_3PgafyB7WZ01zgkW…`.
pub(crate) fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", letters(24))
}

/// The client secret of `intent`.
pub(crate) fn new_secret(intent: &str) -> String {
    format!("{intent}_secret_{}", letters(25))
}

/// Seconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    clock().as_second()
}

/// The current year and month, UTC.
pub(crate) fn year_and_month() -> (u16, u8) {
    let today = clock().to_zoned(TimeZone::UTC).date();
    (today.year().unsigned_abs(), today.month().unsigned_abs())
}

#[expect(clippy::disallowed_methods, reason = "the stand-in's one reader of the clock")]
pub(crate) fn clock() -> Timestamp {
    Timestamp::now()
}

fn letters(count: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(count).map(char::from).collect()
}
