//! Data that is derived from a purchase's body and stored beside it: columns for searches and counts, and the ledger. A
//! server of an earlier release changes the body without the derived data that it doesn't know; this module catches up.
use super::purchases::{Locked, counted_variant, known_id};
use super::{Store, StoreError, Tx};
use crate::email::normalized;
use crate::purchase::{Command, PurchaseId};
use shared::{Email, Timestamp};
use sqlx::Row;

impl Store {
    /// Purchases last written by a server of an earlier release, ordered by id, starting after `last`.
    pub async fn underived_purchases(
        &self,
        last: Option<&PurchaseId>,
        most: i64,
    ) -> Result<Vec<PurchaseId>, StoreError> {
        let rows = sqlx::query(
            "SELECT id FROM purchases WHERE (derived_version IS NULL OR derived_version <> version) AND id > $1 \
             ORDER BY id LIMIT $2",
        );
        let rows = rows.bind(last.map_or("", PurchaseId::as_str)).bind(most).fetch_all(self.pool()).await?;
        rows.iter().map(|row| known_id(row.try_get("id")?)).collect()
    }
}

impl Tx {
    /// Brings the derived data of one purchase up to date.
    pub async fn derive(&mut self, id: &PurchaseId, now: Timestamp) -> Result<(), StoreError> {
        let Locked { purchase, is_derived, .. } = self.lock_row(id).await?;
        if is_derived {
            return Ok(());
        }
        self.book(&purchase, now).await?;
        if purchase.is_dispute_unclear() {
            self.enqueue(id, &Command::AskStripe, now).await?;
        }
        self.respell_redemptions(id).await?;
        sqlx::query(
            "UPDATE purchases SET email_key = $2, variant = $3, pressed = CASE WHEN pressed = 1 THEN 1 ELSE $4 END, \
             was_granted = $5, derived_version = version WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(purchase.owner().map(|learner| normalized(&learner.email)))
        .bind(counted_variant(&purchase))
        .bind(i64::from(purchase.learner().is_some()))
        .bind(i64::from(purchase.was_granted()))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Normalizes emails that a server of an earlier release has stored in another spelling, so that counts and erasure
    /// find them.
    pub(crate) async fn respell_redemptions(&mut self, id: &PurchaseId) -> Result<(), StoreError> {
        let rows =
            sqlx::query("SELECT code, email FROM redemptions WHERE purchase_id = $1 AND email IS NOT NULL")
                .bind(id.as_str())
                .fetch_all(self.connection())
                .await?;
        for row in &rows {
            let Ok(email) = Email::parse(row.try_get("email")?) else { continue };
            sqlx::query("UPDATE redemptions SET email = $3 WHERE purchase_id = $1 AND code = $2")
                .bind(id.as_str())
                .bind(row.try_get::<&str, _>("code")?)
                .bind(normalized(&email))
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }
}
