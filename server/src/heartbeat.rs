//! Heartbeats of the background loops: a loop that falls silent is logged, shown by `/readyz` and the metrics, and
//! restarted.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often a running loop is checked, and how long a loop that has ended waits for its restart.
const LOOK: Duration = Duration::from_secs(1);

/// All loops of this process.
#[derive(Clone, Default)]
pub struct Heartbeats(Arc<Mutex<Vec<Heartbeat>>>);

/// The heartbeat of one loop, which beats it in every round.
#[derive(Clone, Debug)]
pub struct Heartbeat(Arc<State>);

#[derive(Debug)]
struct State {
    name: String,
    /// The longest silence allowed: more than its slowest round takes.
    allowed: Duration,
    last: Mutex<Instant>,
    restarts: AtomicU64,
}

impl Heartbeat {
    /// A heartbeat that nobody watches, for running a round by hand.
    #[must_use]
    pub fn unheard() -> Self {
        Self::new(String::new(), Duration::MAX)
    }

    fn new(name: String, allowed: Duration) -> Self {
        let last = Mutex::new(Instant::now());
        Self(Arc::new(State { name, allowed, last, restarts: AtomicU64::new(0) }))
    }

    /// Records that the loop is alive.
    pub fn beat(&self) {
        *self.last() = Instant::now();
    }

    /// Time since the last beat.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.last().elapsed()
    }

    fn is_late(&self) -> bool {
        self.silence() > self.0.allowed
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heartbeats {
    /// Runs a loop until `stop`. A loop that is silent for longer than `allowed`, panics or ends by itself is logged
    /// and restarted: its work is leased, so it continues here or on another instance.
    pub async fn keep<F>(
        &self,
        name: impl Into<String>,
        allowed: Duration,
        stop: &CancellationToken,
        start: impl Fn(Heartbeat) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let heartbeat = Heartbeat::new(name.into(), allowed);
        self.lock().push(heartbeat.clone());
        loop {
            heartbeat.beat();
            let mut running = tokio::spawn(start(heartbeat.clone()));
            let why = loop {
                tokio::select! {
                    // The loop sees `stop` as well, and finishes what is in flight.
                    ended = &mut running => match ended {
                        _ if stop.is_cancelled() => return,
                        Ok(()) => break "ended",
                        Err(_) => break "panicked",
                    },
                    () = tokio::time::sleep(LOOK) => if heartbeat.is_late() {
                        running.abort();
                        break "fell silent";
                    }
                }
            };
            heartbeat.0.restarts.fetch_add(1, Ordering::Relaxed);
            tracing::error!(alert = true, background = heartbeat.0.name, why, "restarting a background loop");
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Names of the loops that have been silent for too long.
    #[must_use]
    pub fn late(&self) -> Vec<String> {
        let late = |heartbeat: &&Heartbeat| heartbeat.is_late();
        self.lock().iter().filter(late).map(|heartbeat| heartbeat.0.name.clone()).collect()
    }

    /// Name, silence and restarts of each loop.
    #[must_use]
    pub fn all(&self) -> Vec<(String, Duration, u64)> {
        let each = |heartbeat: &Heartbeat| {
            let restarts = heartbeat.0.restarts.load(Ordering::Relaxed);
            (heartbeat.0.name.clone(), heartbeat.silence(), restarts)
        };
        self.lock().iter().map(each).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Heartbeat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    async fn restarted(body: fn(usize) -> bool) -> usize {
        let (heartbeats, stop, starts) =
            (Heartbeats::default(), CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
        let counting = starts.clone();
        let stopping = stop.clone();
        let keep = heartbeats.keep("a loop", Duration::from_millis(20), &stop, move |heartbeat| {
            let (start, stop) = (counting.fetch_add(1, Ordering::SeqCst), stopping.clone());
            async move {
                if start > 1 {
                    stop.cancel();
                    return;
                }
                if body(start) {
                    // Silent forever, like a read from a host that is gone.
                    std::future::pending::<()>().await;
                }
                heartbeat.beat();
            }
        });
        tokio::time::timeout(Duration::from_secs(60), keep).await.expect("it ends with the stop");
        assert_eq!(heartbeats.all()[0].2, 2);
        starts.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn a_loop_that_ends_is_started_again() {
        assert_eq!(restarted(|_| false).await, 3);
    }

    #[tokio::test]
    async fn a_loop_that_falls_silent_is_started_again() {
        assert_eq!(restarted(|_| true).await, 3);
    }

    #[tokio::test]
    async fn a_loop_that_panics_is_started_again() {
        assert_eq!(restarted(|start| panic!("start {start}")).await, 3);
    }

    #[test]
    fn one_that_is_silent_for_too_long_is_named() {
        let heartbeats = Heartbeats::default();
        let heartbeat = Heartbeat::new("sweep".to_owned(), Duration::ZERO);
        heartbeats.lock().extend([heartbeat, Heartbeat::new("mail".to_owned(), Duration::from_secs(60))]);
        assert_eq!(heartbeats.late(), ["sweep"]);
    }
}
