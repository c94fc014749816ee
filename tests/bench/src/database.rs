//! Databases to measure on, and the rate of bare commits that the disk allows.
use anyhow::Context;
use sqlx::{AnyConnection, Connection, Executor, Row};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A database in its own folder, which is removed on drop.
pub(crate) struct Database(TempDir);

/// How many of all purchases the mix reads.
const READ: i64 = 500;

pub(crate) fn fresh(folder: &Path) -> anyhow::Result<Database> {
    Ok(Database(TempDir::new_in(folder)?))
}

impl Database {
    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}/checkout.db?mode=rwc", self.folder().display())
    }

    async fn connect(&self) -> anyhow::Result<AnyConnection> {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url()).await?;
        // The server's settings.
        let settings = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
        connection.execute(settings).await?;
        Ok(connection)
    }
}

/// Commits per second of one small row each, one after another, on bare SQLite.
pub(crate) async fn commits_per_second(database: &Database, length: Duration) -> anyhow::Result<f64> {
    let mut connection = database.connect().await?;
    connection.execute("CREATE TABLE IF NOT EXISTS bare (id BIGINT, body TEXT)").await?;
    let body = "x".repeat(900);
    let (start, mut commits) = (Instant::now(), 0_u32);
    while start.elapsed() < length {
        connection.execute("BEGIN IMMEDIATE").await?;
        let insert =
            sqlx::query("INSERT INTO bare (id, body) VALUES ($1, $2)").bind(i64::from(commits)).bind(&body);
        insert.execute(&mut connection).await?;
        connection.execute("COMMIT").await?;
        commits += 1;
    }
    Ok(f64::from(commits) / start.elapsed().as_secs_f64())
}

/// Stores `purchases` granted purchases in a fresh database, and returns the ids of [`READ`] of them.
pub(crate) async fn fill(database: &Database, purchases: u64) -> anyhow::Result<Vec<String>> {
    let mut connection = database.connect().await?;
    let opened: i64 = connection.fetch_one("SELECT count(*) AS n FROM purchases").await?.try_get("n")?;
    anyhow::ensure!(opened == 0, "the database is not fresh");
    let body = r#"{"id":"ID","reference":"REFERENCE","sku":"ru-course","seated":false,"owns_seat":false,"variant":null,
        "state":"granted","version":5,"price":{"currency":"usd","list":4900,"discount":0,"tax":0,"total":4900},
        "learner":{"email":"ada@example.com","name":null},"hold_expires_at":"2026-11-24T12:00:00Z","pay_expires_at":null,
        "wake_at":null,"checks":0,"attempt":null,"intent":"INTENT","declines":0,"last_failure":null,"ending":false,
        "charged":4900,"refunded":0,"refund_failed":false,"access_url":"https://learn.example/101","grant_asked":true,
        "grant_refused":false,"opened_at":"2026-11-24T12:00:00Z","paid_at":"2026-11-24T12:00:30Z",
        "granted_at":"2026-11-24T12:00:31Z","revoked_at":null,"ended_at":null}"#;
    let fill = format!(
        "INSERT INTO purchases (id, reference, sku, state, version, intent, email, wake_at, opened_at, updated_at, body, client) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {purchases}), \
         named AS (SELECT i, 'pu_' || lower(hex(randomblob(20))) AS id FROM n) \
         SELECT id, 'RU-' || i, 'ru-course', 'granted', 5, 'pi_' || i, 'learner' || i || '@example.com', NULL, \
         1700000000000 + i * 1000, 1700000000000 + i * 1000, \
         replace(replace(replace('{body}', 'ID', id), 'REFERENCE', 'RU-' || i), 'INTENT', 'pi_' || i), \
         'client' || (i % 100000) FROM named"
    );
    connection.execute(sqlx::AssertSqlSafe(fill)).await.context("filling the database")?;
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
    let some =
        sqlx::query("SELECT id FROM purchases ORDER BY id LIMIT $1").bind(READ).fetch_all(&mut connection);
    some.await?.iter().map(|row| Ok(row.try_get("id")?)).collect()
}
