//! Jobs that one instance does for all.
use super::{Store, StoreError};
use shared::Timestamp;
use std::time::Duration;

impl Store {
    /// Claims the job `name` if it is due. After `true`, nobody else gets it for the length of `lease`, within which
    /// the caller must say when it is due next. A new job is due after `every`.
    pub async fn claim_job(
        &self,
        name: &str,
        now: Timestamp,
        every: Duration,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        let statement =
            sqlx::query("INSERT INTO jobs (name, due_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");
        self.write(statement.bind(name).bind(now.plus(every).as_millis())).await?;
        let statement =
            sqlx::query("UPDATE jobs SET due_at = $2 WHERE name = $1 AND due_at <= $3 RETURNING name");
        let bound = statement.bind(name).bind(now.plus(lease).as_millis()).bind(now.as_millis());
        Ok(self.write(bound).await?.is_some())
    }

    /// Schedules the next run of the job at `at`, or extends the lease until then.
    pub async fn postpone_job(&self, name: &str, at: Timestamp) -> Result<(), StoreError> {
        let statement = sqlx::query("UPDATE jobs SET due_at = $2 WHERE name = $1");
        self.write(statement.bind(name).bind(at.as_millis())).await?;
        Ok(())
    }

    /// Writes a meaningless row, and returns once it is durable: only a write shows whether writes are possible.
    pub async fn write_probe(&self, now: Timestamp) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO jobs (name, due_at) VALUES ('write probe', $1) ON CONFLICT (name) DO UPDATE SET due_at = $1",
        );
        self.write(statement.bind(now.as_millis())).await.map(drop)
    }
}
