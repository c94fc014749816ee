//! Two servers under load: each is killed once, and PostgreSQL is restarted if `TEST_POSTGRES` names one that is this
//! test's own. The invariants hold, and nobody is stuck.
mod fleet;
mod postgres;

use fleet::Fleet;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const GOOD: &str = "4242424242424242";
/// Concurrent learners, and how many purchases each makes one after another.
const LEARNERS: usize = 8;
const EACH: usize = 6;
const SEATS: usize = 5;
/// The longest that a few purchases may take, outages included.
const TIMEOUT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn one_server_killed_and_the_database_restarted_nobody_is_stuck_or_charged_twice() {
    let fleet = Arc::new(Fleet::start().await);
    fleet.app.change_catalog_file(|text| text.replace("seats = 1\n", &format!("seats = {SEATS}\n")));
    // Restart both, so that they reload the catalogue.
    fleet.kill(0);
    fleet.kill(1);
    let done = Arc::new(AtomicUsize::new(0));
    let learners = (0..LEARNERS).map(|learner| {
        let (fleet, done) = (fleet.clone(), done.clone());
        tokio::spawn(async move {
            let mut bought = Vec::new();
            for n in 0..EACH {
                let sku = if n == 0 { "ru-live" } else { "ru-course" };
                bought.extend(buy(&fleet, sku, &format!("{learner}-{n}")).await);
                done.fetch_add(1, Ordering::Relaxed);
            }
            bought
        })
    });
    let learners: Vec<_> = learners.collect();
    comes_to(&done, LEARNERS).await;
    fleet.kill(0);
    comes_to(&done, 2 * LEARNERS).await;
    let restarted = match std::env::var("TEST_POSTGRES") {
        Ok(url) => Some(postgres::restart(&url).await),
        Err(_) => None,
    };
    comes_to(&done, 3 * LEARNERS).await;
    fleet.kill(1);
    let mut bought = 0;
    for learner in learners {
        bought += learner.await.expect("a learner").len();
    }
    assert_eq!(bought, LEARNERS * (EACH - 1) + SEATS, "all courses and all seats are sold, and no more");
    let stripe = fleet.app.sandbox.stripe();
    assert_eq!((stripe.charges_succeeded().len(), stripe.refunds().len()), (bought, 0));
    assert_eq!(fleet.app.sandbox.flockjay().active_grants().len(), bought);
    let (_, offering) = fleet.ask(Method::GET, "/v1/offerings/ru-live", None, "").await;
    assert_eq!(offering["seats"]["left"], 0);
    drop(fleet);
    drop(restarted);
}

/// Buys `sku`, unless it is sold out, and returns the purchase once there is access.
async fn buy(fleet: &Fleet, sku: &str, key: &str) -> Option<String> {
    let request = json!({ "sku": sku, "variant": key });
    let (status, opened) = fleet.ask(Method::POST, "/v1/purchases", Some(&request), key).await;
    if status == 409 {
        assert_eq!(opened["code"], "sold_out");
        return None;
    }
    assert_eq!(status, 201, "{opened}");
    let id = text(&opened, "id");
    let request = json!({ "email": "ada@example.com", "expected_total": opened["price"]["total"] });
    let pay = format!("/v1/purchases/{id}/pay");
    let (status, answer) = fleet.ask(Method::POST, &pay, Some(&request), &format!("pay {key}")).await;
    assert_eq!(status, 200, "{answer}");
    let intent = checkout_tests::intent_of(&text(&answer, "client_secret"));
    fleet.app.sandbox.stripe().confirm(&intent, GOOD).expect("a payment");
    fleet.reaches(&id, "granted").await;
    Some(id)
}

async fn comes_to(done: &AtomicUsize, wanted: usize) {
    let until = Instant::now() + TIMEOUT;
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    while done.load(Ordering::Relaxed) < wanted {
        assert!(Instant::now() < until, "somebody is stuck: see above");
        looks.tick().await;
    }
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}")).to_owned()
}
