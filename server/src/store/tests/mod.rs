//! The store's guarantees; each test has its own database.
mod derived;
mod disk;
mod leases;
mod races;

use super::*;
use crate::catalog::{Catalog, CurrentCatalog};
use crate::checkout::Rules;
use crate::error::Error;
use crate::fault_injection::Guards;
use crate::purchase::{
    Command, Event, IdempotencyKey, IntentId, Learner, Opening, PaymentPath, Purchase, Reference,
};
use crate::purchase::{Limits, Receiver};
use shared::{Currency, Email, Money, Price, State, Timestamp};
use sqlx::Row;
use tempfile::TempDir;
use test_database::TestDatabase;

const LIMITS: Limits = Limits {
    hold: Duration::from_secs(600),
    payment: Duration::from_secs(1200),
    check: Duration::from_secs(15),
    partial_dispute_ends_access: false,
    guards: Guards::ALL,
};
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const LEASE: Duration = Duration::from_secs(60);

struct Fixture {
    store: Store,
    rules: Rules,
    database: TestDatabase,
}

impl Fixture {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let rules = Rules::new(LIMITS, CurrentCatalog::new(Catalog::default()));
        Self { store: connect(&database).await, rules, database }
    }

    async fn open(&self, n: u8) -> PurchaseId {
        self.open_of(n, "ru-test", false).await
    }

    async fn open_seated(&self, n: u8) -> PurchaseId {
        self.open_of(n, "ru-live", true).await
    }

    async fn open_of(&self, n: u8, sku: &str, seated: bool) -> PurchaseId {
        let opening = Opening {
            id: PurchaseId::from_random([n; 20]),
            reference: Reference::from_random([n; 8]),
            sku: sku.to_owned(),
            seated,
            variant: None,
            price: Price::of(Money { amount: 4900, currency: Currency::USD }),
            redemption: None,
            team: None,
            signed_in: None,
        };
        let purchase = Purchase::open(opening, NOW, &LIMITS);
        let mut tx = self.store.begin().await.unwrap();
        if seated {
            assert!(tx.take_seat(sku, 1).await.unwrap());
        }
        assert!(tx.insert(&purchase, &Allowance::ALL, NOW).await.unwrap());
        tx.commit().await.unwrap();
        purchase.id().clone()
    }

    async fn apply(&self, id: &PurchaseId, event: Event) -> Purchase {
        self.rules.apply(&self.store, id, event, NOW).await.unwrap()
    }

    async fn pay(&self, id: &PurchaseId) {
        let learner = Learner {
            email: Email::parse("ada@example.com").unwrap(),
            name: None,
            external_id: None,
            issuer: None,
        };
        self.apply(
            id,
            Event::PaySubmitted {
                learner,
                expected_total: 4900,
                key: IdempotencyKey::new("key"),
                title: None,
                methods: None,
                path: PaymentPath::Inline,
            },
        )
        .await;
        self.apply(id, Event::IntentCreated { intent: IntentId::new(format!("pi_{}", id.as_str())) }).await;
        self.pay_again(id).await;
    }

    async fn pay_again(&self, id: &PurchaseId) {
        let paid = Event::PaymentSucceeded {
            intent: IntentId::new(format!("pi_{}", id.as_str())),
            amount: 4900,
            currency: Some(Currency::USD),
            seat: crate::purchase::SeatFound::Yes,
        };
        self.apply(id, paid).await;
    }

    async fn lease(&self, now: Timestamp) -> Option<Task> {
        self.store.lease(&Receiver::FlockJay, now, LEASE).await.unwrap()
    }
}

async fn connect(database: &TestDatabase) -> Store {
    Store::connect(database.url()).await.unwrap()
}

#[tokio::test]
async fn a_purchase_is_read_back_as_it_was_also_by_another_process() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    let purchase = fixture.store.purchase(&id).await.unwrap();
    assert_eq!(purchase.state(), State::Paid);
    assert_eq!(connect(&fixture.database).await.purchase(&id).await.unwrap(), purchase);
}

#[tokio::test]
async fn a_refused_event_stores_nothing() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    let before = fixture.store.purchase(&id).await.unwrap();
    let refund = Event::RefundRequested { amount: None, key: IdempotencyKey::new("key") };
    assert!(matches!(fixture.rules.apply(&fixture.store, &id, refund, NOW).await, Err(Error::Refused(_))));
    assert_eq!(fixture.store.purchase(&id).await.unwrap(), before);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_has_not_happened() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    let mut tx = fixture.store.begin().await.unwrap();
    fixture.rules.apply_in(&mut tx, &id, Event::CancelRequested, NOW).await.unwrap();
    drop(tx);
    assert_eq!(fixture.store.purchase(&id).await.unwrap().state(), State::Held);
}

#[tokio::test]
async fn an_event_of_stripes_is_kept_once() {
    let fixture = Fixture::new().await;
    let event = StoredEvent { id: "evt_1", kind: "ping", object_id: None, body: "{}" };
    for new in [true, false] {
        let mut tx = fixture.store.begin().await.unwrap();
        assert_eq!(tx.keep_event(&event, None, "not_ours", NOW).await.unwrap(), new);
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_database_that_is_not_one_is_named() {
    let folder = TempDir::new().unwrap();
    let connect = |url: String| async move { Store::connect(&url).await.err() };
    for wrong in ["mysql://x", "sqlite::memory:"] {
        assert!(connect(wrong.to_owned()).await.unwrap().to_string().contains("DATABASE_URL"));
    }
    let file = folder.path().join("text.db");
    std::fs::write(&file, "this is no database, and longer than the header of one".repeat(40)).unwrap();
    assert!(connect(format!("sqlite://{}", file.display())).await.is_some());
}

#[tokio::test]
async fn a_database_of_a_later_release_is_left_alone_unless_that_one_lets_earlier_ones_work() {
    let fixture = Fixture::new().await;
    let execute = async |statement: &'static str| {
        sqlx::query(statement).execute(&fixture.store.pool).await.unwrap();
    };
    execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 9999, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
    )
    .await;
    let url = fixture.database.url();
    for schema in [Schema::Migrate, Schema::Create, Schema::Check] {
        execute("UPDATE compatibility SET least_schema = 18").await;
        Store::open(url, schema).await.unwrap();
        execute("UPDATE compatibility SET least_schema = 9999").await;
        let refusal = Store::open(url, schema).await.err().unwrap().to_string();
        assert!(refusal.contains("newer") && refusal.contains("9999"), "{refusal}");
    }
}

#[tokio::test]
async fn old_keys_are_forgotten_and_new_ones_are_not() {
    let fixture = Fixture::new().await;
    let claim = async |key, now| {
        let mut tx = fixture.store.begin().await.unwrap();
        let known = tx.claim_key("open", key, "hash", now).await.unwrap();
        tx.commit().await.unwrap();
        known
    };
    claim("old", NOW).await;
    claim("new", NOW.plus(LEASE)).await;
    fixture.store.forget_keys(NOW.plus(LEASE)).await.unwrap();
    assert_eq!(claim("old", NOW.plus(LEASE)).await, Replay::New);
    assert_eq!(claim("new", NOW.plus(LEASE)).await, Replay::Same(String::new()));
}

#[tokio::test]
async fn money_told_again_after_a_refund_takes_no_seat() {
    let fixture = Fixture::new().await;
    let live = crate::catalog::parse(
        "catalog.toml",
        "[[offering]]\nsku = \"ru-live\"\nkind = \"live\"\ntitle = \"Live\"\nsummary = \"Live.\"\nseats = 1\n\
         price = { amount = 4900, currency = \"usd\" }\nflockjay = { kind = \"live\", id = \"1\" }",
    )
    .unwrap();
    fixture.rules.catalog.replace(live);
    let id = fixture.open_seated(1).await;
    fixture.pay(&id).await;
    fixture.apply(&id, Event::RefundRequested { amount: None, key: IdempotencyKey::new("refund") }).await;
    fixture.apply(&id, Event::RefundsCounted { succeeded: 4900, failed: 0 }).await;
    assert_eq!(fixture.store.taken_seats("ru-live").await.unwrap(), 0);
    fixture.pay_again(&id).await;
    assert_eq!(fixture.store.taken_seats("ru-live").await.unwrap(), 0);
}

#[tokio::test]
async fn a_rate_is_used_up_and_comes_back_bit_by_bit() {
    let fixture = Fixture::new().await;
    let rate: crate::abuse::Rate = "2/1h".parse().unwrap();
    let minutes = |n: u64| NOW.plus(Duration::from_secs(60 * n));
    let uses = async |now: Timestamp| {
        let mut tx = fixture.store.begin().await.unwrap();
        let used = tx.use_rate("opens x", rate, now).await.unwrap();
        tx.commit().await.unwrap();
        used
    };
    let waits = async |subject, now| {
        let mut tx = fixture.store.begin().await.unwrap();
        tx.rate_wait(subject, rate, now).await.unwrap()
    };
    let a_little_before = Timestamp::from_millis(NOW.as_millis() - 900);
    assert_eq!((uses(NOW).await, uses(a_little_before).await), (Ok(()), Ok(())), "clocks go back, too");
    assert_eq!(uses(NOW).await, Err(Duration::from_secs(1799)));
    assert_eq!(waits("opens x", minutes(10)).await.unwrap().as_secs(), 1199);
    assert_eq!(uses(minutes(29)).await, Err(Duration::from_secs(59)));
    assert_eq!(uses(minutes(30)).await, Ok(()));
    assert!(uses(minutes(30)).await.is_err());
    assert_eq!(waits("opens y", NOW).await, None, "another's is another's");
    fixture.store.forget_rates(minutes(200)).await.unwrap();
    assert_eq!((uses(minutes(200)).await, uses(minutes(200)).await), (Ok(()), Ok(())));
}

/// Runs if `TEST_POSTGRES` names a cluster, which uses TLS with the certificate in `TEST_POSTGRES_CERTIFICATE`.
#[tokio::test]
async fn what_goes_to_postgresql_is_encrypted_and_its_certificate_is_verified() {
    let database = TestDatabase::new().await;
    let Ok(certificate) = std::env::var("TEST_POSTGRES_CERTIFICATE") else {
        assert!(database.url().starts_with("sqlite:"), "TEST_POSTGRES_CERTIFICATE is not set");
        return;
    };
    let connect = async |parameters: String| {
        let url = format!("{}?{parameters}", database.url());
        Store::connect(&url).await
    };
    for mode in ["require", "verify-ca", "verify-full"] {
        let store = connect(format!("sslmode={mode}&sslrootcert={certificate}")).await.unwrap();
        let row = sqlx::query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
        assert!(row.fetch_one(store.pool()).await.unwrap().get::<bool, _>("ssl"), "{mode}");
    }
    let refusal = connect("sslmode=verify-full".to_owned()).await.err().unwrap().to_string();
    assert!(refusal.contains("certificate"), "nobody vouches for it: {refusal}");
}

#[tokio::test]
async fn what_a_database_of_postgresqls_begins_transactions_with_is_not_ours() {
    let database = TestDatabase::new().await;
    if database.url().starts_with("sqlite:") {
        return;
    }
    let set = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', \
               current_database()); END $$";
    database.execute(set).await;
    let store = Store::connect(database.url()).await.unwrap();
    let row = sqlx::query("SHOW transaction_isolation").fetch_one(store.pool()).await.unwrap();
    assert_eq!(row.get::<String, _>(0), "read committed");
}

#[tokio::test]
async fn a_file_is_read_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new().await;
    let Some(path) = fixture.database.url().strip_prefix("sqlite://") else { return };
    fixture.open(1).await;
    for suffix in ["", "-wal", "-shm"] {
        let mode = std::fs::metadata(format!("{path}{suffix}")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
}

#[tokio::test]
async fn a_path_with_spaces_is_one_file_however_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().display();
    for address in [format!("sqlite://{base}/a b/c d.db"), format!("sqlite://{base}/a%20b/c%20d.db")] {
        Store::migrate(&address).await.unwrap();
        assert!(folder.path().join("a b/c d.db").is_file(), "{address}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
