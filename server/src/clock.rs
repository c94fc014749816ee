//! The one place that reads the clock. What decides is the database's time, which is the same for all instances: this
//! process only counts on from it.
use shared::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Below this a difference is the time that the question took.
const NOISE_MS: i64 = 100;

/// Tells the time to the shell: the database's, or one that a simulation moves.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    /// With so many milliseconds more.
    Set(Arc<AtomicI64>, i64),
    Kept(Arc<Kept>),
}

#[derive(Debug)]
struct Kept {
    /// Since when this process counts.
    start: Instant,
    /// The time that decides at `start`, in milliseconds.
    at_start: AtomicI64,
    /// By how much the system's clock is ahead of itself; only in tests.
    ahead: i64,
    /// By how much the system's clock was ahead of the time that decides, when it was compared last.
    skew: AtomicI64,
    state: AtomicU8,
}

/// Whether the system's clock can be relied on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ClockState {
    #[default]
    Right,
    /// It differs by more than it should: operators are told.
    Off,
    /// It differs by so much that this instance takes no work.
    Wrong,
}

impl Default for Clock {
    fn default() -> Self {
        Self::ahead_by(0)
    }
}

impl Clock {
    /// A clock that stands at what `millis` holds, in milliseconds since 1970.
    #[must_use]
    pub fn at(millis: Arc<AtomicI64>) -> Self {
        Self::ahead_of(millis, 0)
    }

    /// The same, ahead of it by so many milliseconds.
    #[must_use]
    pub fn ahead_of(millis: Arc<AtomicI64>, ahead: i64) -> Self {
        Self(Source::Set(millis, ahead))
    }

    /// As on a machine whose clock is so many milliseconds fast.
    #[must_use]
    pub fn ahead_by(ahead: i64) -> Self {
        let at_start = AtomicI64::new(now().as_millis() + ahead);
        let (skew, state) = (AtomicI64::new(0), AtomicU8::new(ClockState::Right as u8));
        Self(Source::Kept(Arc::new(Kept { start: Instant::now(), at_start, ahead, skew, state })))
    }

    /// The time that decides.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Set(millis, ahead) => Timestamp::from_millis(millis.load(Ordering::Relaxed) + ahead),
            Source::Kept(kept) => {
                Timestamp::from_millis(kept.at_start.load(Ordering::Relaxed) + millis(kept.start.elapsed()))
            }
        }
    }

    /// What this machine's own clock says.
    #[must_use]
    pub fn own(&self) -> Timestamp {
        match &self.0 {
            Source::Set(..) => self.now(),
            Source::Kept(kept) => Timestamp::from_millis(now().as_millis() + kept.ahead),
        }
    }

    /// Goes on from `now`, the time that decides, and compares the system's clock with it. Returns what to say where that
    /// has changed: the new state, and by how many milliseconds the system's clock is ahead.
    pub fn go_by(&self, now: Timestamp, tolerance: Duration) -> Option<(ClockState, i64)> {
        let Source::Kept(kept) = &self.0 else { return None };
        let drift = now.as_millis() - self.now().as_millis();
        if drift.abs() > NOISE_MS {
            kept.at_start.fetch_add(drift, Ordering::Relaxed);
        }
        let skew = self.own().as_millis() - now.as_millis();
        kept.skew.store(skew, Ordering::Relaxed);
        let state = match skew.abs() {
            skew if skew <= millis(tolerance) => ClockState::Right,
            // 5 s, where 2 s are tolerated.
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

    /// By how many seconds the system's clock is ahead of the time that decides; less than none where it is behind.
    #[must_use]
    pub fn skew_seconds(&self) -> f64 {
        match &self.0 {
            Source::Set(..) => 0.0,
            Source::Kept(kept) => kept.skew.load(Ordering::Relaxed) as f64 / 1000.0,
        }
    }
}

/// The present moment by the system's clock, in milliseconds.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "everything else takes the time as an argument")]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(millis(since_epoch))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
