//! Notifications of the account receiver: signed, delivered at least once and in time, and never delaying the grant.
use checkout_tests::{Answer, COURSE, Setup, TestApp, percent_off};
use reqwest::Method;
use sandbox::{ACCOUNT_SECRET, AccountMessage};
use serde_json::json;
use std::time::{Duration, Instant};

async fn app(flags: &[&str]) -> TestApp {
    let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
    TestApp::set_up(Setup { flags, tells_accounts: true, ..Setup::default() }).await
}

fn kinds(app: &TestApp) -> Vec<String> {
    app.sandbox.accounts().messages().into_iter().map(|message| message.kind).collect()
}

async fn told(app: &TestApp, kind: &str) -> AccountMessage {
    app.until(kind, |sandbox| sandbox.accounts().messages().iter().any(|message| message.kind == kind)).await;
    let messages = app.sandbox.accounts().messages();
    messages.into_iter().find(|message| message.kind == kind).expect("a message")
}

/// Waits until the account step of the purchase's timeline is in `state`.
async fn account_is(app: &TestApp, id: &str, state: &str) {
    let says = |answer: &Answer| {
        let purchase = answer.json();
        let mut timeline = purchase["timeline"].as_array().unwrap().iter();
        timeline.any(|entry| entry["step"] == "account" && entry["state"] == state).then_some(())
    };
    app.answers(|| app.request(Method::GET, &format!("/v1/purchases/{id}")), says).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_hears_of_access_of_the_refund_and_of_the_end_of_access() {
    let app = app(&[]).await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    let granted = told(&app, "purchase.granted").await;
    assert_eq!(granted.data["learner"], json!({ "email": "ada@example.com", "name": "Ada" }));
    assert_eq!((&granted.data["state"], &granted.data["charged"]), (&json!("granted"), &json!(4900)));
    account_is(&app, &id, "done").await;
    app.sandbox.stripe().refund(&intent, None).unwrap();
    let refunded = told(&app, "purchase.refunded").await;
    let revoked = told(&app, "purchase.revoked").await;
    assert_eq!((&refunded.data["state"], &refunded.data["refunded"]), (&json!("refunded"), &json!(4900)));
    let version = |message: &AccountMessage| message.data["version"].as_i64().unwrap();
    assert!(version(&granted) < version(&refunded) && version(&refunded) <= version(&revoked));
    assert_eq!(kinds(&app), ["purchase.granted", "purchase.refunded", "purchase.revoked"]);
    app.outbox_is(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_costs_nothing_and_what_a_team_buys_is_told_too() {
    let app = app(&[]).await;
    app.add_coupon(&percent_off("ALL", 100)).await;
    let id =
        app.post("/v1/purchases", &json!({ "sku": COURSE, "coupon": "ALL" })).await.expect(201).text_at("id");
    app.press_pay(&id, 0).await.expect(200);
    let granted = told(&app, "purchase.granted").await;
    assert_eq!((&granted.data["charged"], &granted.data["price"]["coupon"]), (&json!(0), &json!("ALL")));
    assert_eq!(granted.data["entitled"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_slow_or_away_holds_up_nothing() {
    let app = app(&[]).await;
    app.sandbox.accounts().answer(Some(503));
    let (id, intent) = app.buy(COURSE, 4900).await;
    account_is(&app, &id, "pending").await;
    app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&id, "refunded").await;
    app.until("access taken away", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
    app.sandbox.accounts().answer(None);
    told(&app, "purchase.revoked").await;
    // Late messages carry the purchase as it is when they are sent.
    let messages = app.sandbox.accounts().messages();
    assert_eq!(kinds(&app)[0], "purchase.granted");
    assert!(messages.iter().all(|message| message.data["state"] == "refunded"), "{messages:?}");
    account_is(&app, &id, "done").await;
    app.sandbox.accounts().take_long(Duration::from_secs(5));
    let since = Instant::now();
    app.buy(COURSE, 4900).await;
    assert!(since.elapsed() < Duration::from_secs(4), "the grant does not wait");
    app.sandbox.accounts().take_long(Duration::ZERO);
    app.outbox_is(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_is_asked_for_again_with_the_same_id() {
    let app = app(&[]).await;
    app.sandbox.accounts().answer(Some(299));
    app.buy(COURSE, 4900).await;
    told(&app, "purchase.granted").await;
    app.outbox_is(0, 0).await;
    assert_eq!(app.sandbox.accounts().messages()[0].times, 1);
    // A message that was answered with a 500 is sent again.
    app.sandbox.accounts().answer(Some(500));
    app.buy(COURSE, 4900).await;
    app.until("a second purchase", |sandbox| sandbox.flockjay().active_grants().len() == 2).await;
    app.sandbox.accounts().answer(None);
    app.outbox_is(0, 0).await;
    let ids: Vec<_> = app.sandbox.accounts().messages().into_iter().map(|message| message.id).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_refuses_is_shown_to_a_person_and_can_be_asked_again_alone() {
    let app = TestApp::set_up(Setup { tells_accounts: true, leaves_work: true, ..Setup::default() }).await;
    app.sandbox.accounts().change_secret("whsec_YW5vdGhlci1zZWNyZXQtb2Ytb3Vycw==");
    let (id, _) = app.buy(COURSE, 4900).await;
    account_is(&app, &id, "failed").await;
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "granted");
    app.outbox_is(0, 1).await;
    app.sandbox.accounts().change_secret(ACCOUNT_SECRET);
    let page = app.get(&format!("/p/{id}")).await.expect(200).text;
    assert!(page.contains("<li class=\"failed\">"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_changed_without_a_message_lost() {
    let old = ACCOUNT_SECRET;
    let new = "whsec_YW5vdGhlci1zZWNyZXQtb2Ytb3Vycw==";
    let mut app = app(&[]).await;
    let address = app.sandbox.account_webhook().replace(old, &format!("{new}|{old}"));
    app.restart_with(&[format!("--account-webhooks={address}")]).await;
    app.buy(COURSE, 4900).await;
    told(&app, "purchase.granted").await;
    app.sandbox.accounts().change_secret(new);
    app.buy(COURSE, 4900).await;
    app.until("both", |sandbox| sandbox.accounts().messages().len() == 2).await;
    app.outbox_is(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_tries_any_more_is_shown_to_need_a_person() {
    let flags = vec!["--retry-hours=0.0003".to_owned()];
    let app =
        TestApp::set_up(Setup { flags, tells_accounts: true, leaves_work: true, ..Setup::default() }).await;
    app.sandbox.accounts().answer(Some(503));
    let (id, _) = app.buy(COURSE, 4900).await;
    app.outbox_is(0, 1).await;
    account_is(&app, &id, "failed").await;
}
