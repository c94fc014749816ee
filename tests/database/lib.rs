//! A fresh database for each test: a file of SQLite's, or with `TEST_POSTGRES`, the address of a cluster's database, a
//! new one in that cluster.
use sqlx::{AnyConnection, Connection, Executor};
use tempfile::TempDir;

/// Nothing is in it yet. The file goes with it; PostgreSQL's stays until its cluster goes.
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

    /// For `DATABASE_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
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
