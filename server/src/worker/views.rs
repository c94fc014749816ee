//! Stores view counts periodically.
use crate::funnel::Views;
use crate::heartbeat::Heartbeat;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often view counts are stored: a crash loses at most this much.
const INTERVAL: Duration = Duration::from_secs(5);

/// Runs until `stop`, then stores the rest.
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
            tracing::warn!(%error, "failed to store view counts");
            for (key, seen) in seen {
                views.add(key, seen);
            }
        }
        if stopped {
            return;
        }
    }
}
