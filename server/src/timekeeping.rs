//! Keeps this instance's time to the one that decides for all of them. PostgreSQL has a clock. Several servers on one SQLite
//! file tell each other what theirs say, and the slowest that is alive counts: a fast clock ends what belongs to others, a
//! slow one only makes them wait.
use crate::checkout::Checkout;
use crate::clock::{Clock, ClockState};
use crate::grants::Grants;
use crate::heartbeat::Heartbeat;
use crate::payments::Payments;
use crate::quiet::Quiet;
use crate::store::{Store, StoreError};
use shared::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How often clocks are compared.
const LOOK: Duration = Duration::from_secs(1);
/// Looks after which the database is tried, too.
const PROBE: u64 = 5;
/// How often a server that is alone on its file says that it is there.
const ALONE: Duration = Duration::from_secs(2);
/// How long a question to the database may take for its answer to tell the time.
const PROMPT: Duration = Duration::from_millis(500);
/// How long a server that goes may be silent, as while the database is busy.
const SILENT: Duration = Duration::from_secs(10);
/// After so long without a word a server on the same file is gone.
const GONE: Duration = Duration::from_secs(86_400);

/// One instance's comparisons.
pub struct Timekeeper {
    store: Store,
    clock: Clock,
    tolerance: Duration,
    /// This instance's name among those on the database.
    name: String,
    others: HashMap<String, Other>,
    /// When this one's was written down.
    noted: Option<Instant>,
}

/// Another server on the same file.
#[derive(Clone, Copy, Debug)]
struct Other {
    /// What its clock said last.
    at: Timestamp,
    /// When that was first seen.
    seen: Instant,
    /// Whether it has said something else before.
    goes: bool,
}

impl Timekeeper {
    #[must_use]
    pub fn new(store: Store, clock: Clock, tolerance: Duration) -> Self {
        let name = format!("{:032x}", rand::random::<u128>());
        Self { store, clock, tolerance, name, others: HashMap::new(), noted: None }
    }

    /// Compares once, before anything is done by the clock. Where another server has left word that does not fit, it takes a
    /// moment to see whether that one is alive.
    pub async fn settle(&mut self) -> Result<(), StoreError> {
        self.look().await?;
        let own = self.clock.own();
        let odd = self.others.values().any(|other| own.since(other.at) > self.tolerance);
        if odd {
            tokio::time::sleep(LOOK + PROMPT).await;
            self.look().await?;
        }
        Ok(())
    }

    /// Compares, and tells operators where it has got worse or better.
    pub async fn look(&mut self) -> Result<(), StoreError> {
        let asked = Instant::now();
        let decides = match self.store.time().await? {
            Some(time) => {
                let took = asked.elapsed();
                let middle = time.plus(took / 2);
                let off = self.clock.now().as_millis().abs_diff(middle.as_millis());
                // An answer that took long tells the time by half of that: enough where nobody knows better.
                let is_plain = u128::from(off) > (took + self.tolerance).as_millis();
                (took <= PROMPT || is_plain).then_some(middle)
            }
            None => Some(self.slowest().await?),
        };
        let Some(decides) = decides else { return Ok(()) };
        match self.clock.go_by(decides, self.tolerance) {
            Some((ClockState::Right, _)) => tracing::info!("this machine's clock is right again"),
            Some((state, ahead)) => tracing::error!(
                alert = true,
                clock.ahead_ms = ahead,
                clock.takes_work = state != ClockState::Wrong,
                "this machine's clock differs from the others': set it, best by NTP"
            ),
            None => {}
        }
        Ok(())
    }

    /// The slowest clock of those on this file that go.
    async fn slowest(&mut self) -> Result<Timestamp, StoreError> {
        let own = self.clock.own();
        let found = self.store.other_instances(&self.name).await?;
        // Alone it need not write every time.
        if !found.is_empty() || self.noted.is_none_or(|noted| noted.elapsed() >= ALONE) {
            match self.store.note_instance(&self.name, own).await {
                Ok(()) => self.noted = Some(Instant::now()),
                // As on a full disk: the others can be read all the same.
                Err(error) => tracing::debug!(%error, "the others are not told the time"),
            }
        }
        let mut slowest = own;
        let mut others = HashMap::new();
        for (name, at) in found {
            let other = match self.others.get(&name) {
                Some(known) if known.at == at => *known,
                known => Other { at, seen: Instant::now(), goes: known.is_some() },
            };
            // It goes. What it said may be as old as the time between two looks.
            if other.goes && other.seen.elapsed() <= SILENT {
                let latest = at.plus(other.seen.elapsed() + LOOK);
                if own.since(latest) > self.tolerance {
                    slowest = slowest.min(latest);
                }
            }
            others.insert(name, other);
        }
        let is_gone = |other: &Other| other.seen.elapsed() > GONE || own.since(other.at) > GONE * 30;
        let gone = others.iter().filter(|(_, other)| is_gone(other));
        for name in gone.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.store.forget_instance(&name).await?;
            others.remove(&name);
        }
        self.others = others;
        Ok(slowest)
    }

    /// Takes leave of the others.
    pub async fn leave(&self) -> Result<(), StoreError> {
        self.store.forget_instance(&self.name).await
    }
}

/// Compares until the checkout stops. One that was started again knows what the last one knew.
pub async fn run_timekeeper<P: Payments, G: Grants>(
    checkout: Checkout<P, G>,
    keeper: Arc<Mutex<Timekeeper>>,
    heartbeat: Heartbeat,
) {
    let mut keeper = keeper.lock().await;
    let mut looks = 0_u64;
    loop {
        heartbeat.beat();
        if let Err(error) = keeper.look().await {
            static UNTOLD: Quiet = Quiet::new();
            if let Some(more) = UNTOLD.speak() {
                tracing::warn!(%error, more, "the time can't be asked for");
            }
        }
        // Whoever asks for readiness or nobody at all: that nothing can be written is told.
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
        tracing::warn!(%error, "the others will wonder whether this server goes on");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::CurrentCatalog;
    use crate::purchase::Limits;
    use test_database::TestDatabase;

    const TOLERANCE: Duration = Duration::from_secs(2);
    const FAST: i64 = 660_000;

    async fn keeper(database: &TestDatabase, ahead: i64) -> Timekeeper {
        let limits = Limits {
            hold: TOLERANCE,
            payment: TOLERANCE,
            check: TOLERANCE,
            partial_dispute_ends_access: false,
        };
        let store = Store::connect(database.url(), limits, CurrentCatalog::default()).await.unwrap();
        Timekeeper::new(store, Clock::ahead_by(ahead), TOLERANCE)
    }

    /// How far this instance's time is from this machine's, which the database has, too.
    fn off(keeper: &Timekeeper) -> i64 {
        (keeper.clock.now().as_millis() - crate::clock::now().as_millis()).abs()
    }

    #[tokio::test]
    async fn a_fast_clock_decides_nothing() {
        let database = TestDatabase::new().await;
        let [mut right, mut fast] = [keeper(&database, 0).await, keeper(&database, FAST).await];
        right.settle().await.unwrap();
        // It goes on, while the other looks whether it does.
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

    #[test]
    fn a_clock_goes_on_from_the_time_that_decides() {
        let clock = Clock::ahead_by(3000);
        let decides = crate::clock::now();
        assert!(matches!(clock.go_by(decides, TOLERANCE), Some((ClockState::Off, 2990..=3010))));
        assert_eq!(clock.go_by(decides, TOLERANCE), None, "it is said once");
        assert!((clock.now().as_millis() - decides.as_millis()).abs() < 500);
        let clock = Clock::ahead_by(-6000);
        assert!(matches!(
            clock.go_by(crate::clock::now(), TOLERANCE),
            Some((ClockState::Wrong, -6010..=-5990))
        ));
        assert_eq!(Clock::ahead_by(0).go_by(crate::clock::now(), TOLERANCE), None);
    }
}
