//! What can go wrong with the database, and what of it passes.
use sqlx::migrate::MigrateError;

/// What the database answered when it could not do as asked.
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
    /// While a new release takes this one's place.
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

    /// Whether the database is away or busy for a while, or another server is to be asked, so that the same request may do later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)
            | Self::NotKept
            | Self::Newer => true,
            Self::Database(sqlx::Error::Database(error)) => {
                let code = error.code().unwrap_or_default();
                match code.parse::<u32>() {
                    // SQLite's codes are shorter than PostgreSQL's, and say in their lowest byte that it is busy, locked,
                    // read-only, can't read or write, or has no room.
                    Ok(number) if code.len() < 5 => matches!(number & 0xff, 5 | 6 | 8 | 10 | 13),
                    // PostgreSQL's lost connections, servers that only read, idle transactions, lost races, deadlocks, full
                    // disks and tables of connections, locks, deadlines, shutdowns and broken disks.
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
