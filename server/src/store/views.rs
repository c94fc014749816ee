//! The funnel's data: how often first screens were seen, and how far purchases have come.
use super::{Store, StoreError};
use crate::funnel::{Counts, DAY, FunnelKey};
use shared::Timestamp;
use sqlx::Row;
use std::collections::HashMap;
use widget::variants::DEFAULT;

impl Store {
    /// Adds view counts, all or none.
    pub async fn add_views(&self, seen: &HashMap<FunnelKey, i64>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let mut keys: Vec<_> = seen.iter().collect();
        // In the same order everywhere, so that two servers never deadlock.
        keys.sort();
        for (key, seen) in keys {
            sqlx::query(
                "INSERT INTO views (day, sku, variant, seen) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (day, sku, variant) DO UPDATE SET seen = views.seen + excluded.seen",
            )
            .bind(key.day)
            .bind(&key.sku)
            .bind(&key.variant)
            .bind(*seen)
            .execute(tx.connection())
            .await?;
        }
        tx.commit().await
    }

    /// View counts since `since`.
    pub async fn views(&self, since: Timestamp) -> Result<HashMap<FunnelKey, i64>, StoreError> {
        let first = FunnelKey::new(since, "", None).day;
        let rows = sqlx::query("SELECT day, sku, variant, seen FROM views WHERE day >= $1")
            .bind(first)
            .fetch_all(self.pool())
            .await?;
        rows.iter()
            .map(|row| {
                let key = FunnelKey {
                    day: row.try_get("day")?,
                    sku: row.try_get("sku")?,
                    variant: row.try_get("variant")?,
                };
                Ok((key, row.try_get("seen")?))
            })
            .collect()
    }

    /// How far the purchases opened since `since` have come.
    pub async fn steps_since(&self, since: Timestamp) -> Result<HashMap<FunnelKey, Counts>, StoreError> {
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
            let key = FunnelKey { day: row.try_get("day")?, sku: row.try_get("sku")?, variant };
            let counts = steps.entry(key).or_default();
            counts.opened += row.try_get::<i64, _>("opened")?;
            counts.paying += row.try_get::<i64, _>("paying")?;
            counts.paid += row.try_get::<i64, _>("paid")?;
            counts.granted += row.try_get::<i64, _>("granted")?;
        }
        Ok(steps)
    }
}
