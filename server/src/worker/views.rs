//! Stores what was seen, now and then.
use crate::funnel::Views;
use crate::heartbeat::Heartbeat;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// As much as a crash loses.
const INTERVAL: Duration = Duration::from_secs(5);

/// Runs until `stop`, and stores the rest then.
pub async fn run_views(store: Store, views: Arc<Views>, stop: CancellationToken, heartbeat: Heartbeat) {
    loop {
        heartbeat.beat();
        let stopped = tokio::select! {
            () = tokio::time::sleep(INTERVAL) => false,
            () = stop.cancelled() => true,
        };
        let seen = views.take();
        if !seen.is_empty()
            && let Err(error) = store.add_views(&seen).await
        {
            tracing::warn!(%error, "what was seen can't be stored now");
            for (shelf, seen) in seen {
                views.add(shelf, seen);
            }
        }
        if stopped {
            return;
        }
    }
}
