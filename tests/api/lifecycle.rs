//! Starting and stopping.
use checkout_tests::{COURSE, TestApp};
use sandbox::{Misbehaviour, StripeFault, StripeOperation};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_is_answered_when_the_server_stops() {
    let mut app = TestApp::start().await;
    let id = app.open(COURSE).await;
    let path = format!("/v1/purchases/{id}?wait=30&after=1");
    let waiting = tokio::spawn(app.request(reqwest::Method::GET, &path).send());
    // This second request, on its own connection, is answered only after the server has accepted the first.
    app.get("/healthz").await.expect(200);
    app.stop().await;
    if let Ok(answer) = waiting.await.unwrap() {
        let purchase: Value = answer.json().await.unwrap();
        assert_eq!(purchase["state"], "held");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_in_a_containers_patience_whatever_is_under_way() {
    let mut app = TestApp::with(&["--stripe-timeout-ms=60000"]).await;
    let id = app.open(COURSE).await;
    let hangs = StripeFault::new(Misbehaviour::Hang { after_work: false }).on(StripeOperation::CreateIntent);
    app.sandbox.stripe().fault(hangs);
    let body = json!({ "email": "ada@example.com", "expected_total": 4900 });
    let pay = app.request(reqwest::Method::POST, &format!("/v1/purchases/{id}/pay")).json(&body).send();
    let pay = tokio::spawn(pay);
    let stream = tokio::spawn(app.request(reqwest::Method::GET, "/v1/offerings/ru-live/seats").send());
    let address = app.base().trim_start_matches("http://").to_owned();
    let mut half = TcpStream::connect(&address).await.unwrap();
    half.write_all(b"POST /v1/purchases HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{").await.unwrap();
    app.until("a call that hangs", |sandbox| {
        sandbox.stripe().requests().iter().any(|request| request.method == "POST")
    })
    .await;
    let begun = Instant::now();
    app.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let _ = (pay.await, stream.await);
    app.sandbox.stripe().clear_faults();
    app.restart().await;
    app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_there_after_a_restart() {
    let mut app = TestApp::start().await;
    let id = app.open(COURSE).await;
    let shown = async |app: &TestApp| {
        let mut shown = app.get(&format!("/v1/purchases/{id}")).await.expect(200).json();
        // Changes as time passes.
        shown.as_object_mut().unwrap().remove("seconds_left");
        shown
    };
    let before = shown(&app).await;
    app.restart().await;
    assert_eq!(shown(&app).await, before);
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
