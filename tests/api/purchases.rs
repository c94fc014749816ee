//! Opening, viewing and cancelling a purchase, and every kind of bad input.
use checkout_tests::{COURSE, TestApp, intent_of};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn opening_answers_what_the_contract_says() {
    let app = TestApp::start().await;
    let opened =
        app.post("/v1/purchases", &json!({ "sku": COURSE, "variant": "compact" })).await.expect(201).json();
    assert_eq!(opened["state"], "held");
    assert_eq!(
        opened["price"],
        json!({ "currency": "usd", "list": 4900, "discount": 0, "tax": 0, "total": 4900 })
    );
    let reference = opened["reference"].as_str().unwrap();
    assert!(reference.starts_with("RU-") && reference.len() == 12, "{reference}");
    let id = opened["id"].as_str().unwrap();
    let purchase = app.get(&format!("/v1/purchases/{id}")).await.expect(200);
    assert_eq!(purchase.header("cache-control"), "no-store");
    let purchase = purchase.json();
    assert_eq!((&purchase["sku"], &purchase["version"]), (&json!(COURSE), &json!(1)));
    for answer in [&opened, &purchase] {
        let left = answer["seconds_left"].as_i64().unwrap();
        assert!((580..=600).contains(&left), "of the ten minutes that a hold has: {left}");
    }
    assert_eq!(
        purchase["timeline"],
        json!([
            { "step": "payment", "state": "pending", "at": null },
            { "step": "access", "state": "pending", "at": null }
        ])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_named_with_its_field_and_changes_nothing() {
    let app = TestApp::start().await;
    let raw = |body: &str, kind: &str| {
        let request = app.request(Method::POST, "/v1/purchases").header("content-type", kind);
        app.send(request.body(body.to_owned()))
    };
    raw("{", "application/json").await.expect_problem(400, "malformed_json");
    raw("{\"sku\": \"ru-course\"} x", "application/json").await.expect_problem(400, "malformed_json");
    raw("{\"sku\": \"ru-course\"}", "text/plain").await.expect_problem(415, "unsupported_media_type");
    raw(&"x".repeat(600_000), "application/json").await.expect_problem(413, "body_too_large");
    let field = |answer: checkout_tests::Answer| answer.json()["field"].clone();
    let cases = [
        (json!({ "sku": COURSE, "amount": 1 }), "invalid_request", "amount"),
        (json!({}), "invalid_request", "sku"),
        (json!([COURSE, null, null, null]), "invalid_request", "body"),
        (json!({ "sku": 7 }), "invalid_request", "sku"),
        (json!({ "sku": COURSE, "coupon": "HALF" }), "coupon_unknown", "coupon"),
        (json!({ "sku": COURSE, "variant": "v".repeat(65) }), "invalid_request", "variant"),
    ];
    for (body, code, named) in cases {
        let answer = app.post("/v1/purchases", &body).await.expect_problem(422, code);
        assert_eq!(field(answer), named);
    }
    app.post("/v1/purchases", &json!({ "sku": "ru-none" })).await.expect_problem(404, "unknown_sku");
    // An invalid token is no reason not to sell: the learner buys as a guest.
    app.post("/v1/purchases", &json!({ "sku": COURSE, "learner_token": "x" })).await.expect(201);
    app.get("/v1/nothing").await.expect_problem(404, "unknown_route");
    app.delete("/v1/purchases").await.expect_problem(405, "method_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_payments_are_named_and_stripe_never_hears_of_them() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    let pay = format!("/v1/purchases/{id}/pay");
    let body = |email: &str, total: Value| json!({ "email": email, "expected_total": total });
    let wrong = app.post(&pay, &body("ada", json!(4900))).await.expect_problem(422, "invalid_email");
    assert_eq!(wrong.text_at("field"), "email");
    app.post(&pay, &body("ada@example.com", json!(4800))).await.expect_problem(409, "price_changed");
    app.post(&pay, &body("ada@example.com", json!("4900"))).await.expect_problem(422, "invalid_request");
    let mut named = body("ada@example.com", json!(4900));
    named["name"] = json!("A\nB");
    assert_eq!(app.post(&pay, &named).await.expect_problem(422, "invalid_request").text_at("field"), "name");
    named["name"] = json!("Ada");
    named["amount"] = json!(1);
    assert_eq!(
        app.post(&pay, &named).await.expect_problem(422, "invalid_request").text_at("field"),
        "amount"
    );
    assert!(app.sandbox.stripe().requests().is_empty());
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "held");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_purchase_is_unknown_everywhere() {
    let app = TestApp::start().await;
    for id in ["pu_0000000000000000000000000000000000000000", "nonsense", "RU-7K3M-92QF"] {
        app.get(&format!("/v1/purchases/{id}")).await.expect_problem(404, "unknown_purchase");
        app.delete(&format!("/v1/purchases/{id}")).await.expect_problem(404, "unknown_purchase");
        app.refresh(id).await.expect_problem(404, "unknown_purchase");
        app.press_pay(id, 4900).await.expect_problem(404, "unknown_purchase");
        app.get(&format!("/p/{id}")).await.expect_problem(404, "unknown_purchase");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_replays_and_another_body_is_refused() {
    let app = TestApp::start().await;
    let open = |sku: &str, key: &str| {
        let request = app.request(Method::POST, "/v1/purchases").header("idempotency-key", key);
        app.send(request.json(&json!({ "sku": sku })))
    };
    let first = open(COURSE, "key-1").await.expect(201).json();
    assert_eq!(open(COURSE, "key-1").await.expect(201).json(), first);
    assert_ne!(open(COURSE, "key-2").await.expect(201).json(), first);
    open("ru-jp", "key-1").await.expect_problem(409, "idempotency_key_reused");
    open(COURSE, &"k".repeat(256)).await.expect_problem(422, "invalid_request");
    // The key is checked before anything else in the request.
    open("ru-none", "key-1").await.expect_problem(409, "idempotency_key_reused");
    // A refused request doesn't use up its key.
    open("ru-closed", "key-3").await.expect_problem(409, "sale_closed");
    open(COURSE, "key-3").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_its_clients_own() {
    let app = TestApp::with(&["--trusted-proxies=127.0.0.1"]).await;
    let open = async |client: &str| {
        let request = app.request(Method::POST, "/v1/purchases").header("x-forwarded-for", client);
        let request = request.header("idempotency-key", "key-1").json(&json!({ "sku": COURSE }));
        app.send(request).await.expect(201).text_at("id")
    };
    let first = open("192.0.2.1").await;
    assert_eq!(open("192.0.2.1").await, first);
    assert_ne!(open("192.0.2.2").await, first, "nobody is told of another's purchase");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_at_the_same_time_opens_one_purchase() {
    let app = TestApp::start().await;
    let tries = (0..20).map(|_| {
        let request = app.request(Method::POST, "/v1/purchases").header("idempotency-key", "once");
        tokio::spawn(request.json(&json!({ "sku": COURSE })).send())
    });
    let mut ids = std::collections::HashSet::new();
    for answer in tries.collect::<Vec<_>>() {
        let body: Value = answer.await.unwrap().unwrap().json().await.unwrap();
        ids.insert(body["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn paying_with_a_reused_key_is_refused() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    let pay = |email: &str| {
        let request = app.request(Method::POST, &format!("/v1/purchases/{id}/pay"));
        app.send(
            request.header("idempotency-key", "pay").json(&json!({ "email": email, "expected_total": 4900 })),
        )
    };
    let first = pay("ada@example.com").await.expect(200).json();
    assert_eq!(pay("ada@example.com").await.expect(200).json(), first);
    pay("bob@example.com").await.expect_problem(409, "idempotency_key_reused");
    let intent = intent_of(first["client_secret"].as_str().unwrap());
    app.sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
    app.reaches(&id, "granted").await;
    assert_eq!(pay("ada@example.com").await.expect(200).json(), first, "also when it is paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_given_up_is_over() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    assert_eq!(app.delete(&format!("/v1/purchases/{id}")).await.expect(200).text_at("state"), "canceled");
    app.delete(&format!("/v1/purchases/{id}")).await.expect_problem(409, "purchase_ended");
    app.press_pay(&id, 4900).await.expect_problem(409, "purchase_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_while_paying_cancels_at_stripe_first() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    assert_eq!(app.delete(&format!("/v1/purchases/{id}")).await.expect(200).text_at("state"), "canceled");
    assert_eq!(app.sandbox.stripe().intent(&intent).unwrap()["status"], "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_too_late_lets_the_payment_win() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().never_deliver();
    app.sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
    app.delete(&format!("/v1/purchases/{id}")).await.expect_problem(409, "purchase_ended");
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_ran_out_can_not_be_paid() {
    let app = TestApp::with(&["--hold-seconds=1"]).await;
    let id = app.open(COURSE).await;
    app.reaches(&id, "expired").await;
    app.press_pay(&id, 4900).await.expect_problem(409, "hold_expired");
    assert!(app.sandbox.stripe().requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_answers_as_soon_as_something_changes() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    let version = app.get(&format!("/v1/purchases/{id}")).await.json()["version"].as_i64().unwrap();
    let path = format!("/v1/purchases/{id}?wait=30&after={version}");
    let waiting = tokio::spawn(app.request(Method::GET, &path).send());
    app.sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
    let changed: Value = waiting.await.unwrap().unwrap().json().await.unwrap();
    assert!(changed["version"].as_i64().unwrap() > version);
    let unchanged = app.get(&format!("/v1/purchases/{id}?wait=0&after=1000")).await.expect(200);
    assert_eq!(unchanged.text_at("id"), id);
    let wrong =
        app.get(&format!("/v1/purchases/{id}?wait=long")).await.expect_problem(422, "invalid_request");
    assert_eq!(wrong.text_at("field"), "wait");
    app.reaches(&id, "granted").await;
}
