//! Starting and stopping.
use checkout_tests::{COURSE, TestApp};
use serde_json::Value;

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
