//! Starting and stopping.
use checkout_tests::{COURSE, TestApp};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_is_answered_when_the_server_stops() {
    let mut app = TestApp::start().await;
    let id = app.open(COURSE).await;
    let path = format!("/v1/purchases/{id}?wait=30&after=1");
    let waiting = tokio::spawn(app.request(reqwest::Method::GET, &path).send());
    // A second request on a connection of its own is through only when the first has been taken.
    app.get("/healthz").await.expect(200);
    app.stop().await;
    if let Ok(answer) = waiting.await.unwrap() {
        let purchase: Value = answer.json().await.unwrap();
        assert_eq!(purchase["state"], "held");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_there_after_a_restart() {
    let mut app = TestApp::start().await;
    let id = app.open(COURSE).await;
    let before = app.get(&format!("/v1/purchases/{id}")).await.json();
    app.restart().await;
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.expect(200).json(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_in_the_middle_of_a_request_is_said_and_nothing_is_half_done() {
    let app = TestApp::start().await;
    let mut lock = app.lock_database().await;
    let opening = app.request(reqwest::Method::POST, "/v1/purchases").json(&json!({ "sku": "ru-live" }));
    let (answer, ()) = tokio::join!(app.send(opening), lock.cut_off());
    let answer = answer.expect_problem(503, "unavailable");
    assert!(!answer.header("retry-after").is_empty());
    lock.release().await;
    assert_eq!(app.get("/v1/offerings/ru-live").await.json()["seats"]["left"], 1);
    app.open("ru-live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_busy_for_long_is_said() {
    let app = TestApp::start().await;
    let lock = app.lock_database().await;
    app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect_problem(503, "unavailable");
    lock.release().await;
    app.open("ru-live").await;
}
