//! The feed of changed purchases: each appears once, at the position of its last change.
use super::{Store, StoreError};
use crate::purchase::Purchase;
use shared::Timestamp;
use sqlx::Row;

/// Purchases numbered per transaction.
const AT_ONCE: i64 = 500;

/// A purchase and its position in the feed.
#[derive(Clone, Debug)]
pub struct FeedEntry {
    pub place: i64,
    pub updated_at: Timestamp,
    pub purchase: Purchase,
}

impl Store {
    /// Purchases after `place` that have changed since `since`, in feed order.
    pub async fn feed(&self, place: i64, since: Timestamp, most: i64) -> Result<Vec<FeedEntry>, StoreError> {
        self.number_changes().await?;
        let rows = sqlx::query(
            "SELECT feed_at, updated_at, body FROM purchases WHERE feed_at > $1 AND updated_at >= $2 \
             ORDER BY feed_at LIMIT $3",
        )
        .bind(place)
        .bind(since.as_millis())
        .bind(most)
        .fetch_all(self.pool())
        .await?;
        let entry = |row: &sqlx::any::AnyRow| {
            Ok(FeedEntry {
                place: row.try_get("feed_at")?,
                updated_at: Timestamp::from_millis(row.try_get("updated_at")?),
                purchase: serde_json::from_str(row.try_get("body")?)?,
            })
        };
        rows.iter().map(entry).collect()
    }

    /// How many purchases there are.
    pub async fn opened_by_now(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT count(*) AS opened FROM purchases").fetch_one(self.pool()).await?;
        Ok(row.try_get("opened")?)
    }

    /// Gives every committed change a position after all existing ones.
    async fn number_changes(&self) -> Result<(), StoreError> {
        loop {
            let changed = sqlx::query("SELECT 1 AS one FROM purchases WHERE feed_at IS NULL LIMIT 1")
                .fetch_optional(self.pool())
                .await?;
            if changed.is_none() {
                return Ok(());
            }
            let mut tx = self.begin().await?;
            // Transactions that number wait for each other here.
            let row = sqlx::query("UPDATE feed SET last = last WHERE one = 1 RETURNING last")
                .fetch_one(tx.connection())
                .await?;
            let last: i64 = row.try_get("last")?;
            sqlx::query(
                "UPDATE purchases SET feed_at = n.place FROM (SELECT id, $1 + row_number() OVER (ORDER BY updated_at, id) \
                 AS place FROM purchases WHERE feed_at IS NULL ORDER BY updated_at, id LIMIT $2) AS n \
                 WHERE purchases.id = n.id AND purchases.feed_at IS NULL",
            )
            .bind(last)
            .bind(AT_ONCE)
            .execute(tx.connection())
            .await?;
            sqlx::query("UPDATE feed SET last = $1 WHERE one = 1")
                .bind(last + AT_ONCE)
                .execute(tx.connection())
                .await?;
            tx.commit().await?;
        }
    }
}
