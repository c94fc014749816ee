//! Seats of live offerings: never more than there are, and free again when a purchase ends.
use checkout_tests::TestApp;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn many_open_the_last_seat_and_one_gets_it() {
    let app = TestApp::start().await;
    let tries = (0..30).map(|_| {
        let request = app.request(reqwest::Method::POST, "/v1/purchases");
        tokio::spawn(request.json(&json!({ "sku": "ru-live" })).send())
    });
    let mut statuses = Vec::new();
    for answer in tries.collect::<Vec<_>>() {
        statuses.push(answer.await.unwrap().unwrap().status().as_u16());
    }
    assert_eq!(statuses.iter().filter(|&&status| status == 201).count(), 1);
    assert_eq!(statuses.iter().filter(|&&status| status == 409).count(), 29);
    let offering = app.get("/v1/offerings/ru-live").await.json();
    assert_eq!((&offering["seats"]["left"], &offering["sale"]), (&json!(0), &json!("sold_out")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_given_up_or_run_out_is_free_again() {
    let app = TestApp::with(&["--hold-seconds=1"]).await;
    let first = app.open("ru-live").await;
    app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect_problem(409, "sold_out");
    app.reaches(&first, "expired").await;
    let second = app.open("ru-live").await;
    app.delete(&format!("/v1/purchases/{second}")).await.expect(200);
    let offering = app.get("/v1/offerings/ru-live").await.json();
    assert_eq!(offering["seats"]["left"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_is_kept_until_stripe_has_cancelled() {
    let app = TestApp::start().await;
    let (id, _) = app.open_and_press_pay("ru-live", 49000).await;
    let down = sandbox::StripeFault::new(sandbox::Misbehaviour::Down);
    app.sandbox.stripe().fault(down.on(sandbox::StripeOperation::CancelIntent));
    app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
    app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect_problem(409, "sold_out");
    app.sandbox.stripe().clear_faults();
    app.reaches(&id, "canceled").await;
    app.open("ru-live").await;
}
