//! How long something took, in words.

use std::time::Duration;

/// `0.4 s`, `12 s` or `4 min 12 s`.
pub(crate) fn words(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", elapsed.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60.. => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// As coarse as an estimate is: `20 s` or `3 min`.
pub(crate) fn rounded(estimate: Duration) -> String {
    let seconds = estimate.as_secs();
    match seconds {
        0..90 => format!("{} s", seconds.div_ceil(10) * 10),
        90.. => format!("{} min", (seconds + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_coarser_with_length() {
        assert_eq!(words(Duration::from_millis(420)), "0.4 s");
        assert_eq!(words(Duration::from_millis(12_900)), "12 s");
        assert_eq!(words(Duration::from_secs(252)), "4 min 12 s");
    }

    #[test]
    fn an_estimate_is_rounded() {
        assert_eq!(rounded(Duration::from_secs(13)), "20 s");
        assert_eq!(rounded(Duration::from_secs(95)), "2 min");
        assert_eq!(rounded(Duration::from_secs(252)), "4 min");
    }
}
