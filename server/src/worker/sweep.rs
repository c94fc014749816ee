//! The sweep: wakes every purchase that has waited too long, so that a lost message holds nothing up.
use crate::checkout::Checkout;
use crate::clock;
use crate::grants::Grants;
use crate::payments::Payments;
use crate::purchase::Event;
use crate::store::StoreError;
use std::time::Duration;

/// Purchases woken in one go.
const BATCH: i64 = 200;

/// Runs every `interval` until the checkout stops.
pub async fn run_sweep<P: Payments, G: Grants>(checkout: Checkout<P, G>, interval: Duration) {
    loop {
        if let Err(error) = sweep(&checkout).await {
            tracing::error!(%error, "sweep failed");
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = checkout.stop.cancelled() => return,
        }
    }
}

async fn sweep<P: Payments, G: Grants>(checkout: &Checkout<P, G>) -> Result<(), StoreError> {
    loop {
        let due = checkout.store.due_purchases(clock::now(), BATCH).await?;
        for id in &due {
            if let Err(refusal) = checkout.store.apply(id, Event::Woken, clock::now()).await? {
                tracing::error!(?refusal, "a purchase refused to wake");
            }
        }
        if due.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) || checkout.stop.is_cancelled() {
            return Ok(());
        }
    }
}
