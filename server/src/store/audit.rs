//! The audit trail: what operators did, and Stripe's warnings.
use super::outbox::random_name;
use super::{Store, StoreError, Tx};
use crate::purchase::PurchaseId;
use serde::Serialize;
use shared::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;

/// One action of an operator.
#[derive(Clone, Debug, Serialize)]
pub struct AuditEntry {
    pub at: Timestamp,
    pub who: String,
    pub act: String,
    pub detail: String,
}

impl Store {
    /// Operators' actions on one purchase, in order.
    pub async fn acts_on(&self, purchase: &PurchaseId) -> Result<Vec<AuditEntry>, StoreError> {
        let rows = sqlx::query("SELECT at, who, act, detail FROM audit WHERE purchase_id = $1 ORDER BY at")
            .bind(purchase.as_str())
            .fetch_all(self.pool())
            .await?;
        let entry = |row: &AnyRow| {
            Ok(AuditEntry {
                at: Timestamp::from_millis(row.try_get("at")?),
                who: row.try_get("who")?,
                act: row.try_get("act")?,
                detail: row.try_get("detail")?,
            })
        };
        rows.iter().map(entry).collect()
    }
}

impl Tx {
    /// Adds an operator's action to the audit trail, in this transaction.
    pub async fn audit(
        &mut self,
        who: &str,
        act: &str,
        purchase: Option<&PurchaseId>,
        detail: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO audit (id, at, who, act, purchase_id, detail) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(random_name())
        .bind(now.as_millis())
        .bind(who)
        .bind(act)
        .bind(purchase.map(PurchaseId::as_str))
        .bind(detail)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
