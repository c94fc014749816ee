//! `coupons`, and what learners do with them.
use crate::cli::run;
use checkout_tests::{Answer, COURSE, TestApp, logged};
use reqwest::Method;
use sandbox::StripeOperation;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_lowers_the_price_that_stripe_takes() {
    let app = TestApp::start().await;
    create(&app, &["SPRING-20", "--percent=20", "--note=spring campaign"]);
    let id = app.open(COURSE).await;
    for typed in ["spring 20", "SPRING20", " Spring–20 "] {
        let price = apply(&app, &id, typed).await.expect(200).json()["price"].clone();
        let lowered = json!({
            "currency": "usd", "list": 4900, "discount": 980, "tax": 0, "total": 3920, "coupon": "SPRING-20",
        });
        assert_eq!(price, lowered, "{typed}");
    }
    assert_eq!(used(&app, "SPRING20"), 1, "the same one twice is used once");
    app.press_pay(&id, 4900).await.expect_problem(409, "price_changed");
    let paying = app.press_pay(&id, 3920).await.expect(200).json();
    assert_eq!(paying["price"]["total"], 3920);
    pay(&app, &paying);
    let granted = app.reaches(&id, "granted").await;
    assert_eq!(granted["price"]["total"], 3920);
    let shown = run(&app, &["coupons", "show", "spring-20", "--json"]).json();
    assert_eq!(shown["uses"][0]["email"], "ada@example.com");
    assert_eq!(app.sandbox.stripe().intents()[0]["amount"], 3920);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_comes_with_the_opening_and_can_be_taken_off() {
    let app = TestApp::start().await;
    create(&app, &["TEN", "--amount=1000", "--currency=usd"]);
    let opened = open_with(&app, COURSE, "ten").await.expect(201);
    assert_eq!(opened.json()["price"]["total"], 3900);
    let id = opened.text_at("id");
    let bare = change(&app, &id, &json!({ "coupon": null })).await.expect(200).json();
    assert_eq!((&bare["price"]["total"], &bare["price"]["coupon"]), (&json!(4900), &Value::Null));
    assert_eq!(used(&app, "TEN"), 0);
    change(&app, &id, &json!({})).await.expect_problem(422, "invalid_request");
    change(&app, &id, &json!({ "coupon": "TEN", "total": 1 })).await.expect_problem(422, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_says_what_is_wrong() {
    let app = TestApp::start().await;
    create(&app, &["OVER", "--percent=10", "--until=2020-01-01T00:00:00Z"]);
    create(&app, &["SOON", "--percent=10", "--from=2999-01-01T00:00:00Z"]);
    create(&app, &["LIVE", "--percent=10", "--kind=live"]);
    create(&app, &["YEN", "--amount=100", "--currency=jpy"]);
    create(&app, &["GONE", "--percent=10"]);
    run(&app, &["coupons", "revoke", "gone", "--as=ada"]).ok();
    assert!(run(&app, &["coupons", "revoke", "gone", "--as=ada"]).refused().contains("already"));
    let id = app.open(COURSE).await;
    let refusals = [
        ("NOSUCH", "coupon_unknown", None),
        ("; DROP TABLE coupons", "coupon_unknown", None),
        ("7K3M-92QF-ABCD-EFGJ", "coupon_unknown", Some("typo")),
        ("OVER", "coupon_expired", None),
        ("GONE", "coupon_expired", None),
        ("SOON", "coupon_not_for_this", Some("not_yet")),
        ("LIVE", "coupon_not_for_this", None),
        ("YEN", "coupon_not_for_this", None),
    ];
    for (code, expected, reason) in refusals {
        let problem = apply(&app, &id, code).await.expect_problem(422, expected).json();
        assert_eq!((&problem["field"], problem["reason"].as_str()), (&json!("coupon"), reason), "{code}");
        open_with(&app, COURSE, code).await.expect_problem(422, expected);
    }
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.json()["price"]["total"], 4900);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_is_one_purchases_until_that_ends() {
    let mut app = TestApp::start().await;
    let bases = [app.base().to_owned(), app.start_another().await];
    create(&app, &["ONCE", "--percent=50", "--limit=1"]);
    let client = reqwest::Client::new();
    let tries = (0..20).map(|n| {
        let address = format!("{}/v1/purchases", bases[n % 2]);
        tokio::spawn(client.post(address).json(&json!({ "sku": COURSE, "coupon": "once" })).send())
    });
    let mut statuses = Vec::new();
    for answer in tries.collect::<Vec<_>>() {
        statuses.push(answer.await.unwrap().unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, &[422; 19][..]));
    let shown = run(&app, &["coupons", "show", "once", "--json"]).json();
    let winner = shown["uses"][0]["reference"].as_str().unwrap();
    let winner =
        run(&app, &["purchases", "show", winner, "--json"]).json()["id"].as_str().unwrap().to_owned();
    // A declined card keeps the use of the coupon, cancelling releases it.
    let paying = app.press_pay(&winner, 2450).await.expect(200).json();
    app.sandbox.stripe().confirm(&intent(&paying), "4000000000000002").expect_err("a decline");
    app.refresh(&winner).await.expect(200);
    open_with(&app, COURSE, "ONCE").await.expect_problem(422, "coupon_used_up");
    app.delete(&format!("/v1/purchases/{winner}")).await.expect(200);
    app.reaches(&winner, "canceled").await;
    let next = open_with(&app, COURSE, "ONCE").await.expect(201).text_at("id");
    let paying = app.press_pay(&next, 2450).await.expect(200).json();
    pay(&app, &paying);
    app.reaches(&next, "granted").await;
    open_with(&app, COURSE, "ONCE").await.expect_problem(422, "coupon_used_up");
    run(&app, &["purchases", "refund", &next, "--as=ada", "--amount=100"]).ok();
    app.outbox_is(0, 0).await;
    open_with(&app, COURSE, "ONCE").await.expect_problem(422, "coupon_used_up");
    run(&app, &["purchases", "refund", &next, "--as=ada"]).ok();
    app.reaches(&next, "refunded").await;
    assert_eq!(used(&app, "ONCE"), 0);
    open_with(&app, COURSE, "ONCE").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_runs_out_gives_the_use_back() {
    let app = TestApp::with(&["--hold-seconds=1"]).await;
    create(&app, &["ONCE", "--percent=50", "--limit=1"]);
    let id = open_with(&app, COURSE, "ONCE").await.expect(201).text_at("id");
    app.reaches(&id, "expired").await;
    assert_eq!(used(&app, "ONCE"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_uses_it_as_often_as_one_may_and_by_the_email_that_it_is_for() {
    let app = TestApp::start().await;
    create(&app, &["FRIENDS", "--percent=100", "--per-learner=1"]);
    create(&app, &["STAFF", "--percent=100", "--domain=redis.com"]);
    let first = open_with(&app, COURSE, "friends").await.expect(201).text_at("id");
    let second = open_with(&app, COURSE, "friends").await.expect(201).text_at("id");
    app.press_pay(&first, 0).await.expect(200);
    let problem = app.press_pay(&second, 0).await.expect_problem(422, "coupon_used_up").json();
    assert_eq!((&problem["reason"], &problem["field"]), (&json!("learner"), &json!("coupon")));
    // The purchase still works for somebody else, or without the coupon.
    let other = json!({ "email": "Bob@Example.com", "expected_total": 0 });
    app.post(&format!("/v1/purchases/{second}/pay"), &other).await.expect(200);
    let third = open_with(&app, COURSE, "STAFF").await.expect(201).text_at("id");
    app.press_pay(&third, 0).await.expect_problem(422, "coupon_email_domain");
    let staff = json!({ "email": "grace@Redis.com", "expected_total": 0 });
    app.post(&format!("/v1/purchases/{third}/pay"), &staff).await.expect(200);
    for id in [&first, &second, &third] {
        app.reaches(id, "granted").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_off_needs_no_payment_intent() {
    let app = TestApp::start().await;
    create(&app, &["FRIEND", "--percent=100"]);
    let id = open_with(&app, "ru-live", "friend").await.expect(201).text_at("id");
    assert_eq!(app.press_pay(&id, 0).await.expect(200).json(), json!({ "state": "paid" }));
    app.reaches(&id, "granted").await;
    assert!(app.sandbox.stripe().intents().is_empty());
    assert_eq!(app.grant_calls().len(), 1);
    run(&app, &["purchases", "refund", &id, "--as=ada"]).ok();
    app.reaches(&id, "refunded").await;
    app.until("access taken away", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
    assert_eq!(used(&app, "FRIEND"), 0);
    app.open("ru-live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_after_a_declined_card_changes_the_same_intent() {
    let app = TestApp::start().await;
    create(&app, &["HALF", "--percent=50"]);
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, "4000000000000002").expect_err("a decline");
    app.refresh(&id).await.expect(200);
    apply(&app, &id, "half").await.expect(200);
    let paying = app.press_pay(&id, 2450).await.expect(200).json();
    assert_eq!(self::intent(&paying), intent);
    pay(&app, &paying);
    app.reaches(&id, "granted").await;
    let intents = app.sandbox.stripe().intents();
    assert_eq!((intents.len(), &intents[0]["amount"]), (1, &json!(2450)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_for_all_of_it_ends_the_intent_from_before() {
    let app = TestApp::start().await;
    create(&app, &["FRIEND", "--percent=100"]);
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    apply(&app, &id, "friend").await.expect(200);
    app.press_pay(&id, 0).await.expect(200);
    app.reaches(&id, "granted").await;
    app.until("the intent cancelled", |sandbox| {
        sandbox.stripe().intents().iter().all(|intent| intent["status"] == "canceled")
    })
    .await;
    app.sandbox.stripe().confirm(&intent, "4242424242424242").expect_err("too late");
    assert_eq!(run(&app, &["reconcile", "--as=ada", "--json"]).json()["findings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_was_on_its_way_when_all_of_it_was_covered_goes_back() {
    let app = TestApp::start().await;
    create(&app, &["FRIEND", "--percent=100"]);
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    apply(&app, &id, "friend").await.expect(200);
    let down = sandbox::StripeFault::new(sandbox::Misbehaviour::Down);
    app.sandbox.stripe().fault(down.on(StripeOperation::CancelIntent));
    app.press_pay(&id, 0).await.expect(200);
    app.sandbox.stripe().confirm(&intent, "4242424242424242").expect("a payment in another tab");
    app.sandbox.stripe().clear_faults();
    app.reaches(&id, "granted").await;
    app.until("the money given back", |sandbox| {
        sandbox.stripe().refunds().iter().filter_map(|refund| refund["amount"].as_i64()).sum::<i64>() == 4900
    })
    .await;
    app.sandbox.stripe().webhooks_settled().await;
    app.refresh(&id).await.expect(200);
    app.outbox_is(0, 0).await;
    let kept = app.get(&format!("/v1/purchases/{id}")).await.text_at("state");
    assert_eq!(
        (kept.as_str(), used(&app, "FRIEND")),
        ("granted", 1),
        "what went back was not this purchase's"
    );
    assert_eq!(run(&app, &["reconcile", "--as=ada", "--json"]).json()["findings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slow_and_seen() {
    let limits = ["--trusted-proxies=127.0.0.1", "--limit-coupons=3/1h", "--limit-coupon-run=5/10m"];
    let app = TestApp::with(&limits).await;
    create(&app, &["REAL", "--percent=10"]);
    let opened = async |client: &str| {
        let opened = app.post_as(client, "/v1/purchases", &json!({ "sku": COURSE })).await;
        opened.expect(201).text_at("id")
    };
    let guess = async |client: &str, id: &str, code: &str| {
        let request = app.request(Method::PATCH, &format!("/v1/purchases/{id}"));
        app.send(request.header("x-forwarded-for", client).json(&json!({ "coupon": code }))).await
    };
    let mine = opened("203.0.113.1").await;
    for n in 0..3 {
        guess("203.0.113.1", &mine, &format!("NO{n}")).await.expect_problem(422, "coupon_unknown");
    }
    let refused = guess("203.0.113.1", &mine, "REAL").await.expect_problem(429, "rate_limited");
    assert!(!refused.header("retry-after").is_empty());
    // A second guesser makes it a run: clients that have typed a wrong code wait, and nobody else.
    let theirs = opened("203.0.113.2").await;
    for n in 0..2 {
        guess("203.0.113.2", &theirs, &format!("NO{n}")).await.expect_problem(422, "coupon_unknown");
    }
    let third = opened("203.0.113.3").await;
    guess("203.0.113.3", &third, "REEL").await.expect_problem(422, "coupon_unknown");
    guess("203.0.113.3", &third, "REAL").await.expect_problem(429, "rate_limited");
    let honest = opened("203.0.113.4").await;
    guess("203.0.113.4", &honest, "REAL").await.expect(200);
    assert!(logged().contains("coupon codes are being guessed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_once_are_no_cheaper() {
    let app = TestApp::with(&["--trusted-proxies=127.0.0.1", "--limit-coupons=5/1h"]).await;
    create(&app, &["REAL", "--percent=10"]);
    let guesses = (0..60).map(|n| {
        let request = app.request(Method::POST, "/v1/purchases").header("x-forwarded-for", "203.0.113.9");
        tokio::spawn(request.json(&json!({ "sku": COURSE, "coupon": format!("NO{n}") })).send())
    });
    let mut looked_up = 0;
    for answer in guesses.collect::<Vec<_>>() {
        looked_up += i32::from(answer.await.unwrap().unwrap().status() == 422);
    }
    assert_eq!(looked_up, 5);
    // An existing code uses up no attempt.
    for _ in 0..4 {
        let id =
            app.post_as("203.0.113.8", "/v1/purchases", &json!({ "sku": COURSE, "coupon": "REAL" })).await;
        let id = id.expect(201).text_at("id");
        app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
    }
    for n in 0..5 {
        let body = json!({ "sku": COURSE, "coupon": format!("NO{n}") });
        app.post_as("203.0.113.8", "/v1/purchases", &body).await.expect_problem(422, "coupon_unknown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_guesses_is_slowed_down_also_where_one_client_has_no_limit() {
    let flags = ["--trusted-proxies=127.0.0.1", "--limit-coupons=off", "--limit-coupon-run=3/10m"];
    let app = TestApp::with(&flags).await;
    let guess = async |n| {
        let body = json!({ "sku": COURSE, "coupon": format!("NO{n}") });
        app.post_as("203.0.113.9", "/v1/purchases", &body).await
    };
    for n in 0..3 {
        guess(n).await.expect_problem(422, "coupon_unknown");
    }
    guess(4).await.expect_problem(429, "rate_limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_work_is_refused_when_the_coupon_is_made() {
    let app = TestApp::start().await;
    let refused = |arguments: &[&str]| {
        let all = [&["coupons", "create"], arguments, &["--as=ada"]].concat();
        run(&app, &all).refused()
    };
    let fields = [
        (&["A!", "--percent=10"][..], "CODE"),
        (&["7K3M92QFABCDEFGH", "--percent=10"], "CODE"),
        (&["X", "--percent=0"], "--percent"),
        (&["X", "--percent=101"], "--percent"),
        (&["X", "--percent=99", "--sku=ru-course"], "--percent: leaves less than $0.50 of ru-course"),
        (&["X", "--amount=4880", "--currency=usd", "--sku=ru-course"], "--amount: leaves less than $0.50"),
        (&["X", "--amount=0", "--currency=usd"], "--amount"),
        (&["X", "--amount=5", "--currency=USD"], "--currency"),
        (&["X", "--amount=5", "--currency=eur"], "--currency"),
        (&["X", "--percent=10", "--sku=ru-nothing"], "--sku"),
        (&["X", "--percent=10", "--kind=talk"], "--kind"),
        (&["X", "--percent=10", "--from=tomorrow"], "--from"),
        (&["X", "--percent=10", "--from=2027-01-01T00:00:00Z", "--until=2026-01-01T00:00:00Z"], "--until"),
        (&["X", "--percent=10", "--limit=0"], "--limit"),
        (&["X", "--percent=10", "--domain=nowhere"], "--domain"),
        (&["X"], "--percent"),
    ];
    for (arguments, field) in fields {
        let refusal = refused(arguments);
        assert!(refusal.contains(field), "{arguments:?}: {refusal}");
    }
    create(&app, &["X", "--percent=10"]);
    assert!(refused(&["x", "--percent=20"]).contains("already"));
    let nobody = run(&app, &["coupons", "create", "Y", "--percent=10"]).refused();
    assert!(nobody.contains("--as"), "{nobody}");
    assert!(run(&app, &["coupons", "list"]).ok().contains("everything"));
    assert!(run(&app, &["coupons", "show", "nothing"]).refused().contains("coupons list"));
}

fn create(app: &TestApp, arguments: &[&str]) {
    run(app, &[&["coupons", "create"], arguments, &["--as=ada"]].concat()).ok();
}

async fn open_with(app: &TestApp, sku: &str, coupon: &str) -> Answer {
    app.post("/v1/purchases", &json!({ "sku": sku, "coupon": coupon })).await
}

async fn apply(app: &TestApp, id: &str, coupon: &str) -> Answer {
    change(app, id, &json!({ "coupon": coupon })).await
}

async fn change(app: &TestApp, id: &str, body: &Value) -> Answer {
    app.send(app.request(Method::PATCH, &format!("/v1/purchases/{id}")).json(body)).await
}

fn intent(paying: &Value) -> String {
    checkout_tests::intent_of(paying["client_secret"].as_str().expect("a secret"))
}

fn pay(app: &TestApp, paying: &Value) {
    app.sandbox.stripe().confirm(&intent(paying), "4242424242424242").expect("a payment");
}

fn used(app: &TestApp, code: &str) -> i64 {
    run(app, &["coupons", "show", code, "--json"]).json()["used"].as_i64().expect("a count")
}
