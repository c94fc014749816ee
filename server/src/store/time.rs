//! The time that decides for all instances.
use super::{Store, StoreError};
use crate::clock;
use shared::Timestamp;
use sqlx::Row;

impl Store {
    /// What the database server's clock says; nothing where there is no server.
    pub async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.line.is_some() {
            return Ok(None);
        }
        let asked = sqlx::query("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now");
        let row = asked.fetch_one(self.pool()).await?;
        Ok(Some(Timestamp::from_millis(row.try_get("now")?)))
    }

    /// The time for what is no server and works on this database: of its server, or of this machine, on which the file is.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.time().await?.unwrap_or_else(clock::now))
    }

    /// Notes what the clock of a server on this database says.
    pub async fn note_instance(&self, name: &str, at: Timestamp) -> Result<(), StoreError> {
        let note = "INSERT INTO instances (id, at) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET at = $2";
        self.write(sqlx::query(note).bind(name).bind(at.as_millis())).await?;
        Ok(())
    }

    /// What the clocks of the others said last.
    pub async fn other_instances(&self, name: &str) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let rows = sqlx::query("SELECT id, at FROM instances WHERE id <> $1");
        let rows = rows.bind(name).fetch_all(self.pool()).await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, Timestamp::from_millis(row.try_get("at")?)))).collect()
    }

    /// A server has ended.
    pub async fn forget_instance(&self, name: &str) -> Result<(), StoreError> {
        self.write(sqlx::query("DELETE FROM instances WHERE id = $1").bind(name)).await?;
        Ok(())
    }
}
