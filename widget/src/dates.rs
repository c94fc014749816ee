//! Dates for people: in UTC where server and browser must write the same, in local time where only the page writes.
use shared::Timestamp;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// Such as `Dec 9, 2026, 15:00 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    [&day(at), ", ", &time(at), " UTC"].concat()
}

/// Such as `Dec 9, 2026, 15:00–17:00 UTC`, or with both days where they differ.
pub(crate) fn span(starts_at: Timestamp, ends_at: Option<Timestamp>) -> String {
    let Some(ends_at) = ends_at else { return moment(starts_at) };
    if days(starts_at) == days(ends_at) {
        return [&day(starts_at), ", ", &time(starts_at), "–", &time(ends_at), " UTC"].concat();
    }
    [&day(starts_at), ", ", &time(starts_at), " – ", &moment(ends_at)].concat()
}

/// The hour and minute on the learner's clock.
#[cfg(target_arch = "wasm32")]
pub(crate) fn local_time(at: Timestamp) -> String {
    let options = crate::platform::json::object(&[("hour", "numeric".into()), ("minute", "2-digit".into())]);
    let date = js_sys::Date::new(&crate::platform::json::number(at.as_millis()));
    date.to_locale_time_string_with_options("en-US", &options).into()
}

/// The server knows no learner's clock.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn local_time(at: Timestamp) -> String {
    [&time(at), " UTC"].concat()
}

fn days(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY)
}

fn time(at: Timestamp) -> String {
    let minutes = at.as_millis().rem_euclid(DAY) / MINUTE;
    [&two(minutes / 60), ":", &two(minutes % 60)].concat()
}

/// The civil date, by Howard Hinnant's `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>).
fn day(at: Timestamp) -> String {
    let shifted = days(at) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Counted from March.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400 + i64::from(month >= 10);
    let name = MONTHS[usize::try_from((month + 2) % 12).unwrap_or_default()];
    [name, " ", &day.to_string(), ", ", &year.to_string()].concat()
}

fn two(number: i64) -> String {
    [if number < 10 { "0" } else { "" }, &number.to_string()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_moment_is_written_in_utc() {
        for (seconds, written) in [
            (0, "Jan 1, 1970, 00:00 UTC"),
            (951_782_399, "Feb 28, 2000, 23:59 UTC"),
            (951_782_400, "Feb 29, 2000, 00:00 UTC"),
            (1_796_828_400, "Dec 9, 2026, 15:00 UTC"),
            (1_798_761_599, "Dec 31, 2026, 23:59 UTC"),
            (-1, "Dec 31, 1969, 23:59 UTC"),
        ] {
            assert_eq!(moment(at(seconds)), written);
        }
    }

    #[test]
    fn a_span_names_a_shared_day_once() {
        let start = at(1_796_828_400);
        assert_eq!(span(start, None), "Dec 9, 2026, 15:00 UTC");
        assert_eq!(span(start, Some(at(1_796_835_600))), "Dec 9, 2026, 15:00–17:00 UTC");
        assert_eq!(span(start, Some(at(1_796_922_000))), "Dec 9, 2026, 15:00 – Dec 10, 2026, 17:00 UTC");
    }
}
