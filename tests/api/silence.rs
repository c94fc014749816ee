//! Hosts that fall silent: connections stay open, and nothing comes through them any more.
use checkout_tests::{COURSE, TestApp};
use serde_json::json;
use std::time::{Duration, Instant};

const GOOD: &str = "4242424242424242";
/// Far longer than any deadline within, and far shorter than the quarter of an hour after which a kernel gives up.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn a_database_host_that_falls_silent_holds_up_access_for_no_longer_than_the_deadlines() {
    // Declared first, so that it is there until the server has ended.
    let wire;
    let mut app = TestApp::start().await;
    wire = app.wire_database().await;
    let Some(wire) = &wire else { return };
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    // Under open statements: those of the workers, who ask for work.
    let mut lock = app.lock_database().await;
    lock.holds_up("UPDATE outbox").await;
    wire.cut();
    lock.release().await;
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    let until = Instant::now() + PATIENCE;
    let mut looks = tokio::time::interval(Duration::from_millis(200));
    while app.sandbox.flockjay().active_grants().is_empty() {
        assert!(Instant::now() < until, "no access after {PATIENCE:?}");
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
    let until = Instant::now() + PATIENCE;
    let mut looks = tokio::time::interval(Duration::from_millis(200));
    loop {
        let answer = app.get("/readyz").await;
        if answer.status == 503 {
            let problem = answer.json();
            assert_eq!(
                (&problem["code"], &problem["waiting"]),
                (&"unavailable".into(), &json!(["database"]))
            );
            break;
        }
        assert!(Instant::now() < until, "still ready");
        looks.tick().await;
    }
    lock.release().await;
    let until = Instant::now() + PATIENCE;
    while app.get("/readyz").await.status != 200 {
        assert!(Instant::now() < until, "not ready again");
        looks.tick().await;
    }
}
