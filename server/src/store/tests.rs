//! The store's promises, on a database of its own.
use super::*;
use crate::catalog::{Catalog, CurrentCatalog};
use crate::purchase::Receiver;
use crate::purchase::{Command, Event, Learner, Opening, Purchase, Reference, Way};
use shared::{Currency, Email, Money, Price, State, Timestamp};
use tempfile::TempDir;
use test_database::TestDatabase;

const LIMITS: Limits = Limits {
    hold: Duration::from_secs(600),
    payment: Duration::from_secs(1200),
    check: Duration::from_secs(15),
};
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const LEASE: Duration = Duration::from_secs(60);

struct Fixture {
    store: Store,
    database: TestDatabase,
}

impl Fixture {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        Self { store: connect(&database).await, database }
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
        };
        let purchase = Purchase::open(opening, NOW, &LIMITS);
        let mut tx = self.store.begin().await.unwrap();
        if seated {
            assert!(tx.take_seat(sku, 1).await.unwrap());
        }
        assert!(tx.insert(&purchase, None, &Allowance::ALL, NOW).await.unwrap());
        tx.commit().await.unwrap();
        purchase.id().clone()
    }

    async fn apply(&self, id: &PurchaseId, event: Event) -> Purchase {
        self.store.apply(id, event, NOW).await.unwrap().unwrap()
    }

    async fn pay(&self, id: &PurchaseId) {
        let learner = Learner { email: Email::parse("ada@example.com").unwrap(), name: None };
        self.apply(
            id,
            Event::PaySubmitted { learner, expected_total: 4900, key: "key".to_owned(), way: Way::Inline },
        )
        .await;
        self.apply(id, Event::IntentCreated { intent: format!("pi_{}", id.as_str()) }).await;
        self.pay_again(id).await;
    }

    async fn pay_again(&self, id: &PurchaseId) {
        let paid = Event::PaymentSucceeded {
            intent: format!("pi_{}", id.as_str()),
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
    Store::connect(database.url(), LIMITS, CurrentCatalog::new(Catalog::default())).await.unwrap()
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
    let refund = Event::RefundRequested { amount: None, key: "key".to_owned() };
    assert!(fixture.store.apply(&id, refund, NOW).await.unwrap().is_err());
    assert_eq!(fixture.store.purchase(&id).await.unwrap(), before);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_has_not_happened() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    let mut tx = fixture.store.begin().await.unwrap();
    tx.apply(&id, Event::GaveUp, NOW).await.unwrap().unwrap();
    drop(tx);
    assert_eq!(fixture.store.purchase(&id).await.unwrap().state(), State::Held);
}

#[tokio::test]
async fn a_command_is_leased_to_one_worker_until_the_lease_runs_out() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    let first = fixture.lease(NOW).await.unwrap();
    assert_eq!((&first.command, first.attempts), (&Command::CreateGrant, 1));
    assert!(fixture.lease(NOW).await.is_none());
    let second = fixture.lease(NOW.plus(LEASE)).await.unwrap();
    assert_eq!((&second.id, second.attempts), (&first.id, 2));
    // The first worker comes back late: what it did is not recorded twice.
    let mut tx = fixture.store.begin().await.unwrap();
    assert!(!tx.finish(&first, NOW).await.unwrap());
    assert!(tx.finish(&second, NOW).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(fixture.store.outbox_depth().await.unwrap(), (0, 0));
}

#[tokio::test]
async fn racing_workers_get_each_command_once() {
    let fixture = Fixture::new().await;
    for n in 0..20 {
        let id = fixture.open(n).await;
        fixture.pay(&id).await;
    }
    let workers = (0..40).map(|_| {
        let store = fixture.store.clone();
        tokio::spawn(async move { store.lease(&Receiver::FlockJay, NOW, LEASE).await.unwrap() })
    });
    let mut leased = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        leased.extend(worker.await.unwrap().map(|task| task.id));
    }
    leased.sort();
    let all = leased.len();
    leased.dedup();
    assert_eq!((all, leased.len()), (20, 20));
}

#[tokio::test]
async fn commands_of_one_purchase_keep_their_order_at_one_receiver_and_wait_for_no_other() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    fixture.apply(&id, Event::RefundsCounted { succeeded: 4900, failed: 0 }).await;
    fixture.apply(&id, Event::GrantCreated { access_url: "https://learn".to_owned() }).await;
    let grant = fixture.lease(NOW).await.unwrap();
    assert_eq!(grant.command, Command::CreateGrant);
    assert!(fixture.lease(NOW).await.is_none(), "revoking waits for granting");
    fixture.store.retry(&grant, "busy", NOW.plus(LEASE)).await.unwrap();
    assert!(fixture.lease(NOW).await.is_none(), "also while granting waits for its next try");
    let grant = fixture.lease(NOW.plus(LEASE)).await.unwrap();
    let mut tx = fixture.store.begin().await.unwrap();
    assert!(tx.finish(&grant, NOW).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(fixture.lease(NOW.plus(LEASE)).await.unwrap().command, Command::RevokeGrant);

    let other = fixture.open(2).await;
    fixture.pay(&other).await;
    let failed = fixture.lease(NOW).await.unwrap();
    fixture.store.retry(&failed, "down", NOW.plus(LEASE)).await.unwrap();
    fixture.apply(&other, Event::StripeHadNews { intent: None }).await;
    let asked = fixture.store.lease(&Receiver::Stripe, NOW, LEASE).await.unwrap().unwrap();
    assert_eq!(asked.command, Command::AskStripe);
}

#[tokio::test]
async fn a_command_under_way_does_not_swallow_the_next_of_its_kind() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.apply(&id, Event::StripeHadNews { intent: None }).await;
    fixture.apply(&id, Event::StripeHadNews { intent: None }).await;
    assert_eq!(fixture.store.outbox_depth().await.unwrap(), (1, 0), "one that waits does for both");
    fixture.store.lease(&Receiver::Stripe, NOW, LEASE).await.unwrap().unwrap();
    fixture.apply(&id, Event::StripeHadNews { intent: None }).await;
    assert_eq!(
        fixture.store.outbox_depth().await.unwrap(),
        (2, 0),
        "one under way may have looked too early"
    );
}

#[tokio::test]
async fn what_waits_for_another_command_is_not_said_to_be_due() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    let grant = fixture.lease(NOW).await.unwrap();
    fixture.apply(&id, Event::RefundsCounted { succeeded: 4900, failed: 0 }).await;
    fixture.store.retry(&grant, "down", NOW.plus(LEASE)).await.unwrap();
    assert_eq!(fixture.store.next_due(&Receiver::FlockJay).await.unwrap(), Some(NOW.plus(LEASE)));
}

#[tokio::test]
async fn a_lease_that_is_renewed_lasts() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    let grant = fixture.lease(NOW).await.unwrap();
    fixture.store.renew(&grant, NOW.plus(LEASE * 2)).await.unwrap();
    assert!(fixture.lease(NOW.plus(LEASE)).await.is_none());
    assert!(fixture.lease(NOW.plus(LEASE * 2)).await.is_some());
}

#[tokio::test]
async fn seats_are_never_taken_past_the_capacity() {
    let fixture = Fixture::new().await;
    let buyers = (0..50).map(|_| {
        let store = fixture.store.clone();
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let taken = tx.take_seat("ru-live", 7).await.unwrap();
            tx.commit().await.unwrap();
            taken
        })
    });
    let mut won = 0;
    for buyer in buyers.collect::<Vec<_>>() {
        won += i64::from(buyer.await.unwrap());
    }
    assert_eq!((won, fixture.store.taken_seats("ru-live").await.unwrap()), (7, 7));
}

#[tokio::test]
async fn events_at_the_same_time_are_applied_one_after_another() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    let tellers = (0..15).map(|n| {
        let (store, id) = (fixture.store.clone(), id.clone());
        let event = Event::PaymentFailed { failure: format!("ch_{n}") };
        tokio::spawn(async move { store.apply(&id, event, NOW).await.unwrap().unwrap() })
    });
    for teller in tellers.collect::<Vec<_>>() {
        teller.await.unwrap();
    }
    // One is lost where two read the same purchase and the later write wins.
    assert_eq!(fixture.store.purchase(&id).await.unwrap().version(), 1 + 15);
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
async fn transactions_that_read_first_wait_for_each_other() {
    let fixture = Fixture::new().await;
    fixture.open(1).await;
    let writers = (0..20).map(|n| {
        let store = fixture.store.clone();
        tokio::spawn(async move {
            let id = format!("evt_{n}");
            let event = StoredEvent { id: &id, kind: "ping", object_id: None, body: "{}" };
            let mut tx = store.begin().await.unwrap();
            tx.purchase_of_intent("pi_1", None, false).await.unwrap();
            tx.keep_event(&event, None, "not_ours", NOW).await.unwrap();
            tx.commit().await.unwrap();
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_database_that_is_not_one_is_named() {
    let folder = TempDir::new().unwrap();
    let connect =
        |url: String| async move { Store::connect(&url, LIMITS, CurrentCatalog::default()).await.err() };
    for wrong in ["mysql://x", "sqlite::memory:"] {
        assert!(connect(wrong.to_owned()).await.unwrap().to_string().contains("DATABASE_URL"));
    }
    let file = folder.path().join("text.db");
    std::fs::write(&file, "this is no database, and longer than the header of one".repeat(40)).unwrap();
    assert!(connect(format!("sqlite://{}", file.display())).await.is_some());
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let fixture = Fixture::new().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 9999, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
    )
    .execute(&fixture.store.pool)
    .await
    .unwrap();
    let refusal = Store::connect(fixture.database.url(), LIMITS, CurrentCatalog::default()).await.err();
    let refusal = refusal.unwrap().to_string();
    assert!(refusal.contains("newer") && refusal.contains("9999"), "{refusal}");
}

#[tokio::test]
async fn an_offering_fails_once_a_grant_has_waited_for_long() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    let failing = async |now: Timestamp| fixture.store.failing_skus(now, 3, NOW).await.unwrap();
    assert!(failing(NOW.plus(LEASE)).await.is_empty(), "it was not tried yet");
    let task = fixture.lease(NOW).await.unwrap();
    fixture.store.retry(&task, "down", NOW.plus(LEASE)).await.unwrap();
    let task = fixture.lease(NOW.plus(LEASE)).await.unwrap();
    assert!(failing(NOW).await.is_empty(), "it has not waited for long");
    assert_eq!(failing(NOW.plus(LEASE)).await.into_iter().collect::<Vec<_>>(), ["ru-test"]);
    fixture.store.retry(&task, "down", NOW.plus(LEASE)).await.unwrap();
    fixture.apply(&id, Event::GrantCreated { access_url: "https://learn".to_owned() }).await;
    assert!(failing(NOW.plus(LEASE)).await.is_empty(), "granted");
}

#[tokio::test]
async fn a_job_cut_off_in_the_middle_is_taken_over_and_one_that_is_done_waits_for_its_time() {
    let fixture = Fixture::new().await;
    let claim = async |now| fixture.store.claim_job("job", now, LEASE * 10, LEASE).await.unwrap();
    assert!(!claim(NOW).await, "new, and due after its interval");
    let due = NOW.plus(LEASE * 10);
    assert!(claim(due).await);
    assert!(!claim(due).await, "another has it");
    assert!(claim(due.plus(LEASE)).await, "who had it gave no sign of life");
    fixture.store.postpone_job("job", due.plus(LEASE * 10)).await.unwrap();
    assert!(!claim(due.plus(LEASE * 9)).await);
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
async fn an_offering_that_was_refused_three_times_is_tried_again_after_a_while_and_once_is_enough_then() {
    let fixture = Fixture::new().await;
    let refuse = async |n: u8, now: Timestamp| {
        let id = fixture.open(n).await;
        fixture.pay(&id).await;
        let task = fixture.lease(now).await.unwrap();
        let mut tx = fixture.store.begin().await.unwrap();
        assert!(tx.give_to_person(&task, "no", now).await.unwrap());
        tx.commit().await.unwrap();
    };
    let failing = async |after: Timestamp| {
        fixture.store.failing_skus(NOW.minus(LEASE), 3, after).await.unwrap().contains("ru-test")
    };
    refuse(1, NOW).await;
    refuse(2, NOW).await;
    assert!(!failing(NOW.minus(LEASE)).await);
    refuse(3, NOW).await;
    assert!(failing(NOW.minus(LEASE)).await);
    assert!(!failing(NOW).await, "a while after the last");
    refuse(4, NOW.plus(LEASE)).await;
    assert!(failing(NOW).await);
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
    fixture.store.catalog().replace(live);
    let id = fixture.open_seated(1).await;
    fixture.pay(&id).await;
    fixture.apply(&id, Event::RefundRequested { amount: None, key: "refund".to_owned() }).await;
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
    assert_eq!((uses(NOW).await, uses(NOW).await), (Ok(()), Ok(())));
    assert_eq!(uses(NOW).await, Err(Duration::from_secs(1800)));
    assert_eq!(waits("opens x", minutes(10)).await.unwrap().as_secs(), 1200);
    assert_eq!(uses(minutes(29)).await, Err(Duration::from_secs(60)));
    assert_eq!(uses(minutes(30)).await, Ok(()));
    assert!(uses(minutes(30)).await.is_err());
    assert_eq!(waits("opens y", NOW).await, None, "another's is another's");
    fixture.store.forget_rates(minutes(200)).await.unwrap();
    assert_eq!((uses(minutes(200)).await, uses(minutes(200)).await), (Ok(()), Ok(())));
}

#[tokio::test]
async fn the_time_of_a_command_runs_from_its_first_try() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    let late = NOW.plus(LEASE * 1000);
    let first = fixture.lease(late).await.unwrap();
    assert_eq!(first.tried_since, late);
    fixture.store.retry(&first, "down", late.plus(LEASE)).await.unwrap();
    assert_eq!(fixture.lease(late.plus(LEASE)).await.unwrap().tried_since, late);
}
