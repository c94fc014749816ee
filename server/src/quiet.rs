//! Rate limit for log lines that would come by the hundred when a host or a disk is gone: one in ten seconds stands for
//! all.
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(10);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The rate limit of one place that logs.
pub(crate) struct Quiet {
    /// When it may log again, in milliseconds since `START`.
    silent_until: AtomicU64,
    held_back: AtomicU64,
}

impl Quiet {
    pub(crate) const fn new() -> Self {
        Self { silent_until: AtomicU64::new(0), held_back: AtomicU64::new(0) }
    }

    /// If the next line is due, how many lines were held back since the last one.
    pub(crate) fn speak(&self) -> Option<u64> {
        self.speak_at(START.elapsed())
    }

    fn speak_at(&self, now: Duration) -> Option<u64> {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let silent_until = self.silent_until.load(Ordering::Relaxed);
        let next = millis(now.saturating_add(EVERY));
        let may = silent_until <= millis(now)
            && self
                .silent_until
                .compare_exchange(silent_until, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if may {
            return Some(self.held_back.swap(0, Ordering::Relaxed));
        }
        self.held_back.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_stands_for_many() {
        let quiet = Quiet::new();
        let second = Duration::from_secs;
        assert_eq!(quiet.speak_at(second(1)), Some(0));
        assert!((0..50).all(|_| quiet.speak_at(second(5)).is_none()));
        assert_eq!(quiet.speak_at(second(11)), Some(50));
        assert_eq!(quiet.speak_at(second(20)), None);
    }
}
