//! Live seat counts, for pages that show them.
use super::Checkout;
use crate::error::Error;
use crate::heartbeat::Heartbeat;
use crate::quiet::Quiet;
use shared::{Sale, SeatsNews};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How often seats are read again, since other instances and the clock change them too.
const LOOK: Duration = Duration::from_millis(500);

/// The watchers of each offering's seats. One query serves them all.
#[derive(Clone, Default)]
pub struct SeatWatch(Arc<Mutex<HashMap<String, watch::Sender<SeatsNews>>>>);

impl Checkout {
    /// The seats of `sku` now, and again at every change.
    pub async fn watch_seats(&self, sku: &str) -> Result<watch::Receiver<SeatsNews>, Error> {
        let now = SeatsNews::of(&self.offering(sku).await?);
        Ok(self.seats.subscribe(sku, now))
    }

    /// Notifies watchers until the checkout stops.
    pub async fn run_seat_watch(self, heartbeat: Heartbeat) {
        loop {
            heartbeat.beat();
            tokio::select! {
                () = self.store.wait_for_seats() => {}
                () = tokio::time::sleep(LOOK) => {}
                () = self.stop.cancelled() => return,
            }
            let watched = self.seats.watched();
            if watched.is_empty() {
                continue;
            }
            match self.store.all_taken_seats().await {
                Ok(taken) => watched.iter().for_each(|sku| self.tell_seats(sku, &taken)),
                Err(error) => {
                    static UNREAD: Quiet = Quiet::new();
                    if let Some(more) = UNREAD.speak() {
                        tracing::warn!(%error, more, "failed to read taken seats");
                    }
                }
            }
        }
    }

    fn tell_seats(&self, sku: &str, taken: &HashMap<String, i64>) {
        let catalog = self.catalog.get();
        let taken = taken.get(sku).copied().unwrap_or_default();
        let news = match catalog.find(sku) {
            Some(item) => SeatsNews::of(&self.shown(item, taken, self.now())),
            None => SeatsNews { left: None, capacity: None, sale: Sale::Closed },
        };
        self.seats.tell(sku, news);
    }
}

impl SeatWatch {
    fn subscribe(&self, sku: &str, now: SeatsNews) -> watch::Receiver<SeatsNews> {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.entry(sku.to_owned()).or_insert_with(|| watch::channel(now).0).subscribe()
    }

    /// The SKUs that still have watchers.
    fn watched(&self) -> Vec<String> {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, sender| sender.receiver_count() > 0);
        watched.keys().cloned().collect()
    }

    fn tell(&self, sku: &str, news: SeatsNews) {
        let watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = watched.get(sku) {
            sender.send_if_modified(|known| std::mem::replace(known, news) != news);
        }
    }
}
