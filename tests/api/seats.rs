//! Seats of live offerings: never oversold, and free again when a purchase ends.
use checkout_tests::{SeatStream, TestApp, intent_of};
use serde_json::json;
use std::time::{Duration, Instant};

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
async fn a_hold_is_extended_once_when_it_is_about_to_end() {
    let app = TestApp::start().await;
    let early = app.open("ru-course").await;
    app.post(&format!("/v1/purchases/{early}/extend"), &json!({}))
        .await
        .expect_problem(409, "hold_not_ending");
    app.post("/v1/purchases/pu_0/extend", &json!({})).await.expect_problem(404, "unknown_purchase");

    let app = TestApp::with(&["--hold-seconds=50"]).await;
    let opened = app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect(201).json();
    let id = opened["id"].as_str().unwrap();
    let extend = format!("/v1/purchases/{id}/extend");
    let extended = app.post(&extend, &json!({})).await.expect(200).json();
    let at = |answer: &serde_json::Value| {
        let at: shared::Timestamp = answer["hold_expires_at"].as_str().unwrap().parse().unwrap();
        at.as_millis()
    };
    assert_eq!(at(&extended) - at(&opened), 300_000);
    let left = extended["seconds_left"].as_i64().unwrap();
    assert!((340..=350).contains(&left), "{left} s left");
    app.post(&extend, &json!({})).await.expect_problem(409, "already_extended");
    // It is still paid as any other, and then has no hold any more.
    let secret = app.press_pay(id, 49_000).await.expect(200).text_at("client_secret");
    app.sandbox.stripe().confirm(&intent_of(&secret), "4242424242424242").unwrap();
    app.reaches(id, "granted").await;
    app.post(&extend, &json!({})).await.expect_problem(409, "purchase_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_ran_out_is_nobodys_also_while_the_sweep_is_late() {
    let app = TestApp::with(&["--hold-seconds=1", "--sweep-seconds=600"]).await;
    let (mine, since) = (app.open("ru-live").await, Instant::now());
    app.until("the hold ran out", |_| since.elapsed() > Duration::from_secs(1)).await;
    app.press_pay(&mine, 49000).await.expect_problem(409, "hold_expired");
    app.post(&format!("/v1/purchases/{mine}/extend"), &json!({})).await.expect_problem(409, "hold_expired");
    assert_eq!(app.get("/v1/offerings/ru-live").await.json()["seats"]["left"], 1, "at once");
    let (_, since) = (app.open("ru-live").await, Instant::now());
    app.until("the hold ran out", |_| since.elapsed() > Duration::from_secs(1)).await;
    app.open("ru-live").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn seats_are_told_as_they_change() {
    let app = TestApp::start().await;
    let mut seats = SeatStream::open(app.base(), "ru-live").await;
    assert_eq!(seats.next().await, json!({ "left": 1, "capacity": 1, "sale": "open" }));
    let id = app.open("ru-live").await;
    assert_eq!(seats.next().await, json!({ "left": 0, "capacity": 1, "sale": "sold_out" }));
    app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
    assert_eq!(seats.next().await, json!({ "left": 1, "capacity": 1, "sale": "open" }));
    app.change_catalog(|text| text.replace("seats = 1\n", "seats = 5\n")).await;
    assert_eq!(seats.next().await, json!({ "left": 5, "capacity": 5, "sale": "open" }));
    app.get("/v1/offerings/ru-none/seats").await.expect_problem(404, "unknown_sku");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_instance_tells_them_within_a_second() {
    let mut app = TestApp::start().await;
    let other = app.start_another().await;
    let mut seats = SeatStream::open(&other, "ru-live").await;
    assert_eq!(seats.next().await["left"], 1);
    app.open("ru-live").await;
    let since = Instant::now();
    assert_eq!(seats.next().await["left"], 0);
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_sell_the_last_seat_once() {
    let mut app = TestApp::start().await;
    let bases = [app.base().to_owned(), app.start_another().await];
    let client = reqwest::Client::new();
    let tries = (0..30).map(|n| {
        let address = format!("{}/v1/purchases", bases[n % 2]);
        tokio::spawn(client.post(address).json(&json!({ "sku": "ru-live" })).send())
    });
    let mut won = 0;
    for answer in tries.collect::<Vec<_>>() {
        won += i32::from(answer.await.unwrap().unwrap().status() == 201);
    }
    assert_eq!(won, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capacity_below_what_is_sold_breaks_nothing() {
    let app = TestApp::start().await;
    app.change_catalog(|text| text.replace("seats = 1\n", "seats = 2\n")).await;
    let first = app.open("ru-live").await;
    let second = app.open("ru-live").await;
    app.change_catalog(|text| text.replace("seats = 2\n", "seats = 1\n")).await;
    let offering = app.get("/v1/offerings/ru-live").await.json();
    assert_eq!((&offering["seats"]["left"], &offering["sale"]), (&json!(0), &json!("sold_out")));
    app.press_pay(&second, 49000).await.expect(200);
    app.delete(&format!("/v1/purchases/{second}")).await.expect(200);
    app.reaches(&second, "canceled").await;
    app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect_problem(409, "sold_out");
    app.delete(&format!("/v1/purchases/{first}")).await.expect(200);
    app.open("ru-live").await;
}
