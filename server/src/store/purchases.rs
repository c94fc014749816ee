//! Purchases in the database.
use super::rates::TRUST;
use super::survive::with_unknown;
use super::{Allowance, Store, StoreError, Tx, subject};
use crate::abuse::ClientNetwork;
use crate::email::normalized;
use crate::purchase::{IntentId, Learner, Purchase, PurchaseId, Reference};
use shared::{Email, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;

/// Selects purchases to list; every field that is set must match.
#[derive(Clone, Debug, Default)]
pub struct PurchaseFilter {
    pub state: Option<String>,
    pub sku: Option<String>,
    /// Normalized.
    pub email: Option<String>,
    pub most: i64,
}

impl Store {
    /// The purchase as it stands.
    pub async fn purchase(&self, id: &PurchaseId) -> Result<Purchase, StoreError> {
        let row = sqlx::query("SELECT body FROM purchases WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.pool())
            .await?
            .ok_or(StoreError::UnknownPurchase)?;
        Ok(serde_json::from_str(row.try_get("body")?)?)
    }

    /// Purchases that the sweep is to wake, the longest overdue first.
    pub async fn due_purchases(&self, now: Timestamp, most: i64) -> Result<Vec<PurchaseId>, StoreError> {
        let rows = sqlx::query("SELECT id FROM purchases WHERE wake_at <= $1 ORDER BY wake_at LIMIT $2")
            .bind(now.as_millis())
            .bind(most)
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(|row| known_id(row.try_get("id")?)).collect()
    }

    /// Expired holds of `sku` whose seats are not released yet.
    pub async fn due_holds(&self, sku: &str, now: Timestamp) -> Result<Vec<PurchaseId>, StoreError> {
        let rows = sqlx::query(
            "SELECT id FROM purchases WHERE wake_at <= $1 AND state = 'held' AND sku = $2 LIMIT 20",
        )
        .bind(now.as_millis())
        .bind(sku)
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| known_id(row.try_get("id")?)).collect()
    }

    /// Postpones the sweep's next look at a purchase that could not be woken.
    pub async fn postpone(&self, id: &PurchaseId, until: Timestamp) -> Result<(), StoreError> {
        let statement = sqlx::query("UPDATE purchases SET wake_at = $2 WHERE id = $1");
        self.write(statement.bind(id.as_str()).bind(until.as_millis())).await?;
        Ok(())
    }

    /// Every purchase opened at or after `since`.
    pub async fn opened_since(&self, since: Timestamp) -> Result<Vec<PurchaseId>, StoreError> {
        let rows = sqlx::query("SELECT id FROM purchases WHERE opened_at >= $1 ORDER BY opened_at")
            .bind(since.as_millis())
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(|row| known_id(row.try_get("id")?)).collect()
    }

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
}

impl Tx {
    /// Stores a new purchase; `false` if its client's earlier activity does not allow another.
    pub async fn insert(
        &mut self,
        purchase: &Purchase,
        allowance: &Allowance<'_>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut wider = allowance.networks.iter().skip(1).zip(["client_56", "client_48"]);
        let [mut client_56, mut client_48] = [None, None];
        for (name, (network, column)) in [&mut client_56, &mut client_48].into_iter().zip(&mut wider) {
            if !self.is_allowed(purchase, network, column, allowance, now).await? {
                return Ok(false);
            }
            *name = Some(network.name.as_str());
        }
        let own = allowance.networks.first();
        let times = own.map_or(1, |own| own.times);
        let client = own.map(|own| own.name.as_str());
        let stored = sqlx::query(
            "INSERT INTO purchases (id, reference, sku, state, version, intent, email, wake_at, opened_at, updated_at, body, \
             client, places, client_56, client_48, email_key, variant, derived_version) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $16, $18, $19, $22, $23, $5 \
             WHERE $13 + (SELECT coalesce(max(used_until) - $10, 0) / $21 FROM rates WHERE subject = $20 AND used_until > $10) \
             > (SELECT count(*) FROM purchases WHERE client = $12 AND state IN ('held', 'paying', 'processing') \
             AND ($16 = 1 OR places > 1)) \
             AND ($17 < 0 OR $17 >= $16 + (SELECT CAST(coalesce(sum(places), 0) AS BIGINT) FROM purchases WHERE client = $12 \
             AND sku = $3 AND state IN ('held', 'paying', 'processing'))) \
             AND NOT EXISTS (SELECT 1 FROM rates WHERE subject = $14 AND used_until > $15)",
        )
        .bind(purchase.id().as_str())
        .bind(purchase.reference().as_str())
        .bind(purchase.sku())
        .bind(purchase.state().as_str())
        .bind(purchase.version())
        .bind(purchase.intent().map(IntentId::as_str))
        .bind(purchase.owner().map(|learner| learner.email.as_str()))
        .bind(purchase.wake_at().map(Timestamp::as_millis))
        .bind(purchase.opened_at().as_millis())
        .bind(now.as_millis())
        .bind(serde_json::to_string(purchase)?)
        .bind(client)
        // Leaves room for the trust that is added to it.
        .bind(allowance.held_by(times, purchase.is_for_team()).min(i64::MAX / 2))
        .bind(client.map(subject::declines))
        .bind(allowance.declined_until(times, now).as_millis())
        .bind(purchase.places())
        .bind(allowance.seats.unwrap_or(-1))
        .bind(client_56)
        .bind(client_48)
        .bind(client.filter(|_| !purchase.is_for_team()).map(subject::trust))
        .bind(i64::try_from(TRUST.as_millis()).unwrap_or(i64::MAX))
        .bind(purchase.owner().map(|learner| normalized(&learner.email)))
        .bind(counted_variant(purchase))
        .execute(self.connection())
        .await?;
        Ok(stored.rows_affected() == 1)
    }

    /// Whether the wider network in `column` may open this purchase, too.
    async fn is_allowed(
        &mut self,
        purchase: &Purchase,
        network: &ClientNetwork,
        column: &'static str,
        allowance: &Allowance<'_>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let unpaid =
            ["FROM purchases WHERE ", column, " = $1 AND state IN ('held', 'paying', 'processing')"].concat();
        let sql = format!(
            "SELECT 1 AS one WHERE $2 > (SELECT count(*) {unpaid} AND ($3 = 1 OR places > 1)) \
             AND ($4 < 0 OR $4 >= $3 + (SELECT CAST(coalesce(sum(places), 0) AS BIGINT) {unpaid} AND sku = $5)) \
             AND NOT EXISTS (SELECT 1 FROM rates WHERE subject = $6 AND used_until > $7)"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(&network.name)
            .bind(allowance.held_by(network.times, purchase.is_for_team()))
            .bind(purchase.places())
            .bind(allowance.seats.unwrap_or(-1))
            .bind(purchase.sku())
            .bind(subject::declines(&network.name))
            .bind(allowance.declined_until(network.times, now).as_millis())
            .fetch_optional(self.connection())
            .await?;
        Ok(row.is_some())
    }

    /// The most unpaid seats of `sku` that one of these networks holds.
    pub async fn unpaid_seats(&mut self, networks: &[ClientNetwork], sku: &str) -> Result<i64, StoreError> {
        let mut most = 0;
        for (network, column) in networks.iter().zip(["client", "client_56", "client_48"]) {
            let sql = format!(
                "SELECT CAST(coalesce(sum(places), 0) AS BIGINT) AS seats FROM purchases WHERE {column} = $1 AND sku = $2 \
                 AND state IN ('held', 'paying', 'processing')"
            );
            let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(&network.name).bind(sku);
            most = most.max(row.fetch_one(self.connection()).await?.try_get("seats")?);
        }
        Ok(most)
    }

    /// The purchase that a payment intent belongs to: by its id, or by our reference if Stripe's message arrives before
    /// we have recorded the id. With `any`, an unrecorded intent counts even if another one is on record: money that
    /// was paid with it must not be forgotten.
    pub async fn purchase_of_intent(
        &mut self,
        intent: Option<&IntentId>,
        reference: Option<&Reference>,
        any: bool,
    ) -> Result<Option<PurchaseId>, StoreError> {
        let row = sqlx::query(
            "SELECT id FROM purchases WHERE intent = $1 OR (reference = $2 AND (intent IS NULL OR $3 = 1))",
        )
        .bind(intent.map(IntentId::as_str))
        .bind(reference.map(Reference::as_str))
        .bind(i64::from(any))
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| known_id(row.try_get("id")?)).transpose()
    }

    /// Reads the purchase and locks it until the end of this transaction: on PostgreSQL an update locks the row, on
    /// SQLite the transaction itself is the lock.
    pub async fn lock(&mut self, id: &PurchaseId) -> Result<Purchase, StoreError> {
        Ok(self.lock_row(id).await?.purchase)
    }

    pub(crate) async fn lock_row(&mut self, id: &PurchaseId) -> Result<Locked, StoreError> {
        let row = sqlx::query(
            "UPDATE purchases SET version = version WHERE id = $1 RETURNING body, version, derived_version, client, \
             client_56, client_48",
        )
        .bind(id.as_str())
        .fetch_optional(self.connection())
        .await?
        .ok_or(StoreError::UnknownPurchase)?;
        let mut networks = Vec::new();
        for (column, times) in [("client", 1), ("client_56", 4), ("client_48", 16)] {
            let name: Option<String> = row.try_get(column)?;
            networks.extend(name.map(|name| ClientNetwork { name, times }));
        }
        let body: String = row.try_get("body")?;
        let purchase: Purchase = serde_json::from_str(&body)?;
        if !purchase.may_be_changed() {
            return Err(StoreError::Newer);
        }
        let derived: Option<i64> = row.try_get("derived_version")?;
        let is_derived = derived == Some(row.try_get("version")?);
        Ok(Locked { purchase, networks, body, is_derived })
    }

    pub(crate) async fn update(
        &mut self,
        purchase: &Purchase,
        before: &str,
        changed: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let body = with_unknown(before, serde_json::to_value(purchase)?);
        sqlx::query(
            "UPDATE purchases SET state = $2, version = $3, intent = $4, email = $5, wake_at = $6, \
             updated_at = coalesce($7, updated_at), \
             body = $8, external_id = $9, email_key = $10, feed_at = NULL, \
             pressed = CASE WHEN pressed = 1 THEN 1 ELSE $11 END, was_granted = $12, variant = $13, \
             derived_version = $3 WHERE id = $1",
        )
        .bind(purchase.id().as_str())
        .bind(purchase.state().as_str())
        .bind(purchase.version())
        .bind(purchase.intent().map(IntentId::as_str))
        .bind(purchase.owner().map(|learner| learner.email.as_str()))
        .bind(purchase.wake_at().map(Timestamp::as_millis))
        .bind(changed.map(Timestamp::as_millis))
        .bind(body.to_string())
        .bind(purchase.owner().and_then(Learner::identity))
        .bind(purchase.owner().map(|learner| normalized(&learner.email)))
        .bind(i64::from(purchase.learner().is_some()))
        .bind(i64::from(purchase.was_granted()))
        .bind(counted_variant(purchase))
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

/// A purchase that this transaction has locked.
pub(crate) struct Locked {
    pub(crate) purchase: Purchase,
    /// Of the client that opened it.
    pub(crate) networks: Vec<ClientNetwork>,
    /// The purchase as stored.
    pub(crate) body: String,
    /// Whether the derived columns and the ledger are of the same version.
    pub(crate) is_derived: bool,
}

pub(super) fn known_id(text: &str) -> Result<PurchaseId, StoreError> {
    PurchaseId::parse(text).ok_or(StoreError::UnknownPurchase)
}

/// A purchase, and when it last changed.
pub(super) fn with_change(row: &AnyRow) -> Result<(Purchase, Timestamp), StoreError> {
    let at = Timestamp::from_millis(row.try_get("updated_at")?);
    Ok((serde_json::from_str(row.try_get("body")?)?, at))
}

/// The variant that the funnel counts the purchase for: a client may have named one that doesn't exist.
pub(super) fn counted_variant(purchase: &Purchase) -> Option<&str> {
    purchase.variant().filter(|variant| widget::variants().find(variant).1)
}
