//! `coupons pack`, purchases for a team, and the page of a company.
use crate::cli::{reference, run};
use checkout_tests::{Answer, COURSE, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn each_of_thirty_codes_works_once() {
    let app = TestApp::start().await;
    let pack = create(&app, &["--sku=ru-course", "--count=30"]);
    let codes: Vec<_> = pack["codes"].as_array().unwrap().iter().map(code_of).collect();
    assert_eq!((codes.len(), pack["left"].as_u64()), (30, Some(30)));
    for code in &codes[..3] {
        let id =
            open_with(&app, COURSE, &code.to_lowercase().replace('-', " ")).await.expect(201).text_at("id");
        app.press_pay(&id, 0).await.expect(200);
        app.reaches(&id, "granted").await;
        open_with(&app, COURSE, code).await.expect_problem(422, "coupon_used_up");
    }
    open_with(&app, "ru-jp", &codes[3]).await.expect_problem(422, "coupon_not_for_this");
    let name = pack["pack"].as_str().unwrap();
    let csv = run(&app, &["coupons", "pack", "show", name, "--csv"]).ok();
    assert_eq!((csv.lines().count(), csv.matches(",used,,ada@example.com,RU-").count()), (31, 3), "{csv}");
    let said = run(&app, &["coupons", "pack", "revoke", &name.to_lowercase(), "--as=ada"]).ok();
    assert!(said.contains("27 codes revoked; 3 were used"), "{said}");
    open_with(&app, COURSE, &codes[3]).await.expect_problem(422, "coupon_expired");
    let listed = run(&app, &["coupons", "pack", "list", "--json"]).json();
    assert_eq!(
        (&listed[0]["used"], &listed[0]["left"], &listed[0]["company"]),
        (&json!(3), &json!(0), &json!("Acme"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_a_code_is_told_from_a_code_that_there_is_not() {
    let app = TestApp::start().await;
    let pack = create(&app, &["--sku=ru-course", "--count=1"]);
    let code = code_of(&pack["codes"][0]);
    let last = code.chars().last().unwrap();
    let other = if last == 'A' { 'B' } else { 'A' };
    for slip in [
        [&code[..code.len() - 1], &other.to_string()].concat(),
        code[1..].to_owned(),
        format!("{code}{last}"),
    ] {
        let problem = open_with(&app, COURSE, &slip).await.expect_problem(422, "coupon_unknown").json();
        assert_eq!(problem["reason"], "typo", "{slip}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_seat_is_taken_for_the_public_and_free_for_who_has_the_code() {
    let app = TestApp::start().await;
    let pack = create(&app, &["--sku=ru-live", "--count=1", "--reserve"]);
    assert_eq!(left(&app), 0);
    app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect_problem(409, "sold_out");
    let code = code_of(&pack["codes"][0]);
    let id = open_with(&app, "ru-live", &code).await.expect(201).text_at("id");
    // The seat goes and comes back together with its code.
    let bare = app.request(Method::PATCH, &format!("/v1/purchases/{id}")).json(&json!({ "coupon": null }));
    app.send(bare).await.expect_problem(409, "sold_out");
    app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
    assert_eq!(left(&app), 0);
    let id = open_with(&app, "ru-live", &code).await.expect(201).text_at("id");
    app.press_pay(&id, 0).await.expect(200);
    app.reaches(&id, "granted").await;
    assert_eq!(left(&app), 0);
    let name = pack["pack"].as_str().unwrap();
    run(&app, &["coupons", "pack", "revoke", name, "--as=ada"]).ok();
    assert_eq!(left(&app), 0, "it is used");
    run(&app, &["purchases", "refund", &id, "--as=ada"]).ok();
    app.reaches(&id, "refunded").await;
    app.until("access taken away", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
    let refusal = refused(&app, &["--sku=ru-live", "--count=2", "--reserve"]);
    assert!(refusal.contains("--count: not enough seats: ru-live has 1 left"), "{refusal}");
    let kept = create(&app, &["--sku=ru-live", "--count=1", "--reserve"]);
    run(&app, &["coupons", "pack", "revoke", kept["pack"].as_str().unwrap(), "--as=ada"]).ok();
    assert_eq!(left(&app), 1, "a code that nobody used gives its seat back");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_swaps_a_code_and_who_opens_with_one_never_wait_for_each_other_for_ever() {
    let app = TestApp::start().await;
    app.change_catalog(|catalog| catalog.replace("seats = 1\n", "seats = 100\n")).await;
    let pack = create(&app, &["--sku=ru-live", "--count=12", "--reserve"]);
    run(&app, &["coupons", "create", "ANY", "--percent=10", "--as=ada"]).ok();
    let mut held = Vec::new();
    for code in pack["codes"].as_array().unwrap() {
        held.push(open_with(&app, "ru-live", &code_of(code)).await.expect(201).text_at("id"));
    }
    // Both need a seat, and a use of the coupon.
    let swap = |id| {
        let any =
            app.request(Method::PATCH, &format!("/v1/purchases/{id}")).json(&json!({ "coupon": "ANY" }));
        app.send(any)
    };
    let swaps = futures_util::future::join_all(held.iter().map(swap));
    let opens = futures_util::future::join_all((0..24).map(|_| open_with(&app, "ru-live", "ANY")));
    let (swapped, opened) = tokio::join!(swaps, opens);
    for answer in swapped {
        answer.expect(200);
    }
    for answer in opened {
        answer.expect(201);
    }
    assert_eq!(left(&app), 100 - 12 - 24 - 12, "the codes keep their seats");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_can_be_extended_and_mistakes_are_named() {
    let app = TestApp::start().await;
    let pack = create(&app, &["--sku=ru-course", "--count=1", "--until=2020-01-01T00:00:00Z"]);
    let (name, code) = (pack["pack"].as_str().unwrap(), code_of(&pack["codes"][0]));
    open_with(&app, COURSE, &code).await.expect_problem(422, "coupon_expired");
    let shown = run(&app, &["coupons", "pack", "show", name, "--json"]).json();
    assert_eq!((&shown["left"], &shown["codes"][0]["state"]), (&json!(0), &json!("expired")));
    run(&app, &["coupons", "pack", "extend", name, "--until=2999-01-01T00:00:00Z", "--as=ada"]).ok();
    open_with(&app, COURSE, &code).await.expect(201);
    for (arguments, field) in [
        (&["--sku=ru-nothing", "--count=1"][..], "--sku"),
        (&["--sku=ru-course", "--count=0"], "--count"),
        (&["--sku=ru-course", "--count=501"], "--count"),
        (&["--sku=ru-course", "--count=1", "--reserve"], "--reserve"),
        (&["--sku=ru-course", "--count=1", "--until=soon"], "--until"),
    ] {
        let refusal = refused(&app, arguments);
        assert!(refusal.contains(field), "{arguments:?}: {refusal}");
    }
    assert!(run(&app, &["coupons", "pack", "show", "PK-NONE"]).refused().contains("pack list"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_paid_for_at_once_and_gets_its_codes() {
    let app = TestApp::with_teams().await;
    let opened = app.post("/v1/purchases", &json!({ "sku": COURSE, "places": 3 })).await.expect(201);
    assert_eq!(opened.json()["price"]["total"], 14700);
    let id = opened.text_at("id");
    let coupon = app.request(Method::PATCH, &format!("/v1/purchases/{id}")).json(&json!({ "coupon": "ANY" }));
    assert_eq!(app.send(coupon).await.expect_problem(422, "coupon_not_for_this").json()["reason"], "team");
    let secret = app.press_pay(&id, 14700).await.expect(200).text_at("client_secret");
    let intent = checkout_tests::intent_of(&secret);
    app.sandbox.stripe().confirm(&intent, "4242424242424242").expect("a payment");
    let bought = app.reaches(&id, "granted").await;
    assert_eq!((app.sandbox.stripe().intents().len(), app.grant_calls().len()), (1, 0));
    let page = page(&app, bought["access_url"].as_str().unwrap()).await;
    let receipt = app.get(&format!("/p/{id}")).await.expect(200).text;
    let csv = csv(&app, &bought).await;
    let codes: Vec<_> = csv.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 3);
    for code in &codes {
        assert!(page.contains(code.as_str()) && receipt.contains(code.as_str()), "{code}");
    }
    let used = open_with(&app, COURSE, &codes[0]).await.expect(201).text_at("id");
    app.press_pay(&used, 0).await.expect(200);
    app.reaches(&used, "granted").await;
    // All places are refunded; learners who already have access keep it.
    let said = run(&app, &["purchases", "refund", &reference(&app, &id).await, "--as=ada"]).ok();
    assert!(said.contains("2 codes") && said.contains("1 was used"), "{said}");
    app.reaches(&id, "refunded").await;
    app.reaches(&used, "granted").await;
    open_with(&app, COURSE, &codes[1]).await.expect_problem(422, "coupon_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teams_seats_are_held_sold_and_kept_for_its_codes() {
    let app = TestApp::with_teams().await;
    let id =
        app.post("/v1/purchases", &json!({ "sku": "ru-live", "places": 2 })).await.expect(201).text_at("id");
    assert_eq!(left(&app), 1);
    app.post("/v1/purchases", &json!({ "sku": "ru-live", "places": 2 }))
        .await
        .expect_problem(409, "sold_out");
    app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
    assert_eq!(left(&app), 3);
    let id =
        app.post("/v1/purchases", &json!({ "sku": "ru-live", "places": 2 })).await.expect(201).text_at("id");
    let secret = app.press_pay(&id, 98000).await.expect(200).text_at("client_secret");
    app.sandbox.stripe().confirm(&checkout_tests::intent_of(&secret), "4242424242424242").expect("a payment");
    let bought = app.reaches(&id, "granted").await;
    assert_eq!(left(&app), 1);
    let csv = csv(&app, &bought).await;
    let code = csv.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    let used = open_with(&app, "ru-live", &code).await.expect(201).text_at("id");
    app.press_pay(&used, 0).await.expect(200);
    app.reaches(&used, "granted").await;
    assert_eq!(left(&app), 1, "the code has brought its seat");
    run(&app, &["purchases", "refund", &id, "--as=ada"]).ok();
    app.reaches(&id, "refunded").await;
    assert_eq!(left(&app), 2, "the other's is on sale again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_hands_its_codes_out() {
    let app = TestApp::start().await;
    let pack = create(&app, &["--sku=ru-course", "--count=2"]);
    let address = pack["page"].as_str().unwrap().to_owned();
    let pasted = "Ada <ADA@example.com>; bob@example.com\neve@example.com, grace@";
    let told = form(&app, &address, &[("emails", pasted)]).await.expect(200).text;
    assert!(
        told.contains("these addresses: 2") && told.contains("eve@example.com") && told.contains("grace@"),
        "{told}"
    );
    let again = form(&app, &address, &[("emails", pasted)]).await.expect(200).text;
    assert!(again.contains("these addresses: 2"), "who has one gets no second: {again}");
    let codes = run(&app, &["coupons", "pack", "show", pack["pack"].as_str().unwrap(), "--json"]).json();
    let of = |email: &str| {
        let codes = codes["codes"].as_array().unwrap();
        code_of(codes.iter().find(|code| code["email"] == email).unwrap())
    };
    let (adas, bobs) = (of("ada@example.com"), of("bob@example.com"));
    let id = open_with(&app, COURSE, &bobs).await.expect(201).text_at("id");
    let problem = app.press_pay(&id, 0).await.expect_problem(422, "coupon_email_domain").json();
    assert_eq!(problem["reason"], "other_email");
    app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
    let id = open_with(&app, COURSE, &adas).await.expect(201).text_at("id");
    app.press_pay(&id, 0).await.expect(200);
    app.reaches(&id, "granted").await;
    let late = form(&app, &address, &[("code", &adas), ("email", "eve@example.com")]).await;
    assert!(late.expect(422).text.contains("already been used"));
    form(&app, &address, &[("code", &bobs), ("email", "eve")]).await.expect(422);
    form(&app, &address, &[("code", &bobs), ("email", "eve@example.com")]).await.expect(200);
    let many: String = (0..501).map(|n| format!("a{n}@example.com ")).collect();
    let refused = form(&app, &address, &[("emails", &many)]).await.expect(422).text;
    assert!(refused.contains("a500@example.com"), "what was pasted stays");
    // Another site can't submit the form, and the old address opens nothing after a renewal.
    let path = path_of(&address);
    let foreign = app.request(Method::POST, &path).header("sec-fetch-site", "cross-site");
    app.send(foreign.form(&[("emails", "x@example.com")])).await.expect(403);
    run(&app, &["coupons", "pack", "renew", pack["pack"].as_str().unwrap(), "--as=ada"]).ok();
    for path in [path, "/team/tm_x".to_owned()] {
        app.get(&path).await.expect(404);
        app.get(&format!("{path}/codes.csv")).await.expect_problem(404, "unknown_route");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_held_while_its_team_is_refunded_is_worth_nothing() {
    let app = TestApp::with_teams().await;
    let (id, bought) = buy_for_team(&app, COURSE, 2, 9800).await;
    let codes = codes(&app, &bought).await;
    let held = open_with(&app, COURSE, &codes[0]).await.expect(201).text_at("id");
    let said = run(&app, &["purchases", "refund", &id, "--as=ada", "--json"]).json();
    assert_eq!(said["codes"], json!({ "taken_back": 2, "used": 0, "good": 0 }));
    app.reaches(&id, "refunded").await;
    app.press_pay(&held, 0).await.expect_problem(422, "coupon_expired");
    assert!(app.grant_calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_good_again_where_their_refund_failed() {
    let app = TestApp::with_teams().await;
    let (id, bought) = buy_for_team(&app, COURSE, 2, 9800).await;
    let codes = codes(&app, &bought).await;
    app.sandbox.stripe().fault(sandbox::StripeFault::new(sandbox::Misbehaviour::Down));
    run(&app, &["purchases", "refund", &id, "--as=ada"]).ok();
    open_with(&app, COURSE, &codes[0]).await.expect_problem(422, "coupon_expired");
    app.sandbox.stripe().clear_faults();
    app.reaches(&id, "refunded").await;
    open_with(&app, COURSE, &codes[0]).await.expect_problem(422, "coupon_expired");
    // A partial refund leaves the codes valid.
    let (id, bought) = buy_for_team(&app, COURSE, 2, 9800).await;
    let said = run(&app, &["purchases", "refund", &id, "--as=ada", "--amount=100"]).ok();
    assert!(said.contains("its codes stay valid"), "{said}");
    let csv = csv(&app, &bought).await;
    open_with(&app, COURSE, csv.lines().nth(1).unwrap().split(',').next().unwrap()).await.expect(201);
    app.outbox_is(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_paid_for_is_good_after_the_sale_until_the_training_begins() {
    let app = TestApp::start().await;
    let pack = create(&app, &["--sku=ru-live", "--count=1", "--reserve"]);
    let code = code_of(&pack["codes"][0]);
    let close =
        |catalog: &str| catalog.replace("seats = 1\n", "seats = 1\nsale_closes_at = 2020-01-01T00:00:00Z\n");
    app.change_catalog(close).await;
    app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect_problem(409, "sale_closed");
    open_with(&app, "ru-live", &code).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_its_code_allowed_is_not_kept_without_it() {
    let app = TestApp::with(&["--trusted-proxies=127.0.0.1", "--limit-opens=2/1h"]).await;
    app.change_catalog(|catalog| catalog.replace("seats = 1\n", "seats = 9\n")).await;
    let pack = create(&app, &["--sku=ru-live", "--count=4"]);
    let code = |n: usize| code_of(&pack["codes"][n]);
    let open = async |body: Value| app.post_as("192.0.2.1", "/v1/purchases", &body).await;
    let change = async |id: &str, coupon: Value| {
        let request = app.request(Method::PATCH, &format!("/v1/purchases/{id}"));
        app.send(request.header("x-forwarded-for", "192.0.2.1").json(&json!({ "coupon": coupon }))).await
    };
    let mut opened = Vec::new();
    for n in 0..3 {
        opened.push(open(json!({ "sku": "ru-live", "coupon": code(n) })).await.expect(201).text_at("id"));
    }
    // Without their codes they count as ordinary purchases, of which two an hour are allowed.
    change(&opened[0], Value::Null).await.expect(200);
    change(&opened[1], Value::Null).await.expect(200);
    change(&opened[2], Value::Null).await.expect_problem(429, "rate_limited");
    change(&opened[2], json!(code(3))).await.expect(200);
    app.change_catalog(|catalog| {
        catalog.replace("seats = 9\n", "seats = 9\nsale_closes_at = 2020-01-01T00:00:00Z\n")
    })
    .await;
    change(&opened[2], Value::Null).await.expect_problem(409, "sale_closed");
    let shown = app.get(&format!("/v1/purchases/{}", opened[2])).await.json();
    assert_eq!(shown["price"]["total"], 0, "the code stays: {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_of_codes_that_ran_out_are_on_sale_again() {
    let app = TestApp::start().await;
    create(&app, &["--sku=ru-live", "--count=1", "--reserve", "--until=2020-01-01T00:00:00Z"]);
    app.until("the seat on sale", |_| left(&app) == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_holds_the_places_of_one_team_at_a_time() {
    let app = TestApp::with_teams_and(&["--trusted-proxies=127.0.0.1"]).await;
    let open =
        async || app.post_as("203.0.113.9", "/v1/purchases", &json!({ "sku": COURSE, "places": 10 })).await;
    let first = open().await.expect(201).text_at("id");
    open().await.expect_problem(429, "rate_limited");
    app.post_as("203.0.113.9", "/v1/purchases", &json!({ "sku": COURSE })).await.expect(201);
    app.delete(&format!("/v1/purchases/{first}")).await.expect(200);
    open().await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_bought_only_where_that_is_sold() {
    let app = TestApp::with_teams().await;
    for (sku, places) in [(COURSE, 1), (COURSE, 11), (COURSE, -1), ("ru-jp", 2)] {
        let problem = app.post("/v1/purchases", &json!({ "sku": sku, "places": places })).await;
        assert_eq!(
            problem.expect_problem(422, "invalid_request").json()["field"],
            "places",
            "{sku} {places}"
        );
    }
    let team = app.get(&format!("/v1/offerings/{COURSE}")).await.json()["team"].clone();
    assert_eq!(team, json!({ "min": 2, "max": 10 }));
}

/// Buys `places` for a team at `total`. Returns the purchase's id, and its final view.
async fn buy_for_team(app: &TestApp, sku: &str, places: i64, total: i64) -> (String, Value) {
    let opened = app.post("/v1/purchases", &json!({ "sku": sku, "places": places })).await;
    let id = opened.expect(201).text_at("id");
    let secret = app.press_pay(&id, total).await.expect(200).text_at("client_secret");
    app.sandbox.stripe().confirm(&checkout_tests::intent_of(&secret), "4242424242424242").expect("a payment");
    let bought = app.reaches(&id, "granted").await;
    (id, bought)
}

async fn codes(app: &TestApp, bought: &Value) -> Vec<String> {
    let csv = csv(app, bought).await;
    csv.lines().skip(1).map(|line| line.split(',').next().expect("a code").to_owned()).collect()
}

fn create(app: &TestApp, arguments: &[&str]) -> Value {
    run(
        app,
        &[&["coupons", "pack", "create", "--company=Acme", "--po=4711", "--as=ada", "--json"], arguments]
            .concat(),
    )
    .json()
}

fn refused(app: &TestApp, arguments: &[&str]) -> String {
    run(app, &[&["coupons", "pack", "create", "--company=Acme", "--po=4711", "--as=ada"], arguments].concat())
        .refused()
}

fn code_of(code: &Value) -> String {
    code["code"].as_str().expect("a code").to_owned()
}

async fn open_with(app: &TestApp, sku: &str, coupon: &str) -> Answer {
    app.post("/v1/purchases", &json!({ "sku": sku, "coupon": coupon })).await
}

fn left(app: &TestApp) -> i64 {
    let seats = run(app, &["seats", "--json"]).json();
    seats[0]["left"].as_i64().expect("a count")
}

fn path_of(address: &str) -> String {
    address[address.find("/team/").expect("a team's page")..].to_owned()
}

async fn page(app: &TestApp, address: &str) -> String {
    app.get(&path_of(address)).await.expect(200).text
}

async fn csv(app: &TestApp, bought: &Value) -> String {
    let path = path_of(bought["access_url"].as_str().expect("an address"));
    app.get(&format!("{path}/codes.csv")).await.expect(200).text
}

async fn form(app: &TestApp, address: &str, fields: &[(&str, &str)]) -> Answer {
    let request = app.request(Method::POST, &path_of(address));
    app.send(request.form(fields)).await
}
