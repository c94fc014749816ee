//! A fresh database for each test: a SQLite file or, if `TEST_POSTGRES` holds the address of a cluster's database, a
//! new database in that cluster.
mod wire;

pub use wire::Wire;

use sqlx::{AnyConnection, Connection, Executor, Row};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// An empty database. Its SQLite file is removed on drop; a PostgreSQL database stays until its cluster goes.
pub struct TestDatabase {
    url: String,
    _folder: TempDir,
}

impl TestDatabase {
    pub async fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let url = match std::env::var("TEST_POSTGRES") {
            Ok(cluster) => create(&cluster).await,
            Err(_) => format!("sqlite://{}", folder.path().join("checkout.db").display()),
        };
        Self { url, _folder: folder }
    }

    /// The value for `DATABASE_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A wire to the database that can be cut, and the `DATABASE_URL` through it. `None` for SQLite, which has no
    /// network connection.
    pub async fn wired(&self) -> Option<(Wire, String)> {
        let (_, server) = self.url.strip_prefix("postgres://")?.split_once('@')?;
        let (host, _) = server.split_once('/')?;
        let wire = Wire::to(host.to_owned()).await;
        let url = self.url.replacen(host, &wire.address().to_string(), 1);
        Some((wire, url))
    }
}

/// Until released, blocks everybody else from storing a purchase, leasing work and passing the check that they can
/// write.
pub struct Lock {
    connection: AnyConnection,
    is_postgres: bool,
}

impl TestDatabase {
    /// Takes the lock once current writers are done.
    pub async fn lock(&self) -> Lock {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.expect("the database");
        let is_postgres = self.url.starts_with("postgres");
        let lock = if is_postgres {
            "BEGIN; LOCK TABLE purchases, outbox, jobs IN ACCESS EXCLUSIVE MODE"
        } else {
            "PRAGMA busy_timeout = 10000; BEGIN EXCLUSIVE"
        };
        connection.execute(lock).await.expect("the lock");
        Lock { connection, is_postgres }
    }
}

impl TestDatabase {
    /// Replaces a purchase's stored text, as no server would.
    pub async fn rewrite_purchase(&self, id: &str, change: impl Fn(&str) -> String) {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.expect("the database");
        let begin = if self.url.starts_with("postgres") {
            "BEGIN"
        } else {
            "PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE"
        };
        connection.execute(begin).await.expect("a transaction");
        let row = sqlx::query("UPDATE purchases SET version = version WHERE id = $1 RETURNING body").bind(id);
        let row = row.fetch_one(&mut connection).await.expect("the purchase");
        let body = change(row.get("body"));
        let update = sqlx::query("UPDATE purchases SET body = $2 WHERE id = $1").bind(id).bind(body);
        update.execute(&mut connection).await.expect("another text");
        connection.execute("COMMIT").await.expect("a commit");
        connection.close().await.expect("a farewell");
    }
}

impl TestDatabase {
    /// Whether `text` occurs in SQLite's files, free pages included and case-sensitively. Always false for PostgreSQL,
    /// whose files we can't read.
    pub fn bytes_with(&self, text: &str) -> bool {
        let Some(path) = self.url.strip_prefix("sqlite://") else { return false };
        ["", "-wal", "-shm"].iter().any(|suffix| {
            // Read by another process: closing the file in this one would release SQLite's locks, which belong to the
            // process, and the server runs in it.
            let read = std::process::Command::new("cat").arg(format!("{path}{suffix}")).output();
            let bytes = read.expect("cat").stdout;
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }

    /// Runs a test's statement, as no server would.
    pub async fn execute(&self, statement: &str) {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.expect("the database");
        if !self.url.starts_with("postgres") {
            connection.execute("PRAGMA busy_timeout = 10000").await.expect("patience");
        }
        connection.execute(sqlx::AssertSqlSafe(statement.to_owned())).await.expect("the statement");
        connection.close().await.expect("a farewell");
    }

    /// Every column that contains `text` in some row, in upper or lower case.
    pub async fn columns_with(&self, text: &str) -> Vec<String> {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.expect("the database");
        let columns = if self.url.starts_with("postgres") {
            "SELECT CAST(table_name AS TEXT) AS held_in, CAST(column_name AS TEXT) AS named FROM information_schema.columns \
             WHERE table_schema = 'public' AND data_type = 'text'"
        } else {
            "SELECT m.name AS held_in, p.name AS named FROM sqlite_master m JOIN pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND p.type = 'TEXT'"
        };
        let columns = connection.fetch_all(columns).await.expect("its columns");
        let mut found = Vec::new();
        for column in &columns {
            let (table, column): (String, String) = (column.get("held_in"), column.get("named"));
            let count = format!("SELECT count(*) AS held FROM {table} WHERE lower({column}) LIKE $1");
            let count = sqlx::query(sqlx::AssertSqlSafe(count)).bind(format!("%{}%", text.to_lowercase()));
            if count.fetch_one(&mut connection).await.expect("a count").get::<i64, _>("held") > 0 {
                found.push(format!("{table}.{column}"));
            }
        }
        connection.close().await.expect("a farewell");
        found
    }
}

impl Lock {
    /// Ends the connection that waits for this lock to store a new purchase, as PostgreSQL does when it is stopped.
    /// SQLite has no server to lose: the connection times out by itself.
    pub async fn cut_off(&mut self) {
        self.look("count(pg_terminate_backend(pid))", "INSERT INTO purchases").await;
    }

    /// Waits until this lock blocks a statement that begins with `statement`. SQLite can't tell.
    pub async fn holds_up(&mut self, statement: &str) {
        self.look("count(*)", statement).await;
    }

    /// Polls until `counted`, over the blocked statements that begin with `statement`, is positive.
    async fn look(&mut self, counted: &str, statement: &str) {
        let waiting = format!(
            "SELECT {counted} AS waiting FROM pg_stat_activity WHERE datname = current_database() \
             AND wait_event_type = 'Lock' AND query LIKE $1"
        );
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        let until = Instant::now() + Duration::from_secs(8);
        while self.is_postgres {
            assert!(Instant::now() < until, "no {statement} waits");
            // Within a transaction PostgreSQL otherwise repeats the activity of the first query.
            self.connection.execute("SELECT pg_stat_clear_snapshot()").await.expect("a fresh look");
            let query = sqlx::query(sqlx::AssertSqlSafe(waiting.clone())).bind(format!("{statement}%"));
            let row = query.fetch_one(&mut self.connection).await.expect("the activity");
            if row.get::<i64, _>("waiting") > 0 {
                return;
            }
            looks.tick().await;
        }
    }

    pub async fn release(mut self) {
        self.connection.execute("ROLLBACK").await.expect("a rollback");
        self.connection.close().await.expect("a farewell");
    }
}

async fn create(cluster: &str) -> String {
    sqlx::any::install_default_drivers();
    let name = format!("test_{:016x}", rand::random::<u64>());
    let mut connection = AnyConnection::connect(cluster).await.expect("TEST_POSTGRES answers");
    connection.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database");
    connection.close().await.expect("a farewell");
    let (server, _) = cluster.rsplit_once('/').expect("TEST_POSTGRES names a database");
    format!("{server}/{name}")
}
