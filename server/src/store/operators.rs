//! Operators' queries and actions on the database, and the audit trail that they leave.
use super::outbox::random_name;
use super::{Store, StoreError, Tx};
use crate::email::normalized;
use crate::purchase::{Learner, Purchase, PurchaseId};
use serde::Serialize;
use shared::{Email, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::HashSet;

/// Which purchases to list; every field that is set must match.
#[derive(Clone, Debug, Default)]
pub struct PurchaseFilter {
    pub state: Option<String>,
    pub sku: Option<String>,
    /// Normalized.
    pub email: Option<String>,
    pub most: i64,
}

/// One outbox command, as operators see it.
#[derive(Clone, Debug, Serialize)]
pub struct OutboxEntry {
    pub id: String,
    pub reference: String,
    pub receiver: String,
    /// The command as JSON.
    pub command: String,
    /// `pending`, `done` or `needs_person`.
    pub state: String,
    pub attempts: i64,
    pub next_attempt_at: Timestamp,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
}

/// One action of an operator.
#[derive(Clone, Debug, Serialize)]
pub struct AuditEntry {
    pub at: Timestamp,
    pub who: String,
    pub act: String,
    pub detail: String,
}

/// What a paid purchase without access is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    Outbox,
    /// `FlockJay` refused; a person must act.
    Person,
    Nothing,
}

/// Result of a request to retry a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    Yes,
    /// It is already waiting for its next attempt.
    Waiting,
    Done,
    Unknown,
}

const ENTRY: &str = "SELECT o.id, p.reference, o.receiver, o.command, o.state, o.attempts, o.next_attempt_at, \
                     o.last_error, o.created_at FROM outbox o JOIN purchases p ON p.id = o.purchase_id";

impl Store {
    /// The newest purchases that match, newest first.
    pub async fn purchases(&self, filter: &PurchaseFilter) -> Result<Vec<Purchase>, StoreError> {
        let rows = sqlx::query(
            "SELECT body FROM purchases WHERE ($1 IS NULL OR state = $1) AND ($2 IS NULL OR sku = $2) \
             AND ($3 IS NULL OR email_key = $3 OR lower(email) = $3) ORDER BY opened_at DESC LIMIT $4",
        )
        .bind(filter.state.as_deref())
        .bind(filter.sku.as_deref())
        .bind(filter.email.as_deref())
        .bind(filter.most)
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| Ok(serde_json::from_str(row.try_get("body")?)?)).collect()
    }

    /// When the purchase last changed.
    pub async fn updated_at(&self, purchase: &PurchaseId) -> Result<Timestamp, StoreError> {
        let row = sqlx::query("SELECT updated_at FROM purchases WHERE id = $1")
            .bind(purchase.as_str())
            .fetch_one(self.pool())
            .await?;
        Ok(Timestamp::from_millis(row.try_get("updated_at")?))
    }

    /// The newest purchases of this learner, newest first, and when each last changed.
    pub async fn purchases_of(&self, email: &Email) -> Result<Vec<(Purchase, Timestamp)>, StoreError> {
        let rows = sqlx::query(
            "SELECT body, updated_at FROM purchases WHERE email_key = $1 OR lower(email) = $1 ORDER BY opened_at DESC, id LIMIT 1000",
        )
        .bind(normalized(email))
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(with_change).collect()
    }

    /// The newest purchase that currently gives this learner access to `sku`.
    pub async fn entitlement(&self, sku: &str, learner: &Learner) -> Result<Option<Purchase>, StoreError> {
        let rows = sqlx::query(
            "SELECT body FROM purchases WHERE sku = $1 AND state = 'granted' AND (external_id = $2 OR email_key = $3 OR lower(email) = $3) \
             ORDER BY opened_at DESC, id LIMIT 100",
        )
        .bind(sku)
        .bind(learner.identity())
        .bind(normalized(&learner.email))
        .fetch_all(self.pool())
        .await?;
        for row in &rows {
            let purchase: Purchase = serde_json::from_str(row.try_get("body")?)?;
            // The buyer for a team need not be a member of it.
            if !purchase.is_for_team() {
                return Ok(Some(purchase));
            }
        }
        Ok(None)
    }

    /// The purchase that people call `name`: its reference, in upper or lower case, or its id.
    pub async fn purchase_called(&self, name: &str) -> Result<Purchase, StoreError> {
        let row = sqlx::query("SELECT body FROM purchases WHERE id = $1 OR reference = $2")
            .bind(name)
            .bind(name.to_uppercase())
            .fetch_optional(self.pool())
            .await?
            .ok_or(StoreError::UnknownPurchase)?;
        Ok(serde_json::from_str(row.try_get("body")?)?)
    }

    /// Commands of one purchase, in order.
    pub async fn commands_of(&self, purchase: &PurchaseId) -> Result<Vec<OutboxEntry>, StoreError> {
        let text = [ENTRY, " WHERE o.purchase_id = $1 ORDER BY o.seq"].concat();
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(text)).bind(purchase.as_str()).fetch_all(self.pool()).await?;
        rows.iter().map(entry).collect()
    }

    /// What the access of a paid purchase is waiting for; `None` in every other state. A single statement, because
    /// access may be granted between two.
    pub async fn waiting_for_access(&self, id: &PurchaseId) -> Result<Option<WaitsFor>, StoreError> {
        let rows = sqlx::query(
            "SELECT coalesce(o.state, 'nothing') AS state FROM purchases p LEFT JOIN outbox o \
             ON o.purchase_id = p.id AND o.receiver = 'flockjay' WHERE p.id = $1 AND p.state = 'paid'",
        );
        let rows = rows.bind(id.as_str()).fetch_all(self.pool()).await?;
        let states = rows.iter().map(|row| row.try_get("state")).collect::<Result<Vec<String>, _>>()?;
        let any = |wanted: &str| states.iter().any(|state| state == wanted);
        Ok(match states.is_empty() {
            true => None,
            false if any("pending") => Some(WaitsFor::Outbox),
            false if any("needs_person") => Some(WaitsFor::Person),
            false => Some(WaitsFor::Nothing),
        })
    }

    /// Commands in `state`, oldest first.
    pub async fn commands_in(&self, state: &str, most: i64) -> Result<Vec<OutboxEntry>, StoreError> {
        let text = [ENTRY, " WHERE o.state = $1 ORDER BY o.created_at LIMIT $2"].concat();
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(text)).bind(state).bind(most).fetch_all(self.pool()).await?;
        rows.iter().map(entry).collect()
    }

    /// SKUs whose grants have been failing: one since before `since`, or at least `refusals` that need attention, the
    /// last of them after `refused_after`.
    pub async fn failing_skus(
        &self,
        since: Timestamp,
        refusals: i64,
        refused_after: Timestamp,
    ) -> Result<HashSet<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT p.sku FROM outbox o JOIN purchases p ON p.id = o.purchase_id \
             WHERE o.receiver = 'flockjay' AND p.state = 'paid' AND o.state <> 'done' \
             GROUP BY p.sku HAVING (count(CASE WHEN o.state = 'needs_person' THEN 1 END) >= $2 \
             AND max(CASE WHEN o.state = 'needs_person' THEN o.finished_at ELSE 0 END) > $3) OR count(CASE WHEN o.state = 'pending' AND o.attempts > 1 AND o.created_at < $1 THEN 1 END) > 0",
        )
        .bind(since.as_millis())
        .bind(refusals)
        .bind(refused_after.as_millis())
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| Ok(row.try_get("sku")?)).collect()
    }

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

    /// Retries a command that needs attention, as if it were new. The worker finds it within a second.
    pub async fn retry_command(&mut self, id: &str, now: Timestamp) -> Result<Retried, StoreError> {
        let put_back = sqlx::query(
            "UPDATE outbox SET state = 'pending', attempts = 0, next_attempt_at = $2, created_at = $2, \
             finished_at = NULL WHERE id = $1 AND state = 'needs_person'",
        )
        .bind(id)
        .bind(now.as_millis())
        .execute(self.connection())
        .await?;
        if put_back.rows_affected() == 1 {
            self.enqueued = true;
            return Ok(Retried::Yes);
        }
        let row = sqlx::query("SELECT state FROM outbox WHERE id = $1")
            .bind(id)
            .fetch_optional(self.connection())
            .await?;
        let Some(row) = row else { return Ok(Retried::Unknown) };
        Ok(if row.try_get::<&str, _>("state")? == "done" { Retried::Done } else { Retried::Waiting })
    }

    /// The purchase that a command belongs to.
    pub async fn purchase_of_command(&mut self, id: &str) -> Result<Option<PurchaseId>, StoreError> {
        let row = sqlx::query("SELECT purchase_id FROM outbox WHERE id = $1")
            .bind(id)
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| super::purchases::known_id(row.try_get("purchase_id")?)).transpose()
    }
}

fn entry(row: &AnyRow) -> Result<OutboxEntry, StoreError> {
    Ok(OutboxEntry {
        id: row.try_get("id")?,
        reference: row.try_get("reference")?,
        receiver: row.try_get("receiver")?,
        command: row.try_get("command")?,
        state: row.try_get("state")?,
        attempts: row.try_get("attempts")?,
        next_attempt_at: Timestamp::from_millis(row.try_get("next_attempt_at")?),
        last_error: row.try_get("last_error")?,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
    })
}

/// A purchase, and when it last changed.
pub(super) fn with_change(row: &AnyRow) -> Result<(Purchase, Timestamp), StoreError> {
    let at = Timestamp::from_millis(row.try_get("updated_at")?);
    Ok((serde_json::from_str(row.try_get("body")?)?, at))
}
