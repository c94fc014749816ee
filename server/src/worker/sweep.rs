//! The sweep: wakes every purchase that has waited too long, so that a lost message holds nothing up.
use crate::checkout::Checkout;
use crate::error::Error;
use crate::fault_injection::{Guard, enabled};
use crate::heartbeat::Heartbeat;
use crate::purchase::Event;
use crate::quiet::Quiet;
use crate::store::StoreError;
use std::time::Duration;

/// How long to postpone a purchase that can't be woken.
const LATER: Duration = Duration::from_secs(3600);
/// How long an `Idempotency-Key` is honoured; far longer than any client repeats a request.
const KEYS_KEPT: Duration = Duration::from_secs(7 * 86_400);
/// How long records of sent emails are kept.
const MAILS_KEPT: Duration = Duration::from_secs(90 * 86_400);
/// How often older records are deleted.
const FORGETS: Duration = Duration::from_secs(3600);
/// Purchases woken per batch.
const BATCH: i64 = 200;
/// Batches to catch up with per sweep, so that purchases that are due soon don't wait for all of them.
const CATCH_UPS: usize = 5;

/// Runs every `interval` until the checkout stops.
pub async fn run_sweep(checkout: Checkout, interval: Duration, heartbeat: Heartbeat) {
    loop {
        heartbeat.beat();
        if checkout.takes_work()
            && let Err(error) = sweep(&checkout, &heartbeat).await
        {
            tracing::error!(%error, "sweep failed");
        }
        if let Err(error) = forget(&checkout).await {
            tracing::error!(%error, "failed to delete expired data");
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = checkout.stop.cancelled() => return,
        }
    }
}

/// Wakes everything that is due.
pub async fn sweep(checkout: &Checkout, heartbeat: &Heartbeat) -> Result<(), StoreError> {
    while enabled(Guard::Swept) {
        let due = checkout.store.due_purchases(checkout.now(), BATCH).await?;
        let mut woken = 0;
        for id in &due {
            heartbeat.beat();
            match checkout.apply(id, Event::Woken).await {
                Ok(_) => woken += 1,
                // A server of a newer release wakes it.
                Err(Error::Store(StoreError::Newer)) => {}
                Err(Error::Refused(refusal)) => tracing::error!(?refusal, "purchase rejected its wake-up"),
                Err(Error::Store(error)) if error.is_passing() => return Err(error),
                // A purchase that can't be read must not keep the others asleep.
                Err(error) => {
                    tracing::error!(alert = true, %error, purchase.id = ?id, "failed to wake a purchase");
                    checkout.store.postpone(id, checkout.now().plus(LATER)).await?;
                }
            }
        }
        // If none of a full batch could be woken, the next batch would be the same.
        let more = due.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX) && woken > 0;
        if !more || checkout.stop.is_cancelled() {
            break;
        }
    }
    for sku in checkout.store.lapsed_reservations(checkout.now()).await? {
        let mut tx = checkout.store.begin().await?;
        let seats = tx.end_reservations(&sku, checkout.now()).await?;
        tx.commit().await?;
        tracing::info!(offering.sku = sku, seats, "codes expired unused; their seats are back on sale");
    }
    catch_up(checkout, heartbeat).await
}

/// Catches up with some of what servers of an earlier release write during a rollout.
async fn catch_up(checkout: &Checkout, heartbeat: &Heartbeat) -> Result<(), StoreError> {
    let mut last = None;
    for _ in 0..CATCH_UPS {
        let behind = checkout.store.underived_purchases(last.as_ref(), BATCH).await?;
        for id in &behind {
            heartbeat.beat();
            let mut tx = checkout.store.begin().await?;
            let caught_up = match tx.derive(id, checkout.now()).await {
                Ok(()) => tx.commit().await,
                failed => failed,
            };
            // The next sweep tries it again; it holds up no other purchase.
            if let Err(error) = caught_up {
                static LEFT: Quiet = Quiet::new();
                if let Some(more) = LEFT.speak() {
                    tracing::error!(%error, more, purchase.id = ?id, "failed to update a purchase's derived data");
                }
            }
        }
        last = behind.last().cloned();
        if last.is_none() || checkout.stop.is_cancelled() {
            break;
        }
    }
    Ok(())
}

async fn forget(checkout: &Checkout) -> Result<(), StoreError> {
    let now = checkout.now();
    checkout.abuse.process.forget();
    if checkout.store.claim_job("forget keys", now, FORGETS, FORGETS).await? {
        checkout.store.forget_keys(now.minus(KEYS_KEPT)).await?;
        checkout.store.forget_rates(now).await?;
        checkout.store.forget_mails(now.minus(MAILS_KEPT)).await?;
    }
    Ok(())
}
