//! Hosts that go silent: connections stay open, but nothing comes through. And clocks that are wrong.
use checkout_tests::{COURSE, TestApp, logged};
use redis_checkout::clock::Clock;
use serde_json::json;
use std::time::{Duration, Instant};

const GOOD: &str = "4242424242424242";
/// Far longer than any of the server's timeouts, and far shorter than the 15 minutes after which a kernel gives up.
const TIMEOUT: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn a_database_host_that_falls_silent_holds_up_access_for_no_longer_than_the_deadlines() {
    // Declared first, so that it outlives the server.
    let wire;
    let mut app = TestApp::start().await;
    wire = app.wire_database().await;
    let Some(wire) = &wire else { return };
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    // Cuts the wire under open statements: the workers' queries for work.
    let mut lock = app.lock_database().await;
    lock.holds_up("UPDATE outbox").await;
    wire.cut();
    lock.release().await;
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    let until = Instant::now() + TIMEOUT;
    let mut looks = tokio::time::interval(Duration::from_millis(200));
    while app.sandbox.flockjay().active_grants().is_empty() {
        assert!(Instant::now() < until, "no access after {TIMEOUT:?}");
        looks.tick().await;
    }
    app.reaches(&id, "granted").await;
    app.get("/readyz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_not_write_is_not_ready_and_says_so() {
    let app = TestApp::start().await;
    app.get("/readyz").await.expect(200);
    let lock = app.lock_database().await;
    let problem = app.until_ready(503).await.json();
    assert_eq!((&problem["code"], &problem["waiting"]), (&"unavailable".into(), &json!(["database"])));
    lock.release().await;
    app.until_ready(200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_whose_clock_is_fast_ends_nobodys_purchase_and_says_so() {
    let mut app = TestApp::start().await;
    let held = app.open(COURSE).await;
    let (paying, intent) = app.open_and_press_pay("ru-live", 49000).await;
    let fast = app.start_another_by(Clock::ahead_by(3_600_000)).await;
    let ready = reqwest::get(format!("{fast}/readyz")).await.unwrap();
    assert_eq!(ready.status(), 503);
    let waiting = ready.json::<serde_json::Value>().await.unwrap()["waiting"].clone();
    assert_eq!(waiting, json!(["clock"]));
    app.get("/readyz").await.expect(200);
    assert!(logged().contains("this machine's clock differs"));
    // Taking the seat there would free a hold that seems to have expired.
    let client = reqwest::Client::new();
    let refused =
        client.post(format!("{fast}/v1/purchases")).json(&json!({ "sku": "ru-live" })).send().await.unwrap();
    assert_eq!(refused.status(), 409);
    // Its own holds last as long as those of other instances.
    let opened =
        client.post(format!("{fast}/v1/purchases")).json(&json!({ "sku": COURSE })).send().await.unwrap();
    let opened: serde_json::Value = opened.json().await.unwrap();
    let until: shared::Timestamp = serde_json::from_value(opened["hold_expires_at"].clone()).unwrap();
    let left = until.since(redis_checkout::clock::now()).as_secs();
    assert!((590..=610).contains(&left), "{left} s");
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.reaches(&paying, "granted").await;
    assert_eq!(app.get(&format!("/v1/purchases/{held}")).await.text_at("state"), "held");
}
