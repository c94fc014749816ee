//! Concurrent access to the store.
use super::*;
use crate::coupons::{CouponCode, Pack};
use std::collections::{HashMap, HashSet};

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
        let (rules, store, id) = (fixture.rules.clone(), fixture.store.clone(), id.clone());
        let event = Event::PaymentFailed { failure: format!("ch_{n}") };
        tokio::spawn(async move { rules.apply(&store, &id, event, NOW).await.unwrap() })
    });
    for teller in tellers.collect::<Vec<_>>() {
        teller.await.unwrap();
    }
    // An event is lost if two transactions read the same purchase and the later write wins.
    assert_eq!(fixture.store.purchase(&id).await.unwrap().version(), 1 + 15);
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
            tx.purchase_of_intent(Some(&IntentId::new("pi_1")), None, false).await.unwrap();
            tx.keep_event(&event, None, "not_ours", NOW).await.unwrap();
            tx.commit().await.unwrap();
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn each_code_goes_from_hand_to_hand() {
    let fixture = Fixture::new().await;
    let (pack, codes) = fixture.pack(20).await;
    let people = |n: usize| Email::parse(&format!("{n}@example.com")).unwrap();
    // Half of the requests paste an email; the others assign a named code to one.
    let requests = (0..40).map(|n| {
        let (store, pack, code, email) =
            (fixture.store.clone(), pack.clone(), codes[n / 2].clone(), people(n));
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let kept = if n % 2 == 0 {
                let assigned = tx.assign_codes(&pack, std::slice::from_ref(&email)).await.unwrap();
                assigned.codes.into_iter().next().map(|(code, email)| (code, None, email))
            } else {
                tx.assign_code(&pack, &code, Some(&email)).await.unwrap().map(|before| (code, before, email))
            };
            tx.commit().await.unwrap();
            kept
        })
    });
    let mut handed: HashMap<CouponCode, Vec<(String, String)>> = HashMap::new();
    for request in requests.collect::<Vec<_>>() {
        if let Some((code, before, email)) = request.await.unwrap() {
            let handing = (before.unwrap_or_default(), email.as_str().to_owned());
            handed.entry(code).or_default().push(handing);
        }
    }
    for (code, handings) in handed {
        let mut holder = String::new();
        for _ in &handings {
            let next = handings.iter().find(|(before, _)| *before == holder);
            holder = next
                .unwrap_or_else(|| panic!("{code}: nobody has it from {holder:?}: {handings:?}"))
                .1
                .clone();
        }
        let kept = fixture.store.coupon(&code).await.unwrap().unwrap().email;
        assert_eq!(kept, Some(holder), "{code}: {handings:?}");
    }
}

#[tokio::test]
async fn who_is_in_several_lists_pasted_at_once_gets_one_code() {
    let fixture = Fixture::new().await;
    let (pack, codes) = fixture.pack(30).await;
    let emails: Vec<_> = (0..10).map(|n| Email::parse(&format!("{n}@example.com")).unwrap()).collect();
    let presses = (0..8).map(|n| {
        let (store, pack, mut emails) = (fixture.store.clone(), pack.clone(), emails.clone());
        emails.rotate_left(n);
        emails.truncate(3);
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            tx.assign_codes(&pack, &emails).await.unwrap();
            tx.commit().await.unwrap();
        })
    });
    for press in presses.collect::<Vec<_>>() {
        press.await.unwrap();
    }
    let mut kept = Vec::new();
    for code in &codes {
        kept.extend(fixture.store.coupon(code).await.unwrap().unwrap().email);
    }
    assert_eq!((kept.len(), kept.iter().collect::<HashSet<_>>().len()), (10, 10), "{kept:?}");
}

impl Fixture {
    /// A pack with `count` codes.
    async fn pack(&self, count: u8) -> (Pack, Vec<CouponCode>) {
        let pack = Pack::new("ru-test", "Acme", "PO-1", ([1; 8], [1; 20]), NOW);
        let codes: Vec<_> = (0..count).map(|n| pack.coupon([n; 15], None, false)).collect();
        let mut tx = self.store.begin().await.unwrap();
        tx.insert_pack(&pack, &codes, NOW).await.unwrap();
        tx.commit().await.unwrap();
        (pack, codes.into_iter().map(|coupon| coupon.code).collect())
    }
}

/// For PostgreSQL only: on SQLite nobody can commit while another transaction is open.
#[tokio::test]
async fn who_commits_late_comes_behind_what_was_read_of_the_feed() {
    let fixture = Fixture::new().await;
    if !fixture.database.url().starts_with("postgres") {
        return;
    }
    let (early, late) = (fixture.open(1).await, fixture.open(2).await);
    let behind = async |place| fixture.store.feed(place, Timestamp::from_millis(0), 10).await.unwrap();
    let read = behind(0).await.last().unwrap().place;
    let mut slow = fixture.store.begin().await.unwrap();
    fixture.rules.apply_in(&mut slow, &late, Event::CancelRequested, NOW).await.unwrap();
    fixture.apply(&early, Event::CancelRequested).await;
    let seen = behind(read).await;
    assert_eq!(seen.iter().map(|entry| entry.purchase.id()).collect::<Vec<_>>(), [&early]);
    slow.commit().await.unwrap();
    let seen = behind(seen[0].place).await;
    assert_eq!(seen.iter().map(|entry| entry.purchase.id()).collect::<Vec<_>>(), [&late]);
}
