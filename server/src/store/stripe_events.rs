//! Stripe's events as they came, each kept once.
use super::{StoreError, Tx};
use crate::purchase::PurchaseId;
use shared::Timestamp;

/// One event of Stripe's.
#[derive(Clone, Debug)]
pub struct StoredEvent<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    pub object_id: Option<&'a str>,
    /// The raw body, whose signature was checked.
    pub body: &'a str,
}

impl Tx {
    /// Keeps the event; `false` where it is known already. What it says is kept only of purchases, and not of a learner who
    /// was erased: it may name people.
    pub async fn keep_event(
        &mut self,
        event: &StoredEvent<'_>,
        purchase: Option<&PurchaseId>,
        outcome: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let kept = sqlx::query(
            "INSERT INTO stripe_events (id, kind, object_id, purchase_id, outcome, received_at, body) \
             VALUES ($1, $2, $3, $4, $5, $6, \
             CASE WHEN $4 IS NULL OR EXISTS (SELECT 1 FROM purchases WHERE id = $4 AND email IS NULL) THEN '' ELSE $7 END) ON CONFLICT (id) DO NOTHING",
        )
        .bind(event.id)
        .bind(event.kind)
        .bind(event.object_id)
        .bind(purchase.map(PurchaseId::as_str))
        .bind(outcome)
        .bind(now.as_millis())
        .bind(event.body)
        .execute(&mut *self.inner)
        .await?;
        Ok(kept.rows_affected() == 1)
    }
}
