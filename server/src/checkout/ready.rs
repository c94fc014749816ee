//! Readiness: whether this instance can do its work, so that requests should be sent to it.
use super::Checkout;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long an answer is valid, so that frequent checks don't write to the database more often.
const FRESH: Duration = Duration::from_secs(1);

/// The last result, and when it was found. Concurrent checks wait for the one under way.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<Option<(Instant, bool)>>>);

impl Checkout {
    /// The reason why this instance is not ready: `database` if nothing can be written, `clock` if its own is
    /// wrong, and the names of background loops whose heartbeat is late. Empty if it is ready.
    pub async fn waits_for(&self) -> Vec<String> {
        let mut waiting = self.heartbeats.late();
        if !self.takes_work() {
            waiting.insert(0, "clock".to_owned());
        }
        if !self.can_write().await {
            waiting.insert(0, "database".to_owned());
        }
        waiting
    }

    /// Whether the database can be written to, or could within the last second.
    pub(crate) async fn can_write(&self) -> bool {
        let mut found = self.readiness.0.lock().await;
        if let Some((at, can)) = *found
            && at.elapsed() < FRESH
        {
            return can;
        }
        let written = self.store.write_probe(self.now()).await;
        // Logged once when it begins, and once when it is over.
        let could = found.is_none_or(|(_, could)| could);
        match &written {
            Err(error) if could => tracing::error!(
                alert = true,
                %error,
                "database writes are failing: check the database's host and disk space; due work is delayed, not lost"
            ),
            Ok(()) if !could => tracing::info!("database writes have recovered"),
            _ => {}
        }
        *found = Some((Instant::now(), written.is_ok()));
        written.is_ok()
    }
}
