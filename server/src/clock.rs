//! The one place that reads the clock. The database's time is authoritative, since it is the same for all instances;
//! this process only counts on from it.
use shared::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Smaller differences are the latency of the query.
const NOISE_MS: i64 = 100;

/// The shell's clock: the database's time, or a time that a simulation moves.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    /// A settable time, and by how many milliseconds this clock is ahead of it.
    Set(Arc<AtomicI64>, i64),
    Kept(Arc<Kept>),
}

#[derive(Debug)]
struct Kept {
    /// When this process started counting.
    start: Instant,
    /// The authoritative time at `start`, in milliseconds.
    at_start: AtomicI64,
    /// Artificial lead of the system's clock, in milliseconds; only in tests.
    ahead: i64,
    /// By how many milliseconds the system's clock was ahead of the authoritative time at the last comparison.
    skew: AtomicI64,
    state: AtomicU8,
}

/// Whether the system's clock can be relied on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ClockState {
    #[default]
    Right,
    /// It differs by more than the tolerance: operators are alerted.
    Off,
    /// It differs so much that this instance takes no work.
    Wrong,
}

impl Default for Clock {
    fn default() -> Self {
        Self::ahead_by(0)
    }
}

impl Clock {
    /// A clock that reads `millis`, in milliseconds since 1970.
    #[must_use]
    pub fn at(millis: Arc<AtomicI64>) -> Self {
        Self::ahead_of(millis, 0)
    }

    /// The same, `ahead` milliseconds fast.
    #[must_use]
    pub fn ahead_of(millis: Arc<AtomicI64>, ahead: i64) -> Self {
        Self(Source::Set(millis, ahead))
    }

    /// The system's clock, as on a machine where it is `ahead` milliseconds fast.
    #[must_use]
    pub fn ahead_by(ahead: i64) -> Self {
        let at_start = AtomicI64::new(now().as_millis() + ahead);
        let (skew, state) = (AtomicI64::new(0), AtomicU8::new(ClockState::Right as u8));
        Self(Source::Kept(Arc::new(Kept { start: Instant::now(), at_start, ahead, skew, state })))
    }

    /// The authoritative time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Set(millis, ahead) => Timestamp::from_millis(millis.load(Ordering::Relaxed) + ahead),
            Source::Kept(kept) => {
                Timestamp::from_millis(kept.at_start.load(Ordering::Relaxed) + millis(kept.start.elapsed()))
            }
        }
    }

    /// The time by this machine's own clock.
    #[must_use]
    pub fn own(&self) -> Timestamp {
        match &self.0 {
            Source::Set(..) => self.now(),
            Source::Kept(kept) => Timestamp::from_millis(now().as_millis() + kept.ahead),
        }
    }

    /// Continues from `now`, the authoritative time, known to within `accuracy`, and compares the system's clock with
    /// it. If the state has changed, returns the new state and by how many milliseconds the system's clock is ahead.
    pub fn go_by(
        &self,
        now: Timestamp,
        accuracy: Duration,
        tolerance: Duration,
    ) -> Option<(ClockState, i64)> {
        let Source::Kept(kept) = &self.0 else { return None };
        let drift = now.as_millis() - self.now().as_millis();
        if drift.abs() > NOISE_MS + millis(accuracy) {
            kept.at_start.fetch_add(drift, Ordering::Relaxed);
        }
        let skew = self.own().as_millis() - now.as_millis();
        kept.skew.store(skew, Ordering::Relaxed);
        let state = match skew.abs() - millis(accuracy) {
            skew if skew <= millis(tolerance) => ClockState::Right,
            // 5 s at a tolerance of 2 s.
            skew if skew <= millis(tolerance * 5 / 2) => ClockState::Off,
            _ => ClockState::Wrong,
        };
        let before = kept.state.swap(state as u8, Ordering::Relaxed);
        (before != state as u8).then_some((state, skew))
    }

    #[must_use]
    pub fn state(&self) -> ClockState {
        match &self.0 {
            Source::Kept(kept) if kept.state.load(Ordering::Relaxed) == ClockState::Wrong as u8 => {
                ClockState::Wrong
            }
            Source::Kept(kept) if kept.state.load(Ordering::Relaxed) == ClockState::Off as u8 => {
                ClockState::Off
            }
            Source::Set(..) | Source::Kept(_) => ClockState::Right,
        }
    }

    /// By how many seconds the system's clock is ahead of the authoritative time; negative if it is behind.
    #[must_use]
    pub fn skew_seconds(&self) -> f64 {
        match &self.0 {
            Source::Set(..) => 0.0,
            Source::Kept(kept) => kept.skew.load(Ordering::Relaxed) as f64 / 1000.0,
        }
    }
}

/// The current time by the system's clock, in milliseconds.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "everything else takes the time as an argument")]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(millis(since_epoch))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
