//! The circuit: pauses the sale of what FlockJay has not, or whose grants have been failing, and opens it again.
use crate::catalog::{Catalog, Item};
use crate::checkout::Checkout;
use crate::clock;
use crate::grants::{Grants, GrantsError};
use crate::payments::Payments;
use shared::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// How often every resource is asked for, beside those that are missing and those whose sale is about to open.
const ROUND: Duration = Duration::from_secs(3600);
/// For how long a grant may fail before its offering is paused: an outage that short costs nobody a sale.
const PATIENCE: Duration = Duration::from_secs(900);
/// Purchases that need a person, each refused for good, after which it is the offering that is wrong.
const REFUSALS: i64 = 3;

/// Looks every `interval` until the checkout stops.
pub async fn run_circuit<P: Payments, G: Grants>(checkout: Checkout<P, G>, interval: Duration) {
    let mut round: Option<(Timestamp, Arc<Catalog>)> = None;
    loop {
        let (now, catalog) = (clock::now(), checkout.catalog.get());
        let all = round
            .as_ref()
            .is_none_or(|(since, known)| now.since(*since) >= ROUND || !Arc::ptr_eq(known, &catalog));
        for item in catalog.items() {
            let opens_soon =
                item.sale_opens_at.is_some_and(|opens| opens > now && opens <= now.plus(interval * 3));
            if all || opens_soon || checkout.pauses.is_missing(&item.sku) {
                tokio::select! {
                    () = ask(&checkout, item) => {}
                    () = checkout.stop.cancelled() => return,
                }
            }
        }
        if all {
            round = Some((now, catalog));
        }
        match checkout.store.failing_skus(now.minus(PATIENCE), REFUSALS).await {
            Ok(failing) => {
                for sku in checkout.pauses.set_failing(failing) {
                    tracing::error!(
                        alert = true,
                        offering.sku = sku,
                        "grants keep failing: its sale is paused"
                    );
                }
            }
            Err(error) => tracing::error!(%error, "failing grants can't be counted"),
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = checkout.pauses.woken() => {}
            () = checkout.stop.cancelled() => return,
        }
    }
}

async fn ask<P: Payments, G: Grants>(checkout: &Checkout<P, G>, item: &Item) {
    let (kind, id) = (&item.resource.kind, &item.resource.id);
    match checkout.grants.exists(&item.resource).await {
        Ok(true) => {
            if checkout.pauses.set_missing(&item.sku, false) {
                tracing::info!(offering.sku = item.sku, "FlockJay has {kind} {id} again: its sale goes on");
            }
        }
        Ok(false) => {
            if checkout.pauses.set_missing(&item.sku, true) {
                tracing::error!(
                    alert = true,
                    offering.sku = item.sku,
                    "FlockJay has no {kind} {id}: its sale is paused"
                );
            }
        }
        // Nothing is known, so nothing changes.
        Err(GrantsError::Permanent { message } | GrantsError::Transient { message, .. }) => {
            tracing::warn!(
                offering.sku = item.sku,
                error = message,
                "FlockJay can't say whether {kind} {id} exists"
            );
        }
    }
}
