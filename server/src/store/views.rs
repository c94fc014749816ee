//! How often first screens were seen.
use super::{Store, StoreError};
use crate::funnel::Shelf;
use crate::purchase::Purchase;
use shared::Timestamp;
use sqlx::Row;
use std::collections::HashMap;

impl Store {
    /// Adds what was seen, all of it or nothing.
    pub async fn add_views(&self, seen: &HashMap<Shelf, i64>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let mut shelves: Vec<_> = seen.iter().collect();
        // In one order everywhere, so that two servers never wait for each other.
        shelves.sort();
        for (shelf, seen) in shelves {
            sqlx::query(
                "INSERT INTO views (day, sku, variant, seen) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (day, sku, variant) DO UPDATE SET seen = views.seen + excluded.seen",
            )
            .bind(shelf.day)
            .bind(&shelf.sku)
            .bind(&shelf.variant)
            .bind(*seen)
            .execute(tx.connection())
            .await?;
        }
        tx.commit().await
    }

    /// What was seen since.
    pub async fn views(&self, since: Timestamp) -> Result<HashMap<Shelf, i64>, StoreError> {
        let first = Shelf::new(since, "", None).day;
        let rows = sqlx::query("SELECT day, sku, variant, seen FROM views WHERE day >= $1")
            .bind(first)
            .fetch_all(self.pool())
            .await?;
        rows.iter()
            .map(|row| {
                let shelf = Shelf {
                    day: row.try_get("day")?,
                    sku: row.try_get("sku")?,
                    variant: row.try_get("variant")?,
                };
                Ok((shelf, row.try_get("seen")?))
            })
            .collect()
    }

    /// Purchases opened since, the oldest first.
    pub async fn purchases_since(&self, since: Timestamp) -> Result<Vec<Purchase>, StoreError> {
        let rows = sqlx::query("SELECT body FROM purchases WHERE opened_at >= $1 ORDER BY opened_at")
            .bind(since.as_millis())
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(|row| Ok(serde_json::from_str(row.try_get("body")?)?)).collect()
    }
}
