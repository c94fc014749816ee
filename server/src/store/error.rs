//! Database errors, and which of them are transient.
use sqlx::migrate::MigrateError;

/// Why a database operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("migration: {0}")]
    Migration(#[from] MigrateError),
    #[error("stored data can't be read: {0}")]
    Corrupt(#[from] serde_json::Error),
    #[error("what was written could not be kept")]
    NotKept,
    /// Happens while a newer release is rolled out.
    #[error("a newer redis-checkout has stored this purchase, and this one must not change it")]
    Newer,
    #[error("no such purchase")]
    UnknownPurchase,
    #[error("{0}")]
    Unsupported(String),
}

impl StoreError {
    pub(super) fn of_migration(error: MigrateError) -> Self {
        if let MigrateError::VersionMissing(version) = error {
            return Self::Unsupported(format!(
                "a newer redis-checkout has brought this database to schema {version}, which this one does not know: \
                 run that version or a later one"
            ));
        }
        Self::Migration(error)
    }

    /// Whether the error is transient: the database is unreachable or busy, or a newer server must be asked, so that
    /// the same request may succeed later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)
            | Self::NotKept
            | Self::Newer => true,
            Self::Database(sqlx::Error::Database(error)) => {
                let code = error.code().unwrap_or_default();
                match code.parse::<u32>() {
                    // SQLite's codes are shorter than PostgreSQL's. These lowest bytes mean: busy, locked, read-only,
                    // I/O error, disk full.
                    Ok(number) if code.len() < 5 => matches!(number & 0xff, 5 | 6 | 8 | 10 | 13),
                    // PostgreSQL: lost connections, read-only servers, idle transactions, serialization failures,
                    // deadlocks, full disks or too many connections, lock timeouts, statement timeouts and shutdowns,
                    // I/O errors.
                    _ => ["08", "25006", "25P03", "40001", "40P01", "53", "55P03", "57", "58"]
                        .iter()
                        .any(|of| code.starts_with(of)),
                }
            }
            Self::Database(_)
            | Self::Migration(_)
            | Self::Corrupt(_)
            | Self::UnknownPurchase
            | Self::Unsupported(_) => false,
        }
    }
}
