//! Stripe's webhooks: in any order, any number of times, and whatever else may reach that address.
use checkout_tests::{Answer, COURSE, Setup, TestApp, logged};
use sandbox::stripe::{DisputeStatus, sign};
use sandbox::{Misdelivery, StripeOperation, WebhookFault};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const GOOD: &str = "4242424242424242";

#[expect(clippy::disallowed_methods, reason = "signs as Stripe does, by the real clock")]
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

async fn deliver(app: &TestApp, body: &str, signature: &str) -> Answer {
    let request = app.request(reqwest::Method::POST, "/v1/stripe/webhook");
    app.send(request.header("stripe-signature", signature).body(body.to_owned())).await
}

async fn deliver_signed(app: &TestApp, event: &Value) -> Answer {
    let body = event.to_string();
    deliver(app, &body, &sign("whsec_sandbox", now(), &body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_and_duplication_ends_granted() {
    for fault in [
        Misdelivery::Reorder { hold: 3 },
        Misdelivery::Duplicate { copies: 3 },
        Misdelivery::Delay { ms: 300 },
    ] {
        let app = TestApp::start().await;
        app.sandbox.stripe().webhook_fault(WebhookFault::new(fault));
        let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
        app.sandbox.stripe().confirm(&intent, "4000000000000002").unwrap_err();
        app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
        app.reaches(&id, "granted").await;
        app.sandbox.stripe().clear_faults();
        assert_eq!(app.sandbox.flockjay().active_grants().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_before_our_own_record_is_ours_by_its_reference() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    // Stripe creates the intent but never answers. The learner can't have its secret, but Stripe's word counts.
    let hang = sandbox::StripeFault::new(sandbox::Misbehaviour::Hang { after_work: true });
    app.sandbox.stripe().fault(hang.on(sandbox::StripeOperation::CreateIntent).times(1));
    app.sandbox.stripe().fault(sandbox::StripeFault::new(sandbox::Misbehaviour::Down));
    app.press_pay(&id, 4900).await.expect_problem(502, "payments_unavailable");
    let intent = app.sandbox.stripe().intents()[0]["id"].as_str().unwrap().to_owned();
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.reaches(&id, "granted").await;
    app.sandbox.stripe().clear_faults();
}

#[tokio::test(flavor = "multi_thread")]
async fn that_no_signature_is_right_any_more_is_told() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        let request =
            app.request(reqwest::Method::POST, "/v1/stripe/webhook").header("stripe-signature", "t=1,v1=00");
        app.send(request.body("{}")).await.expect_problem(400, "bad_signature");
    }
    assert!(logged().contains("check STRIPE_WEBHOOK_SECRETS against"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_signature_an_old_one_and_none_are_refused() {
    let app = TestApp::start().await;
    let body = json!({ "id": "evt_1", "type": "payment_intent.succeeded" }).to_string();
    for signature in [
        sign("whsec_wrong", now(), &body),
        sign("whsec_sandbox", now() - 301, &body),
        sign("whsec_sandbox", now(), "another body"),
        "t=1".to_owned(),
        "nonsense".to_owned(),
        String::new(),
    ] {
        deliver(&app, &body, &signature).await.expect_problem(400, "bad_signature");
    }
    let unsigned = app.request(reqwest::Method::POST, "/v1/stripe/webhook").body(body);
    app.send(unsigned).await.expect_problem(400, "bad_signature");
    let noise = "\u{1}".repeat(1000);
    deliver(&app, &noise, &sign("whsec_sandbox", now(), &noise)).await.expect_problem(400, "bad_signature");
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_is_refused_also_where_it_is_all_sent_before_the_answer_is_read() {
    let app = TestApp::start().await;
    deliver(&app, &"x".repeat(1024 * 1024), "t=1,v1=00").await.expect_problem(413, "body_too_large");
    let noise = vec![b'x'; 4 * 1024 * 1024];
    let address = app.base().trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/stripe/webhook HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        noise.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&noise).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn either_of_two_secrets_is_taken() {
    let app = TestApp::start().await;
    for (n, secret) in ["whsec_next", "whsec_sandbox"].iter().enumerate() {
        let body = json!({ "id": format!("evt_{n}"), "type": "product.created" }).to_string();
        deliver(&app, &body, &sign(secret, now(), &body)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_types_versions_and_foreign_intents_are_acknowledged() {
    let app = TestApp::start().await;
    for event in [
        json!({ "id": "evt_1", "type": "brand.new_thing", "data": { "object": { "id": "x_1", "object": "x" } } }),
        json!({ "id": "evt_2", "type": "payment_intent.succeeded", "api_version": "1999-01-01",
                "data": { "object": { "id": "pi_foreign", "object": "payment_intent", "metadata": {} } } }),
        json!({ "id": "evt_3", "type": "charge.refunded",
                "data": { "object": { "id": "ch_1", "object": "charge", "payment_intent": "pi_foreign" } } }),
        json!({ "id": "evt_4", "type": "ping" }),
    ] {
        deliver_signed(&app, &event).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_old_version_makes_us_ask_stripe() {
    let app = TestApp::with(&["--sweep-seconds=600"]).await;
    app.sandbox.stripe().never_deliver();
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    let event = json!({
        "id": "evt_old", "type": "payment_intent.succeeded", "api_version": "2015-01-01",
        "data": { "object": { "id": intent, "object": "payment_intent" } }
    });
    deliver_signed(&app, &event).await.expect(200);
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_dispute_in_an_unreadable_event_makes_us_ask_stripe() {
    let app = TestApp::start().await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    app.sandbox.stripe().never_deliver();
    let dispute = app.sandbox.stripe().open_dispute(&intent).unwrap();
    app.sandbox.stripe().move_dispute(dispute["id"].as_str().unwrap(), DisputeStatus::Lost).unwrap();
    let object = json!({ "id": dispute["id"], "object": "dispute", "payment_intent": intent });
    let event = json!({ "id": "evt_1", "type": "charge.dispute.closed", "data": { "object": object } });
    deliver_signed(&app, &event).await.expect(200);
    app.reaches(&id, "refunded").await;
    app.until("access taken away", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_success_in_an_unreadable_event_grants_nothing() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    let event = json!({
        "id": "evt_odd", "type": "payment_intent.succeeded",
        "data": { "object": { "id": intent, "object": "payment_intent", "status": "succeeded" } }
    });
    deliver_signed(&app, &event).await.expect(200);
    app.outbox_is(0, 0).await;
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "paying");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_in_the_dashboard_takes_access_back() {
    let app = TestApp::start().await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    app.sandbox.stripe().refund(&intent, Some(100)).unwrap();
    app.sandbox.stripe().webhooks_settled().await;
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "granted");
    app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&id, "refunded").await;
    app.until("revoked", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_is_told_before_its_payment_counts() {
    let app = TestApp::with(&["--sweep-seconds=600"]).await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().pause_webhooks();
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.sandbox.stripe().refund(&intent, None).unwrap();
    for kind in ["charge.refunded", "payment_intent.succeeded"] {
        let event = app.sandbox.stripe().events().into_iter().find(|event| event["type"] == kind).unwrap();
        let status = app.sandbox.stripe().redeliver(event["id"].as_str().unwrap()).await.unwrap();
        assert_eq!(status, 200);
    }
    app.reaches(&id, "refunded").await;
    app.until("revoked", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
    app.sandbox.stripe().resume_webhooks();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_under_way_is_not_shown_as_done_and_one_that_fails_calls_a_person() {
    let setup = Setup { leaves_work: true, ..Setup::default() };
    let app = TestApp::set_up(setup).await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, "4000000000007726").unwrap();
    app.reaches(&id, "granted").await;
    let refund = app.sandbox.stripe().refund(&intent, None).unwrap();
    app.sandbox.stripe().webhooks_settled().await;
    app.outbox_is(0, 0).await;
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "granted");
    app.sandbox.stripe().settle_refund(refund["id"].as_str().unwrap()).unwrap();
    app.reaches(&id, "refunded").await;

    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, "4000000000005126").unwrap();
    app.reaches(&id, "granted").await;
    let refund = app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&id, "refunded").await;
    app.sandbox.stripe().settle_refund(refund["id"].as_str().unwrap()).unwrap();
    app.reaches(&id, "refunding").await;
    app.outbox_is(0, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_event_about_nothing_is_acknowledged() {
    let app = TestApp::start().await;
    for data in [json!(null), json!({}), json!({ "object": null })] {
        let event = json!({ "id": "evt_1", "type": "ping", "data": data });
        deliver_signed(&app, &event).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_for_a_seat_that_is_gone_goes_back() {
    let setup =
        Setup { flags: vec!["--payment-seconds=1".to_owned()], leaves_work: true, ..Setup::default() };
    let app = TestApp::set_up(setup).await;
    let (late, intent) = app.open_and_press_pay("ru-live", 49000).await;
    app.reaches(&late, "canceled").await;
    let other = app.open("ru-live").await;
    deliver_signed(&app, &paid_after_all(&app, &intent)).await.expect(200);
    let purchase = app.get(&format!("/v1/purchases/{late}")).await.json();
    assert_eq!(purchase["state"], "refunding");
    assert_eq!(app.get("/v1/offerings/ru-live").await.json()["seats"]["left"], 0);
    app.delete(&format!("/v1/purchases/{other}")).await.expect(200);
    assert_eq!(app.get("/v1/offerings/ru-live").await.json()["seats"]["left"], 1);
    app.until("a refund was asked for", |sandbox| {
        let requests = sandbox.stripe().requests();
        requests.iter().any(|request| request.operation == Some(StripeOperation::CreateRefund))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_ran_out_are_paid_at_once_for_one_seat_and_one_has_it() {
    let setup =
        Setup { flags: vec!["--payment-seconds=1".to_owned()], leaves_work: true, ..Setup::default() };
    let app = TestApp::set_up(setup).await;
    let mut late = Vec::new();
    for _ in 0..2 {
        let (id, intent) = app.open_and_press_pay("ru-live", 49000).await;
        app.reaches(&id, "canceled").await;
        late.push((id, paid_after_all(&app, &intent)));
    }
    let (one, two) = tokio::join!(deliver_signed(&app, &late[0].1), deliver_signed(&app, &late[1].1));
    assert_eq!((one.status, two.status), (200, 200));
    let mut states = Vec::new();
    for (id, _) in &late {
        states.push(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"));
    }
    assert_eq!(states.iter().filter(|state| *state == "refunding").count(), 1, "{states:?}");
    app.until("one has access", |sandbox| sandbox.flockjay().active_grants().len() == 1).await;
    assert_eq!(app.get("/v1/offerings/ru-live").await.json()["seats"]["left"], 0);
}

/// An event by which Stripe says that `intent` was paid, although it was cancelled: by another tool, or according to a
/// message that was lost. The sandbox took no money for it, so its refund is escalated to a person.
fn paid_after_all(app: &TestApp, intent: &str) -> Value {
    let mut paid = app.sandbox.stripe().intent(intent).unwrap();
    paid["status"] = json!("succeeded");
    paid["amount_received"] = paid["amount"].clone();
    json!({
        "id": format!("evt_{intent}"), "object": "event", "type": "payment_intent.succeeded", "created": now(),
        "api_version": sandbox::stripe::API_VERSION, "livemode": false, "pending_webhooks": 1,
        "request": null, "data": { "object": paid }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_refused_for_its_time_says_so_in_the_log() {
    let app = TestApp::start().await;
    let body = json!({ "id": "evt_1", "type": "payment_intent.succeeded" }).to_string();
    deliver(&app, &body, &sign("whsec_sandbox", now() - 3600, &body))
        .await
        .expect_problem(400, "bad_signature");
    app.until("a line in the log", |_| logged().contains("more than 300 seconds old")).await;
}
