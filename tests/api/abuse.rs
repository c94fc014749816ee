//! Card testing and seat hoarding: limits by client, email and purchase, and a run of declines.
use checkout_tests::{Answer, COURSE, TestApp, intent_of, logged, percent_off};
use reqwest::Method;
use serde_json::{Value, json};
use shared::Timestamp;
use std::time::{Duration, Instant};

const GOOD: &str = "4242424242424242";

/// A server behind a proxy on this machine.
async fn behind_a_proxy(flags: &[&str]) -> TestApp {
    let mut all = vec!["--trusted-proxies=127.0.0.1"];
    all.extend(flags);
    TestApp::with(&all).await
}

async fn open(app: &TestApp, client: &str) -> Answer {
    app.post_as(client, "/v1/purchases", &json!({ "sku": COURSE })).await
}

async fn pay(app: &TestApp, client: &str, id: &str, email: &str) -> Answer {
    let body = json!({ "email": email, "expected_total": 4900 });
    app.post_as(client, &format!("/v1/purchases/{id}/pay"), &body).await
}

/// Opens a purchase and presses Pay; returns the purchase's id and its payment intent.
async fn ready_to_pay(app: &TestApp, client: &str, email: &str) -> (String, String) {
    let id = open(app, client).await.expect(201).text_at("id");
    let secret = pay(app, client, &id, email).await.expect(200).text_at("client_secret");
    (id, intent_of(&secret))
}

#[track_caller]
fn limited(answer: Answer) -> Answer {
    let answer = answer.expect_problem(429, "rate_limited");
    let wait: u64 = answer.header("retry-after").parse().expect("a number of seconds");
    assert!((1..=86_400).contains(&wait), "{wait}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_opens_few_purchases_an_hour_on_any_instance() {
    let mut app = behind_a_proxy(&["--limit-opens=4/1h", "--limit-holds=off"]).await;
    let other = app.start_another().await;
    for _ in 0..2 {
        open(&app, "192.0.2.1").await.expect(201);
        let there = reqwest::Client::new().post(format!("{other}/v1/purchases"));
        let there = there.header("x-forwarded-for", "192.0.2.1").json(&json!({ "sku": COURSE }));
        assert_eq!(there.send().await.unwrap().status(), 201);
    }
    let refused = limited(open(&app, "192.0.2.1").await);
    assert!(refused.text_at("detail").contains("Retry-After"));
    open(&app, "192.0.2.2").await.expect(201);
    open(&app, "2001:db8:0:1::1").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ipv6_network_is_one_client() {
    let app = behind_a_proxy(&["--limit-opens=1/1h"]).await;
    open(&app, "2001:db8:0:1::1").await.expect(201);
    limited(open(&app, "2001:db8:0:1:aaaa::2").await);
    open(&app, "2001:db8:0:2::1").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_open_no_more_than_is_allowed() {
    let app = behind_a_proxy(&["--limit-opens=3/1h", "--limit-holds=off"]).await;
    let tries = (0..20).map(|_| {
        let request = app.request(Method::POST, "/v1/purchases").header("x-forwarded-for", "192.0.2.1");
        tokio::spawn(request.json(&json!({ "sku": COURSE })).send())
    });
    let mut opened = 0;
    for answer in tries.collect::<Vec<_>>() {
        opened += i32::from(answer.await.unwrap().unwrap().status() == 201);
    }
    assert_eq!(opened, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_trusted_is_not_believed() {
    let app = TestApp::with(&["--limit-networks=", "--limit-opens=1/1h"]).await;
    open(&app, "192.0.2.1").await.expect(201);
    limited(open(&app, "192.0.2.2").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_holds_few_seats_at_the_same_time() {
    let app = behind_a_proxy(&["--limit-holds=2"]).await;
    let first = open(&app, "192.0.2.1").await.expect(201).text_at("id");
    open(&app, "192.0.2.1").await.expect(201);
    limited(open(&app, "192.0.2.1").await);
    open(&app, "192.0.2.2").await.expect(201);
    app.delete(&format!("/v1/purchases/{first}")).await.expect(200);
    open(&app, "192.0.2.1").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_offering_is_opened_so_fast_and_no_faster() {
    let app = behind_a_proxy(&["--limit-offering=2/1h"]).await;
    open(&app, "192.0.2.1").await.expect(201);
    open(&app, "192.0.2.2").await.expect(201);
    limited(open(&app, "192.0.2.3").await);
    app.post_as("192.0.2.3", "/v1/purchases", &json!({ "sku": "ru-jp" })).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn pay_is_pressed_for_one_email_so_often_and_no_oftener() {
    let app = behind_a_proxy(&["--limit-pays=2/1h"]).await;
    ready_to_pay(&app, "192.0.2.1", "ada@example.com").await;
    ready_to_pay(&app, "192.0.2.2", "ADA@example.com").await;
    let id = open(&app, "192.0.2.3").await.expect(201).text_at("id");
    limited(pay(&app, "192.0.2.3", &id, "ada@example.com").await);
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "held", "nothing half done");
    pay(&app, "192.0.2.3", &id, "grace@example.com").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_asked_about_so_often_and_no_oftener() {
    let app = behind_a_proxy(&["--limit-purchase=2/1h"]).await;
    let id = open(&app, "192.0.2.1").await.expect(201).text_at("id");
    let refresh = || {
        let request = app.request(Method::POST, &format!("/v1/purchases/{id}/refresh"));
        app.send(request.header("x-forwarded-for", "192.0.2.1"))
    };
    refresh().await.expect(200);
    refresh().await.expect(200);
    limited(refresh().await);
    app.get(&format!("/p/{id}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_limited_before_anything_is_done_and_pages_can_read_why() {
    let app = behind_a_proxy(&["--limit-requests=3/1h"]).await;
    let page = app.sandbox.course_url().to_owned();
    let ask = || {
        let request = app.request(Method::GET, "/v1/offerings/ru-course").header("origin", &page);
        app.send(request.header("x-forwarded-for", "192.0.2.1"))
    };
    for _ in 0..3 {
        ask().await.expect(200);
    }
    let refused = limited(ask().await);
    assert_eq!(refused.header("access-control-allow-origin"), page);
    assert!(refused.header("access-control-expose-headers").contains("retry-after"));
    app.get("/v1/offerings/ru-course").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_declined_too_often_neither_opens_nor_pays() {
    let app = behind_a_proxy(&["--limit-declines=2/1d"]).await;
    let (waiting, _) = ready_to_pay(&app, "192.0.2.1", "ada@example.com").await;
    app.declined_as("192.0.2.1", "bob@example.com").await;
    app.declined_as("192.0.2.1", "bob@example.com").await;
    limited(open(&app, "192.0.2.1").await);
    limited(pay(&app, "192.0.2.1", &waiting, "ada@example.com").await);
    let elsewhere = open(&app, "192.0.2.2").await.expect(201).text_at("id");
    limited(pay(&app, "192.0.2.2", &elsewhere, "bob@example.com").await);
    pay(&app, "192.0.2.2", &elsewhere, "ada@example.com").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_declines_closes_paying_to_new_clients() {
    let app = behind_a_proxy(&["--limit-decline-run=3/1h"]).await;
    let (bought, intent) = ready_to_pay(&app, "192.0.2.9", "ada@example.com").await;
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.reaches(&bought, "granted").await;
    let (begun, _) = ready_to_pay(&app, "192.0.2.8", "grace@example.com").await;
    for n in 1..=3 {
        app.declined_as(&format!("192.0.2.{n}"), &format!("bot{n}@example.com")).await;
    }
    assert!(logged().contains("too many card declines"), "an alert");
    let new = open(&app, "192.0.2.5").await.expect(201).text_at("id");
    let refused = limited(pay(&app, "192.0.2.5", &new, "eve@example.com").await);
    assert_eq!(refused.json()["challenge"], Value::Null);
    ready_to_pay(&app, "192.0.2.9", "ada@example.com").await;
    pay(&app, "192.0.2.8", &begun, "grace@example.com").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_to_be_human_pays_all_the_same() {
    let mut app = behind_a_proxy(&["--limit-decline-run=1/1h"]).await;
    let (script, _) = app.sandbox.challenge_urls();
    app.restart_with(&app.challenge_flags()).await;
    app.declined_as("192.0.2.1", "bot@example.com").await;
    let id = open(&app, "192.0.2.5").await.expect(201).text_at("id");
    let answer = limited(pay(&app, "192.0.2.5", &id, "eve@example.com").await);
    let challenge = json!({ "provider": "turnstile", "site_key": "site", "script": script });
    assert_eq!(answer.json()["challenge"], challenge);
    let with = |answer: &str| {
        let request = app.request(Method::POST, &format!("/v1/purchases/{id}/pay"));
        let request = request.header("x-forwarded-for", "192.0.2.5").header("challenge-response", answer);
        app.send(request.json(&json!({ "email": "eve@example.com", "expected_total": 4900 })))
    };
    limited(with("robot").await);
    with("human-1").await.expect(200);
    ready_to_pay(&app, "192.0.2.5", "eve@example.com").await;
    let other = open(&app, "192.0.2.6").await.expect(201).text_at("id");
    let reused = app.request(Method::POST, &format!("/v1/purchases/{other}/pay"));
    let reused = reused.header("x-forwarded-for", "192.0.2.6").header("challenge-response", "human-1");
    limited(app.send(reused.json(&json!({ "email": "eve@example.com", "expected_total": 4900 }))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_is_limited_as_everybody_unless_a_setting_names_it() {
    let limits = ["--limit-opens=1/1h", "--limit-holds=1"];
    let app = TestApp::with(&[&limits[..], &["--limit-networks="]].concat()).await;
    app.open(COURSE).await;
    limited(app.post("/v1/purchases", &json!({ "sku": COURSE })).await);
    let app = TestApp::with(&limits).await;
    for _ in 0..3 {
        app.open(COURSE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn that_all_visitors_look_alike_is_told() {
    let app = TestApp::with(&["--public-url=https://checkout.example"]).await;
    for _ in 0..102 {
        app.get("/v1/offerings/ru-none").await.expect_problem(404, "unknown_sku");
    }
    assert!(logged().contains("set TRUSTED_PROXIES"));
}

const LIVE_OF_TWELVE: &str = "seats = 12\nteam = { min = 2, max = 12 }\n";

async fn training(flags: &[&str]) -> TestApp {
    let app = behind_a_proxy(flags).await;
    app.change_catalog(|text| text.replace("seats = 1\n", LIVE_OF_TWELVE)).await;
    app
}

async fn seat(app: &TestApp, client: &str, places: Option<i64>) -> Answer {
    let body = match places {
        Some(places) => json!({ "sku": "ru-live", "places": places }),
        None => json!({ "sku": "ru-live" }),
    };
    app.post_as(client, "/v1/purchases", &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_holds_at_most_half_of_a_training_unpaid() {
    let app = training(&["--limit-holds=100", "--limit-opens=off"]).await;
    let too_many = seat(&app, "192.0.2.1", Some(12)).await.expect_problem(422, "invalid_request");
    assert_eq!(too_many.json()["field"], "places");
    seat(&app, "192.0.2.1", Some(5)).await.expect(201);
    let one = seat(&app, "192.0.2.1", None).await.expect(201).text_at("id");
    let refused = limited(seat(&app, "192.0.2.1", None).await);
    assert!(refused.text_at("detail").contains("unpaid seats"), "{refused:?}");
    seat(&app, "192.0.2.2", None).await.expect(201);
    // A paid seat no longer counts as held.
    let pay = json!({ "email": "ada@example.com", "expected_total": 49000 });
    let paying = app.post_as("192.0.2.1", &format!("/v1/purchases/{one}/pay"), &pay).await.expect(200);
    app.sandbox.stripe().confirm(&intent_of(&paying.text_at("client_secret")), GOOD).unwrap();
    app.reaches(&one, "granted").await;
    seat(&app, "192.0.2.1", None).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_networks_of_one_site_hold_no_more_than_one_client_may() {
    let app = training(&["--limit-holds=5", "--limit-opens=off"]).await;
    for n in 0..6 {
        seat(&app, &format!("2001:db8:0:{n}::1"), None).await.expect(201);
    }
    limited(seat(&app, "2001:db8:0:7::1", None).await);
    seat(&app, "2001:db8:1::1", None).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn wider_networks_open_more_than_one_client_and_not_without_an_end() {
    let app = behind_a_proxy(&["--limit-opens=1/1h"]).await;
    for n in 0..4 {
        open(&app, &format!("2001:db8:0:{n}::1")).await.expect(201);
    }
    limited(open(&app, "2001:db8:0:5::1").await);
    open(&app, "2001:db8:0:100::1").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teams_places_count_as_that_many_and_are_held_for_a_short_time() {
    let app = training(&["--limit-opens=6/1h", "--limit-holds=off"]).await;
    let opened = seat(&app, "192.0.2.1", Some(6)).await.expect(201).json();
    let until: Timestamp = serde_json::from_value(opened["hold_expires_at"].clone()).unwrap();
    let left = until.since(redis_checkout::clock::now()).as_secs();
    assert!((100..=180).contains(&left), "{left} s");
    limited(seat(&app, "192.0.2.1", None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_of_forty_behind_one_address_buys() {
    let app = behind_a_proxy(&[]).await;
    for n in 0..40 {
        let (id, intent) = ready_to_pay(&app, "192.0.2.1", &format!("ada{n}@example.com")).await;
        app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
        app.reaches(&id, "granted").await;
    }
    // A client whose purchases were paid may have more open at a time than a stranger.
    for _ in 0..20 {
        open(&app, "192.0.2.1").await.expect(201);
    }
    // But not without limit.
    let mut opened = 0;
    while open(&app, "192.0.2.1").await.status == 201 {
        opened += 1;
        assert!(opened < 40, "it never ends");
    }
    assert!(logged().contains("client exceeded a limit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_operators_know_may_do_more() {
    let app = behind_a_proxy(&["--limit-opens=1/1h", "--limit-networks=192.0.2.0/24=3"]).await;
    for _ in 0..3 {
        open(&app, "192.0.2.1").await.expect(201);
    }
    limited(open(&app, "192.0.2.1").await);
    open(&app, "198.51.100.1").await.expect(201);
    limited(open(&app, "198.51.100.1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn sold_out_is_said_also_to_a_crowd() {
    let app = behind_a_proxy(&["--limit-offering=1/1h"]).await;
    app.post_as("192.0.2.1", "/v1/purchases", &json!({ "sku": "ru-live" })).await.expect(201);
    for n in 2..6 {
        let answer =
            app.post_as(&format!("192.0.2.{n}"), "/v1/purchases", &json!({ "sku": "ru-live" })).await;
        answer.expect_problem(409, "sold_out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_keeps_paying_closed_and_what_is_free_stays_open() {
    let app = behind_a_proxy(&["--limit-decline-run=2/1s", "--limit-declines=off"]).await;
    let (begun, intent) = ready_to_pay(&app, "192.0.2.1", "bot@example.com").await;
    let mut allowed = 0;
    for n in 0..8 {
        let since = Instant::now();
        app.sandbox.stripe().confirm(&intent, "4000000000000002").unwrap_err();
        app.refresh(&begun).await.expect(200);
        let id = open(&app, &format!("198.51.100.{n}")).await.expect(201).text_at("id");
        let is_closed = pay(&app, &format!("198.51.100.{n}"), &id, "eve@example.com").await.status == 429;
        // On a busy machine, the period since the last decline may be over by now.
        if !is_closed && since.elapsed() < Duration::from_secs(1) {
            allowed += 1;
        }
    }
    assert!(allowed <= 2, "the first declines are allowed, and then it stays closed: {allowed}");
    let free = app.post_as("192.0.2.7", "/v1/purchases", &json!({ "sku": "ru-free" })).await.text_at("id");
    let body = json!({ "email": "eve@example.com", "expected_total": 0 });
    app.post_as("192.0.2.7", &format!("/v1/purchases/{free}/pay"), &body).await.expect(200);
    app.reaches(&free, "granted").await;
    app.sandbox.stripe().confirm(&intent, "4000000000000002").unwrap_err();
    app.refresh(&begun).await.expect(200);
    let paid = open(&app, "192.0.2.7").await.expect(201).text_at("id");
    limited(pay(&app, "192.0.2.7", &paid, "eve@example.com").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_declined_too_often_has_the_purchase_ended() {
    let app = behind_a_proxy(&["--limit-declines=3/1d"]).await;
    let (id, intent) = ready_to_pay(&app, "192.0.2.1", "bot@example.com").await;
    for _ in 0..3 {
        app.sandbox.stripe().confirm(&intent, "4000000000000002").unwrap_err();
        app.refresh(&id).await.expect(200);
    }
    app.reaches(&id, "canceled").await;
    assert_eq!(app.sandbox.stripe().intent(&intent).unwrap()["status"], "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_out_by_trying_who_has_used_a_code() {
    let app = behind_a_proxy(&["--limit-emails=8/1h", "--limit-holds=off"]).await;
    let mut once = percent_off("ONCE", 20);
    once.terms.per_learner = Some(1);
    app.add_coupon(&once).await;
    let open_with = async |client: &str| {
        let opened = app.post_as(client, "/v1/purchases", &json!({ "sku": COURSE, "coupon": "ONCE" })).await;
        opened.expect(201).text_at("id")
    };
    let press = async |client: &str, id: &str, email: &str| {
        let body = json!({ "email": email, "expected_total": 3920 });
        app.post_as(client, &format!("/v1/purchases/{id}/pay"), &body).await
    };
    let id = open_with("192.0.2.1").await;
    for n in 0..3 {
        press("192.0.2.1", &id, &format!("ada{n}@example.com")).await.expect(200);
    }
    press("192.0.2.1", &id, "ada0@example.com").await.expect(200);
    limited(press("192.0.2.1", &id, "ada4@example.com").await);
    // Nor by opening many purchases. (An email that pays isn't counted.)
    let mut answered = 0;
    for n in 0..8 {
        let id = open_with("192.0.2.1").await;
        answered += i32::from(press("192.0.2.1", &id, &format!("eve{n}@example.com")).await.status == 200);
    }
    assert_eq!(answered, 5);
    // Nor by applying the code after pressing Pay.
    let bare = open(&app, "192.0.2.2").await.expect(201).text_at("id");
    let mut answered = 0;
    for n in 0..5 {
        pay(&app, "192.0.2.2", &bare, &format!("mallory{n}@example.com")).await.expect(200);
        for coupon in [json!("ONCE"), Value::Null] {
            let request = app.request(Method::PATCH, &format!("/v1/purchases/{bare}"));
            let request = request.header("x-forwarded-for", "192.0.2.2").json(&json!({ "coupon": coupon }));
            answered += i32::from(app.send(request).await.status == 200 && coupon != Value::Null);
        }
    }
    assert_eq!(answered, 3);
    for n in 0..10 {
        let id = open_with("192.0.2.7").await;
        let paying = press("192.0.2.7", &id, &format!("office{n}@example.com")).await.expect(200);
        app.sandbox.stripe().confirm(&intent_of(&paying.text_at("client_secret")), GOOD).unwrap();
        app.reaches(&id, "granted").await;
    }
}
