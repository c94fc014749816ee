//! Keeps this instance's clock at the time that is authoritative for all instances. On PostgreSQL that is the
//! database's clock. Servers that share an SQLite file exchange the readings of their clocks, and the slowest live
//! clock counts: a fast clock would expire what belongs to others, a slow one only makes them wait.
use crate::checkout::Checkout;
use crate::clock::{Clock, ClockState};
use crate::heartbeat::Heartbeat;
use crate::quiet::Quiet;
use crate::store::{Store, StoreError};
use shared::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How often clocks are compared.
const LOOK: Duration = Duration::from_secs(1);
/// Number of comparisons after which a write to the database is probed, too.
const PROBE: u64 = 5;
/// How often a server that is alone on its file announces itself.
const ALONE: Duration = Duration::from_secs(2);
/// The accuracy of a reading that the clock always follows.
const ACCURATE: Duration = Duration::from_millis(250);
/// How long a live server may be silent, such as while the database is busy.
const SILENT: Duration = Duration::from_secs(10);
/// After this long without a new reading, a server on the same file is gone.
const GONE: Duration = Duration::from_secs(86_400);

/// Compares the clock of one instance with the others'.
pub struct Timekeeper {
    store: Store,
    clock: Clock,
    tolerance: Duration,
    /// This instance's name among those on the database.
    name: String,
    others: HashMap<String, Other>,
    /// When this instance's reading was last written.
    noted: Option<Instant>,
}

/// Another server on the same file.
#[derive(Clone, Copy, Debug)]
struct Other {
    /// The last reading of its clock.
    at: Timestamp,
    /// When that reading was first seen.
    seen: Instant,
    /// Whether its reading has changed since we first saw it, so that it is alive.
    goes: bool,
}

impl Other {
    /// Whether this clock must by now be past `at`, as far as a reading tells that is not old itself.
    fn is_ahead_of(&self, at: Timestamp) -> bool {
        let age = self.seen.elapsed();
        age <= SILENT && self.at.plus(age) > at
    }
}

impl Timekeeper {
    #[must_use]
    pub fn new(store: Store, clock: Clock, tolerance: Duration) -> Self {
        let name = format!("{:032x}", rand::random::<u128>());
        Self { store, clock, tolerance, name, others: HashMap::new(), noted: None }
    }

    /// Compares once, before anything uses the clock. If another server left a reading that doesn't fit, waits a moment
    /// to see whether that server is alive.
    pub async fn settle(&mut self) -> Result<(), StoreError> {
        self.look().await?;
        let own = self.clock.own();
        let odd = self.others.values().any(|other| own.since(other.at) > self.tolerance);
        if odd {
            tokio::time::sleep(LOOK + ACCURATE * 2).await;
            self.look().await?;
        }
        Ok(())
    }

    /// Compares, and tells operators if the clock's state has changed.
    pub async fn look(&mut self) -> Result<(), StoreError> {
        let asked = Instant::now();
        let (time, accuracy) = match self.store.time().await? {
            // Its server read the time at some point while we waited.
            Some(time) => {
                let accuracy = asked.elapsed() / 2;
                (time.plus(accuracy), accuracy)
            }
            None => (self.slowest().await?, Duration::ZERO),
        };
        let off = self.clock.now().as_millis().abs_diff(time.as_millis());
        // A slow answer is good enough only if our own time is off by more than it may be.
        let is_plain = u128::from(off) > (accuracy * 2 + self.tolerance).as_millis();
        if accuracy > ACCURATE && !is_plain {
            return Ok(());
        }
        match self.clock.go_by(time, accuracy, self.tolerance) {
            Some((ClockState::Right, _)) => tracing::info!("this machine's clock is correct again"),
            Some((state, ahead)) => tracing::error!(
                alert = true,
                clock.ahead_ms = ahead,
                clock.takes_work = state != ClockState::Wrong,
                "this machine's clock differs from the authoritative time: sync it with NTP"
            ),
            None => {}
        }
        Ok(())
    }

    /// The reading of the slowest live clock on this file.
    async fn slowest(&mut self) -> Result<Timestamp, StoreError> {
        self.exchange_readings().await?;
        self.forget_gone().await?;
        // Read only now: the database may have taken its time, and a stale reading would turn the clock back.
        let own = self.clock.own();
        let mut slowest = own;
        for other in self.others.values() {
            // It is alive. Its reading may be as old as the interval between two comparisons.
            if other.goes && other.seen.elapsed() <= SILENT {
                let latest = other.at.plus(other.seen.elapsed() + LOOK);
                if own.since(latest) > self.tolerance {
                    slowest = slowest.min(latest);
                }
            }
        }
        Ok(slowest)
    }

    /// Publishes this instance's reading and takes note of the others'.
    async fn exchange_readings(&mut self) -> Result<(), StoreError> {
        let found = self.store.other_instances(&self.name).await?;
        let others = found.into_iter().map(|(name, at)| {
            let other = match self.others.get(&name) {
                Some(known) if known.at == at => *known,
                // It took longer to get here than the one before, which says more.
                Some(known) if known.is_ahead_of(at) => Other { goes: true, ..*known },
                known => Other { at, seen: Instant::now(), goes: known.is_some() },
            };
            (name, other)
        });
        self.others = others.collect();
        // A server that is alone on its file need not write every time.
        if self.others.is_empty() && self.noted.is_some_and(|noted| noted.elapsed() < ALONE) {
            return Ok(());
        }
        match self.store.note_instance(&self.name, || self.clock.own()).await {
            Ok(()) => self.noted = Some(Instant::now()),
            // Such as on a full disk: the others' readings can still be read.
            Err(error) => tracing::debug!(%error, "failed to publish this machine's time"),
        }
        Ok(())
    }

    /// Removes the readings of servers that are gone.
    async fn forget_gone(&mut self) -> Result<(), StoreError> {
        let own = self.clock.own();
        let is_gone = |other: &Other| other.seen.elapsed() > GONE || own.since(other.at) > GONE * 30;
        let gone = self.others.iter().filter(|(_, other)| is_gone(other));
        for name in gone.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.store.forget_instance(&name).await?;
            self.others.remove(&name);
        }
        Ok(())
    }

    /// Removes this instance's reading, so that the others don't wait for it.
    pub async fn leave(&self) -> Result<(), StoreError> {
        self.store.forget_instance(&self.name).await
    }
}

/// Compares until the checkout stops. After a restart, the loop still knows what it knew before.
pub async fn run_timekeeper(checkout: Checkout, keeper: Arc<Mutex<Timekeeper>>, heartbeat: Heartbeat) {
    let mut keeper = keeper.lock().await;
    let mut looks = 0_u64;
    loop {
        heartbeat.beat();
        if let Err(error) = keeper.look().await {
            static UNTOLD: Quiet = Quiet::new();
            if let Some(more) = UNTOLD.speak() {
                tracing::warn!(%error, more, "failed to check this machine's clock");
            }
        }
        // Alerts that nothing can be written, even if nobody asks for readiness.
        looks += 1;
        if looks.is_multiple_of(PROBE) {
            checkout.can_write().await;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = checkout.stop.cancelled() => break,
        }
    }
    if let Err(error) = keeper.leave().await {
        tracing::warn!(%error, "failed to deregister this server at shutdown");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_database::TestDatabase;

    const TOLERANCE: Duration = Duration::from_secs(2);
    const FAST: i64 = 660_000;

    async fn keeper(database: &TestDatabase, ahead: i64) -> Timekeeper {
        let store = Store::connect(database.url()).await.unwrap();
        Timekeeper::new(store, Clock::ahead_by(ahead), TOLERANCE)
    }

    /// How far this instance's time is from this machine's, which is also the database's.
    fn off(keeper: &Timekeeper) -> i64 {
        (keeper.clock.now().as_millis() - crate::clock::now().as_millis()).abs()
    }

    #[tokio::test]
    async fn a_fast_clock_decides_nothing() {
        let database = TestDatabase::new().await;
        let [mut right, mut fast] = [keeper(&database, 0).await, keeper(&database, FAST).await];
        right.settle().await.unwrap();
        // The right one proves that it is alive while the fast one checks.
        let (settled, ()) = tokio::join!(fast.settle(), async {
            tokio::time::sleep(LOOK).await;
            right.look().await.unwrap();
        });
        settled.unwrap();
        assert_eq!(fast.clock.state(), ClockState::Wrong);
        assert!(off(&fast) < 2000, "{} ms", off(&fast));
        right.look().await.unwrap();
        assert_eq!((right.clock.state(), off(&right) < 500), (ClockState::Right, true));
        fast.leave().await.unwrap();
        right.leave().await.unwrap();
    }

    #[tokio::test]
    async fn the_word_of_one_that_is_gone_does_not_count() {
        let database = TestDatabase::new().await;
        let mut gone = keeper(&database, -FAST).await;
        gone.look().await.unwrap();
        drop(gone);
        let mut right = keeper(&database, 0).await;
        right.settle().await.unwrap();
        assert_eq!((right.clock.state(), off(&right) < 500), (ClockState::Right, true));
        right.leave().await.unwrap();
    }

    #[tokio::test]
    async fn a_database_that_is_slow_to_write_turns_no_clock_back() {
        let database = TestDatabase::new().await;
        let mut keeper = keeper(&database, 0).await;
        let writing = keeper.store.begin().await.unwrap();
        let (looked, ()) = tokio::join!(keeper.look(), async {
            tokio::time::sleep(ACCURATE * 2).await;
            writing.rollback().await.unwrap();
        });
        looked.unwrap();
        assert!(off(&keeper) < 300, "{} ms", off(&keeper));
    }

    #[tokio::test]
    async fn a_reading_that_waited_for_the_database_turns_no_other_clock_back() {
        let database = TestDatabase::new().await;
        let [mut slow, mut other] = [keeper(&database, 0).await, keeper(&database, 0).await];
        slow.look().await.unwrap();
        other.look().await.unwrap();
        let writing = slow.store.begin().await.unwrap();
        let (looked, ()) = tokio::join!(slow.look(), async {
            tokio::time::sleep(TOLERANCE + LOOK * 3 / 2).await;
            writing.rollback().await.unwrap();
        });
        looked.unwrap();
        other.look().await.unwrap();
        assert!(off(&other) < 300, "{} ms", off(&other));
    }

    #[test]
    fn a_clock_goes_on_from_the_time_that_decides() {
        let clock = Clock::ahead_by(3000);
        let decides = crate::clock::now();
        assert!(matches!(
            clock.go_by(decides, Duration::ZERO, TOLERANCE),
            Some((ClockState::Off, 2990..=3010))
        ));
        assert_eq!(clock.go_by(decides, Duration::ZERO, TOLERANCE), None, "it is said once");
        assert!((clock.now().as_millis() - decides.as_millis()).abs() < 500);
        let clock = Clock::ahead_by(200);
        clock.go_by(crate::clock::now(), Duration::from_millis(250), TOLERANCE);
        assert!(clock.now().since(crate::clock::now()) > Duration::from_millis(100), "it may well be right");
        let clock = Clock::ahead_by(-6000);
        assert!(matches!(
            clock.go_by(crate::clock::now(), Duration::ZERO, TOLERANCE),
            Some((ClockState::Wrong, -6010..=-5990))
        ));
        assert_eq!(Clock::ahead_by(0).go_by(crate::clock::now(), Duration::ZERO, TOLERANCE), None);
    }
}
