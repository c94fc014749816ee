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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_coarser_with_length() {
        assert_eq!(words(Duration::from_millis(420)), "0.4 s");
        assert_eq!(words(Duration::from_millis(12_900)), "12 s");
        assert_eq!(words(Duration::from_secs(252)), "4 min 12 s");
    }
}
