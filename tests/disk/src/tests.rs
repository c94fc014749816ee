//! How SQLite copes with a disk that fails.
use super::*;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, Executor, SqliteConnection};
use std::str::FromStr;
use tempfile::TempDir;

struct Database {
    disk: Disk,
    folder: TempDir,
}

impl Database {
    async fn create() -> (Self, SqliteConnection) {
        let database = Self { disk: Disk::new(), folder: TempDir::new().unwrap() };
        database.disk.set_losing_power(true);
        let mut connection = database.connect().await;
        connection.execute("PRAGMA journal_mode = WAL; CREATE TABLE kept (n INTEGER)").await.unwrap();
        (database, connection)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    async fn connect(&self) -> SqliteConnection {
        let address = format!("sqlite://{}?mode=rwc&vfs={}", self.path().display(), self.disk.name());
        let options = SqliteConnectOptions::from_str(&address).unwrap();
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    /// How many rows are left after a power cut.
    async fn rows_after_a_power_cut(&self, mut old: SqliteConnection, survives: bool) -> i64 {
        let after = Self { disk: Disk::new(), folder: TempDir::new().unwrap() };
        self.disk.cut_power(&self.path(), &after.path(), || survives).unwrap();
        old.execute("INSERT INTO kept VALUES (1)").await.unwrap_err();
        let mut connection = after.connect().await;
        let whole = sqlx::query_scalar::<_, String>("PRAGMA integrity_check");
        assert_eq!(whole.fetch_one(&mut connection).await.unwrap(), "ok");
        sqlx::query_scalar("SELECT count(*) FROM kept").fetch_one(&mut connection).await.unwrap()
    }
}

#[tokio::test]
async fn what_was_synced_is_there_after_a_power_cut_and_the_rest_may_be() {
    let (full, off) = ("PRAGMA synchronous = FULL", "PRAGMA synchronous = OFF");
    for (synchronous, survives, rows) in [(full, false, 2), (off, false, 0), (off, true, 2)] {
        let (database, mut connection) = Database::create().await;
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
        connection.execute(synchronous).await.unwrap();
        for _ in 0..2 {
            connection.execute("INSERT INTO kept VALUES (1)").await.unwrap();
        }
        let found = database.rows_after_a_power_cut(connection, survives).await;
        assert_eq!(found, rows, "{synchronous}, unsynced writes survive: {survives}");
    }
}

#[tokio::test]
async fn a_failure_is_one_and_what_was_kept_before_stays() {
    for (failure, words) in [(Failure::Full, "full"), (Failure::Broken, "disk I/O error")] {
        for (call, syncs) in [(Call::Write, 0), (Call::Sync, 0), (Call::Write, 1)] {
            let (database, mut connection) = Database::create().await;
            connection.execute("PRAGMA synchronous = FULL; INSERT INTO kept VALUES (1)").await.unwrap();
            database.disk.fail_at(call, syncs, failure);
            let refused = connection.execute("INSERT INTO kept VALUES (2)").await;
            assert_eq!((refused.is_err(), database.disk.heal()), (syncs == 0, syncs == 0), "{call:?}");
            if let Err(error) = &refused {
                assert!(error.to_string().contains(words), "{error}");
            }
            connection.execute("INSERT INTO kept VALUES (3)").await.unwrap();
            let rows = database.rows_after_a_power_cut(connection, false).await;
            assert_eq!(rows, if refused.is_ok() { 3 } else { 2 });
        }
    }
}

#[tokio::test]
async fn a_full_disk_is_read_and_one_that_hangs_goes_on() {
    let (database, mut connection) = Database::create().await;
    database.disk.set_full(true);
    connection.execute("INSERT INTO kept VALUES (1)").await.unwrap_err();
    connection.execute("SELECT * FROM kept").await.unwrap();
    database.disk.set_full(false);
    database.disk.set_hanging(true);
    let mut insert = Box::pin(connection.execute("INSERT INTO kept VALUES (1)"));
    let patience = std::time::Duration::from_millis(100);
    assert!(tokio::time::timeout(patience, &mut insert).await.is_err(), "it waits");
    database.disk.set_hanging(false);
    insert.await.unwrap();
}
