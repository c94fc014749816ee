//! The circuit breaker: pauses the sale of offerings that FlockJay doesn't have, or whose grants keep failing, and
//! resumes it.
use crate::catalog::{Catalog, Item};
use crate::checkout::Checkout;
use crate::grants::GrantsError;
use crate::heartbeat::Heartbeat;
use futures_util::StreamExt;
use futures_util::stream;
use shared::Timestamp;
use std::time::Duration;

/// How often every resource is checked. Those not known to exist, or whose sale is about to open, are checked in every
/// round.
const CHECK_INTERVAL: Duration = Duration::from_secs(3600);
/// How long a grant may fail before its offering is paused: a shorter outage costs no sale.
const FAILING_FOR: Duration = Duration::from_secs(900);
/// Number of purchases that need attention, each refused for good, from which on the offering itself is at fault.
const MAX_REFUSALS: i64 = 3;
/// How long the sale stays paused after the last refusal; then one more buyer may try.
const PAUSE: Duration = Duration::from_secs(3600);
/// Resources checked at the same time.
const AT_ONCE: usize = 8;
/// How long a catalogue waits for FlockJay's answers before its offerings are sold.
const FIRST_WORD: Duration = Duration::from_secs(2);

/// Checks every `interval` until the checkout stops.
pub async fn run_circuit(checkout: Checkout, interval: Duration, heartbeat: Heartbeat) {
    let mut round = checkout.now();
    loop {
        heartbeat.beat();
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = checkout.stop.cancelled() => return,
        }
        let now = checkout.now();
        let all = now.since(round) >= CHECK_INTERVAL;
        if all {
            round = now;
        }
        let catalog = checkout.catalog.get();
        let soon = now.plus(interval * 3);
        let asks = |item: &Item| {
            all || item.sale_opens_at.is_some_and(|opens| opens > now && opens <= soon)
                || checkout.pauses.exists(&item.resource) != Some(true)
        };
        tokio::select! {
            () = ask(&checkout, &catalog, asks, &heartbeat) => {}
            () = checkout.stop.cancelled() => return,
        }
        count_failures(&checkout, now).await;
    }
}

/// Checks the resources in `catalog`, and which grants have been failing, before any of it is sold. If FlockJay doesn't
/// answer, the sale opens nevertheless: the grants will wait.
pub async fn look_first(checkout: &Checkout, catalog: &Catalog) {
    let unheard = Heartbeat::unheard();
    let asked = ask(checkout, catalog, |_| true, &unheard);
    if tokio::time::timeout(FIRST_WORD, asked).await.is_err() {
        tracing::warn!("timed out asking FlockJay whether every offering's resource exists");
    }
    count_failures(checkout, checkout.now()).await;
}

async fn count_failures(checkout: &Checkout, now: Timestamp) {
    match checkout.store.failing_skus(now.minus(FAILING_FOR), MAX_REFUSALS, now.minus(PAUSE)).await {
        Ok(failing) => {
            for sku in checkout.pauses.set_failing(failing) {
                tracing::error!(alert = true, offering.sku = sku, "grants keep failing; sale paused");
            }
        }
        Err(error) => tracing::error!(%error, "failed to count failing grants"),
    }
}

async fn ask(checkout: &Checkout, catalog: &Catalog, asks: impl Fn(&Item) -> bool, heartbeat: &Heartbeat) {
    let items = catalog.items().filter(|item| asks(item));
    stream::iter(items).for_each_concurrent(AT_ONCE, |item| ask_for(checkout, item, heartbeat)).await;
}

async fn ask_for(checkout: &Checkout, item: &Item, heartbeat: &Heartbeat) {
    heartbeat.beat();
    let (kind, id) = (&item.resource.kind, &item.resource.id);
    let exists = match checkout.grants.exists(&item.resource).await {
        Ok(exists) => exists,
        // If FlockJay refuses to answer us, it would refuse a grant, too.
        Err(GrantsError::Permanent { message }) => {
            tracing::warn!(
                offering.sku = item.sku,
                error = message,
                "FlockJay refused to look up {kind} {id}"
            );
            false
        }
        // Nothing is known, so nothing changes.
        Err(GrantsError::Transient { message, .. }) => {
            tracing::warn!(
                offering.sku = item.sku,
                error = message,
                "failed to look up {kind} {id} in FlockJay"
            );
            return;
        }
    };
    match (checkout.pauses.set_exists(&item.resource, exists), exists) {
        (Some(false), true) => {
            tracing::info!(offering.sku = item.sku, "FlockJay has {kind} {id} again; sale resumed");
        }
        (None | Some(true), false) => {
            tracing::error!(
                alert = true,
                offering.sku = item.sku,
                "FlockJay has no {kind} {id}, or denies us access; sale paused"
            );
        }
        (None | Some(true), true) | (Some(false), false) => {}
    }
}
