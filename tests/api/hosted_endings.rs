//! How a purchase on Stripe's hosted page ends when it isn't simply paid: expiry, cancellation, other ways to pay,
//! limits.
use checkout_tests::{COURSE, HtmlForm, PlainBrowser, TestApp, purchase_of};
use sandbox::{Fault, Misbehaviour, Sandbox, StripeOperation};
use serde_json::json;

const GOOD: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";

fn session_of(sandbox: &Sandbox, address: &str) -> String {
    let id = address.rsplit('/').next().unwrap().to_owned();
    assert!(sandbox.stripe().sessions().iter().any(|session| session["id"] == id.as_str()), "{address}");
    id
}

fn status(sandbox: &Sandbox, session: &str) -> String {
    let sessions = sandbox.stripe().sessions();
    let session = sessions.iter().find(|known| known["id"] == session).unwrap();
    session["status"].as_str().unwrap().to_owned()
}

fn button(app: &TestApp, id: &str, what: &str) -> HtmlForm {
    HtmlForm { action: format!("{}/p/{id}/{what}", app.base()), fields: vec![] }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seat_is_free_only_after_the_page_is_closed() {
    let app = TestApp::with(&["--payment-seconds=1"]).await;
    let closing = StripeOperation::ExpireSession;
    app.sandbox.stripe().fault(Fault::new(Misbehaviour::Down).on(closing));
    let (id, address) = app.buy_without_javascript("ru-live").await;
    let session = session_of(&app.sandbox, &address);
    app.sandbox.stripe().pay_session(&session, DECLINED).unwrap_err();
    let tried = |sandbox: &Sandbox| {
        let requests = sandbox.stripe().requests();
        requests.iter().any(|request| request.operation == Some(closing))
    };
    app.until("Stripe is asked to close the page", tried).await;
    app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect_problem(409, "sold_out");
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "paying");
    app.sandbox.stripe().clear_faults();
    app.reaches(&id, "canceled").await;
    assert_eq!(status(&app.sandbox, &session), "expired");
    assert_eq!(app.sandbox.stripe().intents()[0]["status"], "canceled");
    app.sandbox.stripe().pay_session(&session, GOOD).unwrap_err();
    app.open("ru-live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_tries_leaves_no_page_behind() {
    let app = TestApp::with(&["--payment-seconds=1"]).await;
    let (id, address) = app.buy_without_javascript("ru-live").await;
    app.reaches(&id, "canceled").await;
    assert_eq!(status(&app.sandbox, &session_of(&app.sandbox, &address)), "expired");
    let page = PlainBrowser::default().get(&format!("{}/p/{id}", app.base())).await.expect(200).text;
    assert!(page.contains("Start again") && !page.contains("<form"), "{page}");
    // A button that was still on the screen leads to the purchase's own page.
    let sent = PlainBrowser::default().submit(&button(&app, &id, "pay")).await.expect(303);
    assert_eq!(sent.header("location"), format!("{}/p/{id}", app.base()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_nobody_told_of_wins_over_giving_up() {
    let app = TestApp::with(&["--sweep-seconds=600"]).await;
    app.sandbox.stripe().never_deliver();
    let (id, address) = app.buy_without_javascript("ru-live").await;
    app.sandbox.stripe().pay_session(&session_of(&app.sandbox, &address), GOOD).unwrap();
    let sent = PlainBrowser::default().submit(&button(&app, &id, "cancel")).await.expect(303);
    assert_eq!(sent.header("location"), format!("{}/p/{id}", app.base()));
    app.reaches(&id, "granted").await;
    app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect_problem(409, "sold_out");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_d_secure_that_is_under_way_ends_with_the_page() {
    let app = TestApp::with(&["--payment-seconds=1"]).await;
    let (id, address) = app.buy_without_javascript("ru-live").await;
    let asked =
        app.sandbox.stripe().pay_session(&session_of(&app.sandbox, &address), "4000002500003155").unwrap();
    app.reaches(&id, "canceled").await;
    app.sandbox.stripe().complete_3ds(asked["id"].as_str().unwrap(), true).unwrap_err();
    assert!(app.sandbox.stripe().charges_succeeded().is_empty());
    app.open("ru-live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_settles_later_keeps_the_seat_until_it_does() {
    for succeeds in [true, false] {
        let app = TestApp::with(&["--payment-seconds=1"]).await;
        let (id, address) = app.buy_without_javascript("ru-live").await;
        let session = session_of(&app.sandbox, &address);
        let paid = app.sandbox.stripe().pay_session(&session, sandbox::stripe::SETTLES_LATER).unwrap();
        app.reaches(&id, "processing").await;
        assert_eq!(status(&app.sandbox, &session), "complete");
        app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect_problem(409, "sold_out");
        app.sandbox.stripe().settle(paid["id"].as_str().unwrap(), succeeds).unwrap();
        app.reaches(&id, if succeeds { "granted" } else { "canceled" }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_closes_the_page_and_frees_the_seat() {
    let app = TestApp::start().await;
    let (id, address) = app.buy_without_javascript("ru-live").await;
    let browser = PlainBrowser::default();
    let page = browser.get(&format!("{}/p/{id}", app.base())).await.expect(200).text;
    let cancel = HtmlForm::find(&page, "/cancel").expect("a way to give up");
    browser.submit(&cancel).await.expect(303);
    app.reaches(&id, "canceled").await;
    assert_eq!(status(&app.sandbox, &session_of(&app.sandbox, &address)), "expired");
    app.open("ru-live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_closed_in_the_dashboard_ends_the_purchase() {
    let app = TestApp::start().await;
    let (id, address) = app.buy_without_javascript("ru-live").await;
    app.sandbox.stripe().expire_session(&session_of(&app.sandbox, &address)).unwrap();
    app.reaches(&id, "canceled").await;
    app.open("ru-live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_record_was_lost_is_found_and_closed() {
    let app = TestApp::with(&["--payment-seconds=1"]).await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, "ru-live").await.with("email", "ada@example.com");
    // Stripe creates the session but neither answers nor lists it, so the server doesn't know of it.
    app.sandbox.stripe().fault(Fault::new(Misbehaviour::error_after(500)).on(StripeOperation::CreateSession));
    app.sandbox.stripe().fault(Fault::new(Misbehaviour::Down).on(StripeOperation::ListSessions));
    browser.submit(&form).await.expect(502);
    let url = app.sandbox.stripe().sessions()[0]["url"].as_str().unwrap().to_owned();
    app.sandbox.stripe().clear_faults();
    app.reaches(&purchase_of(&app.sandbox, &url), "canceled").await;
    assert_eq!(status(&app.sandbox, &session_of(&app.sandbox, &url)), "expired");
    app.open("ru-live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_on_stripes_page_is_not_paid_inline_too() {
    let app = TestApp::start().await;
    let (id, address) = app.buy_without_javascript(COURSE).await;
    let refused = app.press_pay(&id, 4900).await.expect_problem(409, "purchase_ended");
    assert!(refused.text_at("detail").contains("Stripe's page"), "{refused:?}");
    assert!(app.sandbox.stripe().intents().is_empty());
    let browser = PlainBrowser::default();
    let page = browser.get(&format!("{}/p/{id}", app.base())).await.expect(200).text;
    let go_on = HtmlForm::find(&page, "/pay").expect("a way back to Stripe's page");
    assert_eq!(browser.submit(&go_on).await.expect(303).header("location"), address);
    assert_eq!(app.sandbox.stripe().sessions().len(), 1);
    // And the other way round.
    let (inline, _) = app.open_and_press_pay(COURSE, 4900).await;
    let sent = browser.submit(&button(&app, &inline, "pay")).await.expect(303);
    assert_eq!(sent.header("location"), format!("{}/p/{inline}", app.base()));
    assert_eq!(app.sandbox.stripe().sessions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_told_before_the_payment_is_not_forgotten() {
    let app = TestApp::with(&["--sweep-seconds=600"]).await;
    app.sandbox.stripe().never_deliver();
    let (id, address) = app.buy_without_javascript(COURSE).await;
    let paid = app.sandbox.stripe().pay_session(&session_of(&app.sandbox, &address), GOOD).unwrap();
    let dispute = app.sandbox.stripe().open_dispute(paid["id"].as_str().unwrap()).unwrap();
    let lost = sandbox::stripe::DisputeStatus::Lost;
    app.sandbox.stripe().move_dispute(dispute["id"].as_str().unwrap(), lost).unwrap();
    for kind in ["charge.dispute.created", "charge.dispute.closed", "payment_intent.succeeded"] {
        let events = app.sandbox.stripe().events();
        let event = events.iter().find(|event| event["type"] == kind).unwrap();
        assert_eq!(
            app.sandbox.stripe().redeliver(event["id"].as_str().unwrap()).await.unwrap(),
            200,
            "{kind}"
        );
    }
    app.reaches(&id, "refunded").await;
    app.until("access is taken away", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_counts_like_the_api() {
    let flags = ["--trusted-proxies=127.0.0.1", "--limit-opens=2/1h", "--limit-holds=1"];
    let app = TestApp::with(&flags).await;
    let browser = PlainBrowser::at("192.0.2.1");
    for (n, status) in [(1, 303), (2, 429), (3, 429)] {
        let form = app.buy_form(&browser, COURSE).await.with("email", &format!("ada{n}@example.com"));
        let answer = browser.submit(&form).await.expect(status);
        if status == 429 {
            assert!(answer.text.contains("Too many attempts.") && !answer.header("retry-after").is_empty());
            assert!(answer.text.contains(&format!("ada{n}@example.com")), "{}", answer.text);
        }
    }
    let other = PlainBrowser::at("192.0.2.2");
    let form = app.buy_form(&other, COURSE).await.with("email", "ada@example.com");
    other.submit(&form).await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_cards_are_tested_a_form_without_a_challenge_holds_nothing() {
    let mut app = TestApp::with(&["--trusted-proxies=127.0.0.1", "--limit-decline-run=1/10m"]).await;
    let flags = app.challenge_flags();
    app.restart_with(&flags).await;
    app.declined_as("192.0.2.66", "thief@example.com").await;
    let browser = PlainBrowser::at("192.0.2.1");
    let form = app.buy_form(&browser, "ru-live").await.with("email", "ada@example.com");
    let answer = browser.submit(&form).await.expect(429);
    assert!(answer.text.contains("needs JavaScript"), "{}", answer.text);
    assert!(app.sandbox.stripe().sessions().is_empty());
    app.open("ru-live").await;
}
