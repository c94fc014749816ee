//! Reconciliation as a job of the running servers: one of them does it for all.
use super::Scope;
use crate::checkout::Checkout;
use crate::heartbeat::Heartbeat;
use std::convert::Infallible;
use std::time::Duration;

const JOB: &str = "reconcile";
/// The name for its repairs in the audit trail.
const WHO: &str = "daily reconcile";
/// How far back it looks: a refund or a dispute may come long after the payment.
const BACK: Duration = Duration::from_secs(30 * 86_400);
/// How long to wait after a failed run before the next.
const AGAIN: Duration = Duration::from_secs(900);
/// How long an instance keeps a run without renewing its lease: after a crash, another takes over that soon.
const LEASE: Duration = Duration::from_secs(60);
/// How often an instance checks whether a run is due.
const LOOK: Duration = Duration::from_secs(60);

/// Reconciles every `interval` until the checkout stops.
pub async fn run_daily(checkout: Checkout, interval: Duration, heartbeat: Heartbeat) {
    loop {
        heartbeat.beat();
        match checkout.store.claim_job(JOB, checkout.now(), interval, LEASE.min(interval)).await {
            Ok(true) => {
                tokio::select! {
                    next = compare(&checkout, interval) => postpone(&checkout, next).await,
                    never = keep_lease(&checkout, &heartbeat) => match never {},
                    () = checkout.stop.cancelled() => return,
                }
            }
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "failed to check whether reconciliation is due"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK.min(interval)) => {}
            () = checkout.stop.cancelled() => return,
        }
    }
}

async fn keep_lease(checkout: &Checkout, heartbeat: &Heartbeat) -> Infallible {
    loop {
        heartbeat.beat();
        tokio::time::sleep(LEASE / 3).await;
        postpone(checkout, LEASE).await;
    }
}

async fn postpone(checkout: &Checkout, wait: Duration) {
    if let Err(error) = checkout.store.postpone_job(JOB, checkout.now().plus(wait)).await {
        tracing::error!(%error, "failed to schedule the next reconciliation");
    }
}

/// Returns how long to wait before the next run.
async fn compare(checkout: &Checkout, interval: Duration) -> Duration {
    let scope = Scope { since: checkout.now().minus(BACK), mends: Some(WHO) };
    match checkout.reconcile(scope, &|_| {}).await {
        Ok(report) => {
            for finding in &report.findings {
                let (reference, detail) = (&finding.reference, &finding.detail);
                if finding.mended {
                    tracing::warn!(
                        purchase.reference = reference,
                        detail,
                        "reconciliation fixed a difference"
                    );
                } else {
                    tracing::error!(
                        alert = true,
                        purchase.reference = reference,
                        detail,
                        "reconciliation found a difference that needs attention"
                    );
                }
            }
            tracing::info!(
                payment_intents = report.payment_intents,
                purchases = report.purchases,
                differences = report.findings.len(),
                open = report.open(),
                "reconciliation finished"
            );
            interval
        }
        Err(error) => {
            tracing::error!(%error, "reconciliation failed; will retry");
            AGAIN.min(interval)
        }
    }
}
