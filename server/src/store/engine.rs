//! Prepares SQLite and PostgreSQL for the first statement.
use super::StoreError;
use crate::fault_injection::{Guard, enabled};
use percent_encoding::percent_decode_str;
use sqlx::{AnyConnection, Executor};
use std::fs::{OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Extra settings of SQLite's one writer: a page cache of 16 MiB, and a WAL that may grow to 40 MB before a commit has
/// to wait for a checkpoint.
pub(super) const WRITER: &str = "PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 10000;";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(super) fn of(url: &str) -> Result<Self, StoreError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") if url.contains(":memory:") || url.contains("mode=memory") => {
                Err(StoreError::Unsupported(
                    "DATABASE_URL must name a file: every connection would have a memory of its own"
                        .to_owned(),
                ))
            }
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(StoreError::Unsupported(
                "DATABASE_URL must begin with sqlite:// or postgres://".to_owned(),
            )),
        }
    }

    /// Makes a connection wait for locks, commit durably, and leave no deleted data in the file.
    pub(super) async fn prepare(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite => {
                connection
                    .execute(
                        "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                         PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;",
                    )
                    .await?;
                if !enabled(Guard::CommitIsSynced) {
                    connection.execute("PRAGMA synchronous = OFF").await?;
                }
                Ok(())
            }
            // These override the defaults of the role and of the database.
            Self::Postgres => connection
                .execute(
                    "SET lock_timeout = '10s'; SET default_transaction_isolation = 'read committed'; \
                     SET default_transaction_deferrable = off;",
                )
                .await
                .map(drop),
        }
    }

    /// The same for a connection of the pool: there no statement takes long, and the locks of a server that went away
    /// are released soon.
    pub(super) async fn prepare_shared(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        self.prepare(connection).await?;
        match self {
            Self::Sqlite => Ok(()),
            Self::Postgres => connection
                .execute(
                    "SET statement_timeout = '12s'; SET idle_in_transaction_session_timeout = '20s'; \
                     SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
                     SET tcp_user_timeout = '20s';",
                )
                .await
                .map(drop),
        }
    }

    /// The address to connect to. SQLite creates a missing file only if told to, and a missing folder never.
    pub(super) fn address(self, url: &str, creates: bool) -> Result<String, StoreError> {
        match self {
            Self::Postgres => Ok(url.to_owned()),
            Self::Sqlite => {
                let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
                let file = path.split('?').next().unwrap_or(path);
                // Decoded in the same way as when the file is opened.
                let file = &*percent_decode_str(file).decode_utf8_lossy();
                if !creates && !Path::new(file).exists() {
                    return Err(StoreError::Unsupported(format!("DATABASE_URL: there is no file {file}")));
                }
                if let Some(folder) = Path::new(file).parent() {
                    std::fs::create_dir_all(folder).map_err(|error| {
                        StoreError::Unsupported(format!(
                            "DATABASE_URL: can't create {}: {error}",
                            folder.display()
                        ))
                    })?;
                }
                if creates {
                    keep_private(Path::new(file)).map_err(|error| {
                        StoreError::Unsupported(format!(
                            "DATABASE_URL: {file} can't be kept from other users of this machine: {error}"
                        ))
                    })?;
                }
                let separator = if path.contains('?') { '&' } else { '?' };
                Ok(if path.contains("mode=") { url.to_owned() } else { format!("{url}{separator}mode=rwc") })
            }
        }
    }
}

/// Lets only the owner read the file, since it contains names and addresses. SQLite gives its WAL the same permissions.
/// An existing file is never opened here: closing it would release the locks that SQLite holds on it in this process
/// (<https://www.sqlite.org/howtocorrupt.html>, 2.2).
fn keep_private(file: &Path) -> std::io::Result<()> {
    let mode = 0o600;
    match OpenOptions::new().create_new(true).write(true).mode(mode).open(file) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        match std::fs::set_permissions(&path, Permissions::from_mode(mode)) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                tracing::warn!(%error, "failed to restrict the database file's permissions; it belongs to another user");
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
