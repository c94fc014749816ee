//! The circuit: pauses the sale of what FlockJay has not, or whose grants have been failing, and opens it again.
use crate::catalog::{Catalog, Item};
use crate::checkout::Checkout;
use crate::grants::{Grants, GrantsError};
use crate::heartbeat::Heartbeat;
use crate::payments::Payments;
use futures_util::StreamExt;
use futures_util::stream;
use shared::Timestamp;
use std::time::Duration;

/// How often every resource is asked for, beside those that are not known to exist and those whose sale is about to open.
const ROUND: Duration = Duration::from_secs(3600);
/// For how long a grant may fail before its offering is paused: an outage that short costs nobody a sale.
const PATIENCE: Duration = Duration::from_secs(900);
/// Purchases that need a person, each refused for good, after which it is the offering that is wrong.
const REFUSALS: i64 = 3;
/// For how long after the last refusal it stays paused: then one more buyer may try.
const PAUSE: Duration = Duration::from_secs(3600);
/// Resources asked for at the same time.
const AT_ONCE: usize = 8;
/// How long a catalogue waits for FlockJay's word before it is sold from.
const FIRST_WORD: Duration = Duration::from_secs(2);

/// Looks every `interval` until the checkout stops.
pub async fn run_circuit<P: Payments, G: Grants>(
    checkout: Checkout<P, G>,
    interval: Duration,
    heartbeat: Heartbeat,
) {
    let mut round = checkout.now();
    loop {
        heartbeat.beat();
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = checkout.stop.cancelled() => return,
        }
        let now = checkout.now();
        let all = now.since(round) >= ROUND;
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

/// Asks for what is in `catalog`, and sees what was failing, before anything of it is sold. Where FlockJay is silent
/// the sale opens all the same: the grants will wait.
pub async fn look_first<P: Payments, G: Grants>(checkout: &Checkout<P, G>, catalog: &Catalog) {
    let unheard = Heartbeat::unheard();
    let asked = ask(checkout, catalog, |_| true, &unheard);
    if tokio::time::timeout(FIRST_WORD, asked).await.is_err() {
        tracing::warn!("FlockJay has not said yet whether all that is sold exists");
    }
    count_failures(checkout, checkout.now()).await;
}

async fn count_failures<P: Payments, G: Grants>(checkout: &Checkout<P, G>, now: Timestamp) {
    match checkout.store.failing_skus(now.minus(PATIENCE), REFUSALS, now.minus(PAUSE)).await {
        Ok(failing) => {
            for sku in checkout.pauses.set_failing(failing) {
                tracing::error!(alert = true, offering.sku = sku, "grants keep failing: its sale is paused");
            }
        }
        Err(error) => tracing::error!(%error, "failing grants can't be counted"),
    }
}

async fn ask<P: Payments, G: Grants>(
    checkout: &Checkout<P, G>,
    catalog: &Catalog,
    asks: impl Fn(&Item) -> bool,
    heartbeat: &Heartbeat,
) {
    let items = catalog.items().filter(|item| asks(item));
    stream::iter(items).for_each_concurrent(AT_ONCE, |item| ask_for(checkout, item, heartbeat)).await;
}

async fn ask_for<P: Payments, G: Grants>(checkout: &Checkout<P, G>, item: &Item, heartbeat: &Heartbeat) {
    heartbeat.beat();
    let (kind, id) = (&item.resource.kind, &item.resource.id);
    let exists = match checkout.grants.exists(&item.resource).await {
        Ok(exists) => exists,
        // Who is not even told would be granted nothing.
        Err(GrantsError::Permanent { message }) => {
            tracing::warn!(
                offering.sku = item.sku,
                error = message,
                "FlockJay won't say whether {kind} {id} exists"
            );
            false
        }
        // Nothing is known, so nothing changes.
        Err(GrantsError::Transient { message, .. }) => {
            tracing::warn!(
                offering.sku = item.sku,
                error = message,
                "FlockJay can't say whether {kind} {id} exists"
            );
            return;
        }
    };
    match (checkout.pauses.set_exists(&item.resource, exists), exists) {
        (Some(false), true) => {
            tracing::info!(offering.sku = item.sku, "FlockJay has {kind} {id} again: its sale goes on");
        }
        (None | Some(true), false) => {
            tracing::error!(
                alert = true,
                offering.sku = item.sku,
                "FlockJay has no {kind} {id}, or not for us: its sale is paused"
            );
        }
        (None | Some(true), true) | (Some(false), false) => {}
    }
}
