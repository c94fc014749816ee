//! The two databases, as far as they differ before the first statement.
use super::StoreError;
use crate::trial::{Guard, holds};
use percent_encoding::percent_decode_str;
use sqlx::{AnyConnection, Executor};
use std::fs::{OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// What SQLite's one writer has beside what every connection has: 16 MiB of pages in memory, and a log that may grow to
/// 40 MB before a commit has to wait until it is worked into the file.
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

    /// Makes a connection wait for others, keep what it commits, and leave nothing of what it deletes in the file.
    pub(super) async fn prepare(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite => {
                connection
                    .execute(
                        "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                         PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;",
                    )
                    .await?;
                if !holds(Guard::CommitIsSynced) {
                    connection.execute("PRAGMA synchronous = OFF").await?;
                }
                Ok(())
            }
            // Whatever the role or the database has as its own.
            Self::Postgres => connection
                .execute(
                    "SET lock_timeout = '10s'; SET default_transaction_isolation = 'read committed'; \
                     SET default_transaction_deferrable = off;",
                )
                .await
                .map(drop),
        }
    }

    /// The same for one of the connections that all share: on it nothing takes long, and what a server that went away had
    /// locked is free again soon.
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

    /// SQLite opens no file that isn't there unless told to, and creates no folder at all.
    pub(super) fn address(self, url: &str, creates: bool) -> Result<String, StoreError> {
        match self {
            Self::Postgres => Ok(url.to_owned()),
            Self::Sqlite => {
                let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
                let file = path.split('?').next().unwrap_or(path);
                // As it is read by who opens it.
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

/// Makes the file one that only its owner reads: it has names and addresses in it. SQLite gives its log the same rights. A
/// file that is there is never opened here: closing it would end the locks that SQLite has on it in this process
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
                tracing::warn!(%error, "the database belongs to another user, who decides who may read it");
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
