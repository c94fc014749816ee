//! Stripe at its worst: whatever it does, one intent, one charge, and an honest answer.
use checkout_tests::{COURSE, PlainBrowser, Setup, TestApp, logged};
use sandbox::{Misbehaviour, StripeFault, StripeOperation};
use tokio::task::JoinSet;

const GOOD: &str = "4242424242424242";

/// Presses Pay under a transient fault, then pays. Asserts one intent, one charge and one grant.
async fn survives(misbehaviour: Misbehaviour, times: u32) {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    app.sandbox.stripe().fault(StripeFault::new(misbehaviour).on(StripeOperation::CreateIntent).times(times));
    let mut answer = app.press_pay(&id, 4900).await;
    for _ in 0..3 {
        if answer.status == 200 {
            break;
        }
        answer.expect_problem(502, "payments_unavailable");
        answer = app.press_pay(&id, 4900).await;
    }
    let secret = answer.expect(200).text_at("client_secret");
    app.sandbox.stripe().confirm(&checkout_tests::intent_of(&secret), GOOD).unwrap();
    app.reaches(&id, "granted").await;
    let stripe = app.sandbox.stripe();
    assert_eq!((stripe.intents().len(), stripe.charges_succeeded().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_500_before_the_work() {
    survives(Misbehaviour::error_before(500), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_500_after_the_work_which_is_repeated_for_the_key() {
    survives(Misbehaviour::error_after(500), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_503_and_a_429_for_a_while() {
    survives(Misbehaviour::error_before(503), 4).await;
    survives(Misbehaviour::throttled(1), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_before_and_after_the_work() {
    survives(Misbehaviour::Close { after_work: false }, 2).await;
    survives(Misbehaviour::Close { after_work: true }, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_after_the_work() {
    survives(Misbehaviour::Hang { after_work: true }, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_can_not_be_read() {
    survives(Misbehaviour::Garbage, 1).await;
    survives(Misbehaviour::MissingField { field: "status".to_owned() }, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_down_is_said_and_tried_again_with_the_same_purchase() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    app.sandbox.stripe().fault(StripeFault::new(Misbehaviour::Down));
    let answer = app.press_pay(&id, 4900).await.expect_problem(502, "payments_unavailable");
    assert!(!answer.header("retry-after").is_empty());
    assert!(app.sandbox.stripe().intents().is_empty());
    app.sandbox.stripe().clear_faults();
    app.press_pay(&id, 4900).await.expect(200);
    assert_eq!(app.sandbox.stripe().intents().len(), 1);
    app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_while_stripe_is_down_keeps_the_purchase_until_it_is_back() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    let down = StripeFault::new(Misbehaviour::Down).on(StripeOperation::CancelIntent);
    app.sandbox.stripe().fault(down);
    assert_eq!(app.delete(&format!("/v1/purchases/{id}")).await.expect(200).text_at("state"), "paying");
    app.press_pay(&id, 4900).await.expect_problem(409, "purchase_ended");
    app.sandbox.stripe().clear_faults();
    app.reaches(&id, "canceled").await;
    assert_eq!(app.sandbox.stripe().intent(&intent).unwrap()["status"], "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amount_that_stripe_refuses_is_told_and_not_retried() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    let refusal = Misbehaviour::error_before(402);
    app.sandbox.stripe().fault(StripeFault::new(refusal).on(StripeOperation::CreateIntent));
    let answer = app.press_pay(&id, 4900).await.expect_problem(422, "payment_refused");
    assert_eq!(answer.header("retry-after"), "", "no use in trying again");
    let creates = app.sandbox.stripe().requests().iter().filter(|r| r.method == "POST").count();
    assert_eq!(creates, 1);
    app.sandbox.stripe().clear_faults();
    app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_below_what_the_account_settles_in_is_refused_for_good() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    app.sandbox.stripe().settles_at_least(5000);
    let answer = app.press_pay(&id, 4900).await.expect_problem(422, "amount_too_small");
    assert!(!answer.text.contains("ry again") && answer.text.contains("Nothing was charged"), "{answer:?}");
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, COURSE).await.with("email", "ada@example.com");
    let refused = browser.submit(&form).await.expect(422);
    assert!(refused.text.contains("below our payment provider"), "{}", refused.text);
    assert!(!refused.text.contains("Try again"), "{}", refused.text);
    app.until("an alert", |_| logged().contains("Stripe permanently refused a payment")).await;
    app.sandbox.stripe().settles_at_least(0);
    app.press_pay(&id, 4900).await.expect(200);
    app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_stripe_refuses_for_a_while_leaves_nothing_for_a_person() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().never_deliver();
    app.sandbox.stripe().fault(StripeFault::new(Misbehaviour::error_before(401)));
    app.until("asked in vain", |sandbox| sandbox.stripe().requests().iter().any(|r| r.status == Some(401)))
        .await;
    app.until("an alert", |_| logged().contains("Stripe rejected our API key")).await;
    app.sandbox.stripe().clear_faults();
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.reaches(&id, "granted").await;
    app.outbox_is(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restricted_key_lacks_is_told_at_start() {
    let mut app = TestApp::with(&["--stripe-secret-key=rk_test_sandbox"]).await;
    let denied = StripeFault::new(Misbehaviour::error_before(403)).on(StripeOperation::CreateRefund);
    app.sandbox.stripe().fault(denied);
    app.restart().await;
    app.until("an alert", |_| logged().contains("lacks permissions")).await;
    let told = logged();
    let line = told.lines().find(|line| line.contains("lacks permissions")).unwrap();
    assert!(line.contains("Charges and Refunds: write") && !line.contains("Payment Intents"), "{line}");
    assert!(app.sandbox.stripe().intents().is_empty() && app.sandbox.stripe().sessions().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn money_for_a_second_intent_goes_back() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    let reference = app.get(&format!("/v1/purchases/{id}")).await.text_at("reference");
    let second = reqwest::Client::new()
        .post(format!("{}/v1/payment_intents", app.sandbox.stripe_url()))
        .bearer_auth("sk_test_sandbox")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("amount=4900&currency=usd&metadata[purchase]={reference}"))
        .send();
    let second: serde_json::Value = second.await.unwrap().json().await.unwrap();
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.reaches(&id, "granted").await;
    app.sandbox.stripe().confirm(second["id"].as_str().unwrap(), GOOD).unwrap();
    app.until("given back", |sandbox| sandbox.stripe().refunds().len() == 1).await;
    assert_eq!(app.sandbox.stripe().refunds()[0]["payment_intent"], second["id"]);
    app.outbox_is(0, 0).await;
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "granted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_pay_and_the_answer_forgets_nothing() {
    let setup =
        Setup { flags: vec!["--payment-seconds=2".to_owned()], leaves_work: false, ..Setup::default() };
    let mut app = TestApp::set_up(setup).await;
    let id = app.open(COURSE).await;
    // Stripe creates the intent and our record of it is lost: the idempotency key and the reference find it again.
    let fault = StripeFault::new(Misbehaviour::Hang { after_work: true }).on(StripeOperation::CreateIntent);
    app.sandbox.stripe().fault(fault.times(1));
    app.sandbox.stripe().fault(StripeFault::new(Misbehaviour::Down));
    app.sandbox.stripe().never_deliver();
    app.press_pay(&id, 4900).await.expect_problem(502, "payments_unavailable");
    app.restart().await;
    app.sandbox.stripe().clear_faults();
    app.sandbox.stripe().never_deliver();
    app.reaches(&id, "canceled").await;
    let intents = app.sandbox.stripe().intents();
    assert_eq!((intents.len(), &intents[0]["status"]), (1, &serde_json::json!("canceled")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_whose_answer_was_lost_before_a_thousand_others_were_made_frees_its_seat() {
    let app = TestApp::with(&["--payment-seconds=1"]).await;
    let stripe = app.sandbox.stripe();
    stripe.never_deliver();
    let id = app.open("ru-live").await;
    let lost = StripeFault::new(Misbehaviour::Hang { after_work: true }).on(StripeOperation::CreateIntent);
    stripe.fault(lost.times(1));
    stripe.fault(StripeFault::new(Misbehaviour::Down));
    app.press_pay(&id, 49000).await.expect_problem(502, "payments_unavailable");
    stripe.clear_faults();
    stripe.never_deliver();
    let client = reqwest::Client::new();
    for _ in 0..44 {
        let mut others = JoinSet::new();
        for _ in 0..25 {
            let request = client.post(format!("{}/v1/payment_intents", app.sandbox.stripe_url()));
            let form =
                request.bearer_auth("sk_test_sandbox").form(&[("amount", "4900"), ("currency", "usd")]);
            others.spawn(form.send());
        }
        others.join_all().await.into_iter().for_each(|made| assert!(made.unwrap().status().is_success()));
    }
    app.reaches(&id, "canceled").await;
    let ours = |intent: &&serde_json::Value| !intent["metadata"]["purchase"].is_null();
    let intents = stripe.intents();
    assert!(intents.iter().filter(ours).all(|intent| intent["status"] == "canceled"));
    app.open("ru-live").await;
}
