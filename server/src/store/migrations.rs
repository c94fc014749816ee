//! The schema's migrations, embedded in the binary.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// One entry a file of `migrations/`, by its version and description. Written out because `sqlx::migrate!` would compile
/// SQLite and sqlx a second time, for the compiler itself.
const FILES: &[(i64, &str, &str)] = &[
    (1, "checkout", include_str!("../../migrations/0001_checkout.sql")),
    (2, "audit", include_str!("../../migrations/0002_audit.sql")),
    (3, "jobs", include_str!("../../migrations/0003_jobs.sql")),
    (4, "limits", include_str!("../../migrations/0004_limits.sql")),
    (5, "funnel", include_str!("../../migrations/0005_funnel.sql")),
    (6, "coupons", include_str!("../../migrations/0006_coupons.sql")),
    (7, "mail", include_str!("../../migrations/0007_mail.sql")),
    (8, "feed", include_str!("../../migrations/0008_feed.sql")),
    (9, "places", include_str!("../../migrations/0009_places.sql")),
    (10, "identity", include_str!("../../migrations/0010_identity.sql")),
];

/// Brings a database of an earlier release to this one's schema. Checksums are those of `sqlx::migrate!`.
pub(super) fn migrator() -> Migrator {
    let migration = |&(version, description, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(FILES.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_file_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let entries = std::fs::read_dir(folder).unwrap();
        let mut files: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let listed: Vec<_> =
            FILES.iter().map(|(version, description, _)| format!("{version:04}_{description}.sql")).collect();
        assert_eq!(listed, files);
        for (name, (.., sql)) in files.iter().zip(FILES) {
            assert_eq!(std::fs::read_to_string(format!("{folder}/{name}")).unwrap(), *sql, "{name}");
        }
    }

    /// A database that an earlier release migrated with `sqlx::migrate!` holds this checksum.
    #[test]
    fn checksums_are_those_of_the_macro() {
        let checksum = hex::encode(&*migrator().iter().next().unwrap().checksum);
        assert_eq!(
            checksum,
            "e9c8b4b604e1dc834f120ce81edc33c841b9627b5257bde64636e8352229bf72\
             a7cf08d352197f87acd6d20834a96791"
        );
    }
}
