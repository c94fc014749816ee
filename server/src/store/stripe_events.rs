//! Stripe's events as received, each stored once.
use super::{StoreError, Tx};
use crate::purchase::PurchaseId;
use shared::Timestamp;

/// One event from Stripe.
#[derive(Clone, Debug)]
pub struct StoredEvent<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    pub object_id: Option<&'a str>,
    /// The raw body, whose signature was verified; empty if it must not be stored.
    pub body: &'a str,
}

impl Tx {
    /// Stores the event; `false` if it is already known.
    pub async fn keep_event(
        &mut self,
        event: &StoredEvent<'_>,
        purchase: Option<&PurchaseId>,
        outcome: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let kept = sqlx::query(
            "INSERT INTO stripe_events (id, kind, object_id, purchase_id, outcome, received_at, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
        )
        .bind(event.id)
        .bind(event.kind)
        .bind(event.object_id)
        .bind(purchase.map(PurchaseId::as_str))
        .bind(outcome)
        .bind(now.as_millis())
        .bind(event.body)
        .execute(self.connection())
        .await?;
        Ok(kept.rows_affected() == 1)
    }
}
