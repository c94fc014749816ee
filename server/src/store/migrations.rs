//! The schema's migrations, embedded in the binary.

use super::StoreError;
use crate::email::normalized;
use crate::purchase::Movement;
use shared::Email;
use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, Executor as _, Row as _, SqlSafeStr as _};

/// One entry per file of `migrations/`, with its version and description. Written out because `sqlx::migrate!` would
/// compile SQLite and sqlx a second time, for the compiler itself.
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
    (11, "networks", include_str!("../../migrations/0011_networks.sql")),
    (12, "instances", include_str!("../../migrations/0012_instances.sql")),
    (13, "emails", include_str!("../../migrations/0013_emails.sql")),
    (14, "counts", include_str!("../../migrations/0014_counts.sql")),
    (15, "ledger", include_str!("../../migrations/0015_ledger.sql")),
    (16, "derived", include_str!("../../migrations/0016_derived.sql")),
    (17, "underived", include_str!("../../migrations/0017_underived.sql")),
    (18, "compatibility", include_str!("../../migrations/0018_compatibility.sql")),
    (19, "reminders", include_str!("../../migrations/0019_reminders.sql")),
];

/// The schema that this release reads and writes.
pub(super) const LATEST: i64 = FILES[FILES.len() - 1].0;

/// How to treat the schema when a database is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Migrate it to this release's.
    Migrate,
    /// Create it if there is none. An existing one stays: servers of an earlier release may be using it.
    Create,
    /// Leave it as it is.
    Check,
}

/// Makes the database fit for this release, or fails with what has to be done first. Returns the schema that it had.
pub(super) async fn prepare(
    connection: &mut AnyConnection,
    schema: Schema,
) -> Result<Option<i64>, StoreError> {
    let found = version(connection).await?;
    let refusal = match (found, schema) {
        (Some(version), _) if version > LATEST => {
            let least = least_schema(connection).await?;
            if least.is_some_and(|least| least <= LATEST) {
                tracing::info!(
                    schema = version,
                    "database schema is from a newer release but compatible with this one"
                );
                return Ok(found);
            }
            return Err(StoreError::of_migration(MigrateError::VersionMissing(version)));
        }
        (_, Schema::Migrate) | (None, Schema::Create) => {
            migrator().run_direct(None, connection, false).await.map_err(StoreError::of_migration)?;
            fill(connection).await?;
            return Ok(found);
        }
        (Some(version), Schema::Create | Schema::Check) if version == LATEST => {
            if is_filled(connection).await? {
                return Ok(found);
            }
            "a migration of this database broke off half way: run `redis-checkout migrate` again".to_owned()
        }
        (Some(version), Schema::Create | Schema::Check) => format!(
            "this database has schema {version}, and this redis-checkout needs {LATEST}: run `redis-checkout migrate`"
        ),
        (None, Schema::Check) => {
            "there is nothing in this database: run `redis-checkout migrate`, or start the server".to_owned()
        }
    };
    Err(StoreError::Unsupported(refusal))
}

/// Backfills that a migration's SQL can't do. Each runs once; a job that is never due marks it as done.
const FILLS: [&str; 3] = ["filled emails", "filled counts", "filled ledger"];

/// Runs the backfills that have not run yet. Each commits together with its mark, so that one that is interrupted runs
/// again; a concurrent process waits for the mark.
async fn fill(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let is_postgres = connection.backend_name() == "PostgreSQL";
    let begin = if is_postgres { "BEGIN; SET LOCAL lock_timeout = '10min'" } else { "BEGIN IMMEDIATE" };
    for name in FILLS {
        connection.execute(begin).await?;
        let filled = fill_once(connection, name).await;
        connection.execute(if filled.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
        filled?;
    }
    Ok(())
}

async fn fill_once(connection: &mut AnyConnection, name: &'static str) -> Result<(), StoreError> {
    let mark = sqlx::query("INSERT INTO jobs (name, due_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");
    let marked = mark.bind(name).bind(i64::MAX).execute(&mut *connection).await?;
    match (marked.rows_affected(), name) {
        (0, _) => Ok(()),
        (_, "filled emails") => spell_emails(connection).await,
        (_, "filled counts") => fill_counts(connection).await,
        _ => fill_ledger(connection).await,
    }
}

async fn is_filled(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    let marks = sqlx::query("SELECT count(*) AS marks FROM jobs WHERE name LIKE 'filled %'");
    let row = marks.fetch_one(connection).await?;
    Ok(row.try_get::<i64, _>("marks")? >= FILLS.len() as i64)
}

/// Backfills what the funnel counts from the purchases themselves, in each engine's own JSON syntax.
async fn fill_counts(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let is_postgres = connection.backend_name() == "PostgreSQL";
    let field = |name: &str| match is_postgres {
        true => format!("(body::json ->> '{name}')"),
        false => format!("json_extract(body, '$.{name}')"),
    };
    let known = widget::variants().iter().map(|(name, _)| format!("'{}'", name.replace('\'', "''")));
    let statement = format!(
        "UPDATE purchases SET variant = CASE WHEN {variant} IN ({known}) THEN {variant} END, \
         pressed = CASE WHEN {learner} IS NULL THEN 0 ELSE 1 END, \
         was_granted = CASE WHEN {granted_at} IS NULL THEN 0 ELSE 1 END, derived_version = version",
        variant = field("variant"),
        known = known.collect::<Vec<_>>().join(", "),
        learner = field("learner"),
        granted_at = field("granted_at"),
    );
    connection.execute(sqlx::AssertSqlSafe(statement)).await?;
    Ok(())
}

/// Opens the ledger with what was charged and refunded according to the purchases.
async fn fill_ledger(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let is_postgres = connection.backend_name() == "PostgreSQL";
    let field = |path: [&str; 2]| match (is_postgres, path) {
        (true, [name, ""]) => format!("(body::json ->> '{name}')"),
        (true, [outer, name]) => format!("(body::json -> '{outer}' ->> '{name}')"),
        (false, [name, ""]) => format!("json_extract(body, '$.{name}')"),
        (false, [outer, name]) => format!("json_extract(body, '$.{outer}.{name}')"),
    };
    for (movement, name) in [(Movement::Charge, "charged"), (Movement::Refund, "refunded")] {
        let (debit, credit) = movement.accounts();
        let amount = format!("CAST({} AS BIGINT)", field([name, ""]));
        let statement = format!(
            "INSERT INTO ledger (source, at, purchase_id, intent, kind, debit, credit, amount, currency) \
             SELECT id || ' opening {kind}', updated_at, id, intent, '{kind}', '{debit}', '{credit}', {amount}, {currency} \
             FROM purchases WHERE {amount} > 0 AND NOT EXISTS \
             (SELECT 1 FROM ledger WHERE purchase_id = purchases.id AND kind = '{kind}') ON CONFLICT (source) DO NOTHING",
            kind = movement.as_str(),
            debit = debit.as_str(),
            credit = credit.as_str(),
            currency = field(["price", "currency"]),
        );
        connection.execute(sqlx::AssertSqlSafe(statement)).await?;
    }
    Ok(())
}

/// Normalizes emails. SQL can't do so for those with letters beyond ASCII.
async fn spell_emails(connection: &mut AnyConnection) -> Result<(), StoreError> {
    connection.execute("UPDATE purchases SET email_key = lower(email) WHERE email IS NOT NULL").await?;
    for (select, update) in [
        (
            "SELECT DISTINCT email FROM purchases WHERE octet_length(email) <> length(email)",
            "UPDATE purchases SET email_key = $2 WHERE email = $1",
        ),
        (
            "SELECT DISTINCT email FROM redemptions WHERE octet_length(email) <> length(email)",
            "UPDATE redemptions SET email = $2 WHERE email = $1",
        ),
        (
            "SELECT DISTINCT email FROM coupons WHERE octet_length(email) <> length(email)",
            "UPDATE coupons SET email = $2 WHERE email = $1",
        ),
        (
            "SELECT DISTINCT email FROM mails WHERE octet_length(email) <> length(email)",
            "UPDATE mails SET email = $2 WHERE email = $1",
        ),
    ] {
        for row in sqlx::query(select).fetch_all(&mut *connection).await? {
            let email: String = row.try_get("email")?;
            let Ok(parsed) = Email::parse(&email) else { continue };
            sqlx::query(update).bind(&email).bind(normalized(&parsed)).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// The database's schema version, if it has one.
async fn version(connection: &mut AnyConnection) -> Result<Option<i64>, StoreError> {
    let latest = sqlx::query("SELECT CAST(max(version) AS BIGINT) AS latest FROM _sqlx_migrations");
    match latest.fetch_one(connection).await {
        Ok(row) => Ok(row.try_get("latest")?),
        Err(sqlx::Error::Database(error)) if is_missing_table(&*error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The lowest schema that servers must know; `None` for a database from before schema 18.
async fn least_schema(connection: &mut AnyConnection) -> Result<Option<i64>, StoreError> {
    let least = sqlx::query("SELECT max(least_schema) AS least FROM compatibility");
    match least.fetch_one(connection).await {
        Ok(row) => Ok(row.try_get("least")?),
        Err(sqlx::Error::Database(error)) if is_missing_table(&*error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// As PostgreSQL and SQLite report it.
fn is_missing_table(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| code == "42P01") || error.message().contains("no such table")
}

/// Migrates a database of an earlier release to this one's schema. Checksums equal those of `sqlx::migrate!`.
pub(super) fn migrator() -> Migrator {
    migrator_of(FILES)
}

fn migrator_of(files: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migration = |&(version, description, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(files.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use sqlx::Connection as _;
    use test_database::TestDatabase;

    #[tokio::test]
    async fn nobody_who_only_looks_migrates_what_an_earlier_release_works_with() {
        sqlx::any::install_default_drivers();
        let database = TestDatabase::new().await;
        let separator = if database.url().starts_with("sqlite:") { "?mode=rwc" } else { "" };
        let mut connection = AnyConnection::connect(&format!("{}{separator}", database.url())).await.unwrap();
        let open = async |schema| {
            let opened = Store::open(database.url(), schema).await;
            opened.map(drop).map_err(|error| error.to_string())
        };
        assert!(open(Schema::Check).await.unwrap_err().contains("migrate"), "nothing is in it");
        let earlier = &FILES[..FILES.len() - 1];
        migrator_of(earlier).run(&mut connection).await.unwrap();
        let schema = earlier[earlier.len() - 1].0;
        for looking in [Schema::Check, Schema::Create] {
            let refusal = open(looking).await.unwrap_err();
            assert!(
                refusal.contains("migrate") && refusal.contains(&format!("schema {schema}")),
                "{refusal}"
            );
            assert_eq!(version(&mut connection).await.unwrap(), Some(schema));
        }
        assert_eq!(Store::migrate(database.url()).await.unwrap(), (Some(schema), LATEST));
        assert_eq!(open(Schema::Check).await, Ok(()));
    }

    #[tokio::test]
    async fn what_earlier_releases_stored_is_found_and_counted() {
        sqlx::any::install_default_drivers();
        let database = TestDatabase::new().await;
        let separator = if database.url().starts_with("sqlite:") { "?mode=rwc" } else { "" };
        let mut connection = AnyConnection::connect(&format!("{}{separator}", database.url())).await.unwrap();
        migrator_of(&FILES[..10]).run(&mut connection).await.unwrap();
        for (id, email, body) in [
            (
                "a",
                "JÜRGEN@müller.de",
                r#"{"variant":"launch","learner":{},"granted_at":1,"charged":4900,"refunded":100,"price":{"currency":"usd"}}"#,
            ),
            (
                "b",
                "Ada@Example.com",
                r#"{"variant":"no-such","learner":null,"granted_at":null,"charged":0,"refunded":0,"price":{"currency":"usd"}}"#,
            ),
        ] {
            sqlx::query(
                "INSERT INTO purchases (id, reference, sku, state, version, email, opened_at, updated_at, body) \
                 VALUES ($1, $1, 'ru', 'granted', 1, $2, 1, 1, $3)",
            )
            .bind(id)
            .bind(email)
            .bind(body)
            .execute(&mut connection)
            .await
            .unwrap();
        }
        connection.close().await.unwrap();
        assert_eq!(Store::migrate(database.url()).await.unwrap(), (Some(10), LATEST));
        let mut connection = AnyConnection::connect(database.url()).await.unwrap();
        let columns = "SELECT email_key, variant, pressed, was_granted FROM purchases ORDER BY id";
        let rows = sqlx::query(columns).fetch_all(&mut connection).await.unwrap();
        let row = |n: usize| {
            let row = &rows[n];
            let text = |column| row.get::<Option<String>, _>(column);
            (
                text("email_key"),
                text("variant"),
                row.get::<i64, _>("pressed"),
                row.get::<i64, _>("was_granted"),
            )
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(row(0), (is("jürgen@xn--mller-kva.de"), is("launch"), 1, 1));
        assert_eq!(row(1), (is("ada@example.com"), None, 0, 0));
        let books = "SELECT purchase_id, kind, amount, currency FROM ledger ORDER BY kind";
        let rows = sqlx::query(books).fetch_all(&mut connection).await.unwrap();
        let booked = rows.iter().map(|row| {
            let text = |column| row.get::<String, _>(column);
            (text("purchase_id"), text("kind"), row.get::<i64, _>("amount"), text("currency"))
        });
        let line = |kind: &str, amount| ("a".to_owned(), kind.to_owned(), amount, "usd".to_owned());
        assert_eq!(booked.collect::<Vec<_>>(), [line("charge", 4900), line("refund", 100)]);
    }

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
