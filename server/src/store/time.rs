//! The time that all instances agree on: the database server's clock.
use super::{Store, StoreError};
use crate::clock;
use shared::Timestamp;
use sqlx::Row;

impl Store {
    /// The database server's clock; `None` on SQLite, which has no server.
    pub async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.writer_queue.is_some() {
            return Ok(None);
        }
        let asked = sqlx::query("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now");
        let row = asked.fetch_one(self.pool()).await?;
        Ok(Some(Timestamp::from_millis(row.try_get("now")?)))
    }

    /// The time for subcommands that work on the database: its server's clock, or with SQLite this machine's, where the
    /// file is.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.time().await?.unwrap_or_else(clock::now))
    }

    /// Records what the clock of an instance on this database says. It is read only once nobody else writes, so that the
    /// others don't get an old reading.
    pub async fn note_instance(
        &self,
        name: &str,
        read: impl FnOnce() -> Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let note = "INSERT INTO instances (id, at) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET at = $2";
        sqlx::query(note).bind(name).bind(read().as_millis()).execute(tx.connection()).await?;
        tx.commit().await
    }

    /// The last readings of the other instances' clocks.
    pub async fn other_instances(&self, name: &str) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let rows = sqlx::query("SELECT id, at FROM instances WHERE id <> $1");
        let rows = rows.bind(name).fetch_all(self.pool()).await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, Timestamp::from_millis(row.try_get("at")?)))).collect()
    }

    /// Removes an instance that has stopped.
    pub async fn forget_instance(&self, name: &str) -> Result<(), StoreError> {
        self.write(sqlx::query("DELETE FROM instances WHERE id = $1").bind(name)).await?;
        Ok(())
    }
}
