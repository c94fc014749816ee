//! How often first screens were seen.
use super::{Store, StoreError};
use crate::funnel::{Counts, DAY, Shelf};
use shared::Timestamp;
use sqlx::Row;
use std::collections::HashMap;
use widget::variants::DEFAULT;

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

    /// How far those came whose purchases were opened since.
    pub async fn steps_since(&self, since: Timestamp) -> Result<HashMap<Shelf, Counts>, StoreError> {
        let rows = sqlx::query(
            "SELECT opened_at / $2 AS day, sku, variant, count(*) AS opened, \
             count(CASE WHEN pressed = 1 OR state IN ('paid', 'granted', 'refunding', 'refunded') THEN 1 END) AS paying, \
             count(CASE WHEN state IN ('paid', 'granted', 'refunding', 'refunded') THEN 1 END) AS paid, \
             count(CASE WHEN was_granted = 1 THEN 1 END) AS granted \
             FROM purchases WHERE opened_at >= $1 GROUP BY opened_at / $2, sku, variant",
        )
        .bind(since.as_millis())
        .bind(DAY)
        .fetch_all(self.pool())
        .await?;
        let mut steps = HashMap::<_, Counts>::new();
        for row in &rows {
            let variant: Option<String> = row.try_get("variant")?;
            let variant = variant.unwrap_or_else(|| DEFAULT.to_owned());
            let shelf = Shelf { day: row.try_get("day")?, sku: row.try_get("sku")?, variant };
            let counts = steps.entry(shelf).or_default();
            counts.opened += row.try_get::<i64, _>("opened")?;
            counts.paying += row.try_get::<i64, _>("paying")?;
            counts.paid += row.try_get::<i64, _>("paid")?;
            counts.granted += row.try_get::<i64, _>("granted")?;
        }
        Ok(steps)
    }
}
