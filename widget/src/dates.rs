//! Dates and times in UTC, which server and browser must format identically.
use crate::text::concat;
use shared::Timestamp;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// Days since 1970.
pub(crate) const fn days(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY)
}

/// Such as `15:00`.
pub(crate) fn time(at: Timestamp) -> String {
    let minutes = at.as_millis().rem_euclid(DAY) / MINUTE;
    concat(&[&two(minutes / 60), ":", &two(minutes % 60)])
}

/// `number` with at least two digits.
pub(crate) fn two(number: i64) -> String {
    concat(&[if number < 10 { "0" } else { "" }, &decimal(number)])
}

/// `number` in digits. (`to_string` can do more, but would cost every visitor 3 KB.)
pub(crate) fn decimal(number: i64) -> String {
    let mut text = String::new();
    let mut rest = number.unsigned_abs();
    while rest > 0 || text.is_empty() {
        text.insert(0, char::from_digit((rest % 10) as u32, 10).unwrap_or_default());
        rest /= 10;
    }
    if number < 0 {
        text.insert(0, '-');
    }
    text
}

/// Year, month and day, by Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>).
#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
pub(crate) fn civil(at: Timestamp) -> (i64, usize, i64) {
    let shifted = days(at) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Counted from March.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400 + i64::from(month >= 10);
    (year, usize::try_from((month + 2) % 12).unwrap_or_default() + 1, day)
}

#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, date, clock) in [
            (0, (1970, 1, 1), "00:00"),
            (951_782_399, (2000, 2, 28), "23:59"),
            (951_782_400, (2000, 2, 29), "00:00"),
            (1_796_828_400, (2026, 12, 9), "15:00"),
            (1_798_761_599, (2026, 12, 31), "23:59"),
            (-1, (1969, 12, 31), "23:59"),
        ] {
            let at = Timestamp::from_millis(seconds * 1000);
            assert_eq!((civil(at), time(at).as_str()), (date, clock));
        }
    }
}
