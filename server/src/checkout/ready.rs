//! Whether this instance does what it is there for, so that requests should be sent to it.
use super::Checkout;
use crate::grants::Grants;
use crate::payments::Payments;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// For how long an answer is good: however often it is asked for, the database is written to no more often.
const FRESH: Duration = Duration::from_secs(1);

/// What was found last, and when. Whoever asks while somebody looks waits for that answer.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<Option<(Instant, bool)>>>);

impl<P: Payments, G: Grants> Checkout<P, G> {
    /// What this instance waits for before it is ready: `database` where nothing can be written, `clock` where its own is
    /// wrong, and the names of background loops that show no sign of life. Nothing where it is ready.
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

    /// Whether something can be written now, or could a second ago.
    pub(crate) async fn can_write(&self) -> bool {
        let mut found = self.readiness.0.lock().await;
        if let Some((at, can)) = *found
            && at.elapsed() < FRESH
        {
            return can;
        }
        let written = self.store.write_probe(self.now()).await;
        // It is told once, and once more when it is over.
        let could = found.is_none_or(|(_, could)| could);
        match &written {
            Err(error) if could => tracing::error!(
                alert = true,
                %error,
                "nothing can be written to the database: is its disk full, or its host away? Nothing is lost; what is due waits"
            ),
            Ok(()) if !could => tracing::info!("the database can be written to again"),
            _ => {}
        }
        *found = Some((Instant::now(), written.is_ok()));
        written.is_ok()
    }
}
