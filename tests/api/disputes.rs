//! Disputes: the learner's bank demands the money back.
use checkout_tests::{COURSE, SeatStream, TestApp};
use sandbox::stripe::DisputeStatus;
use sandbox::{Misdelivery, WebhookFault};

const GOOD: &str = "4242424242424242";

async fn disputed(app: &TestApp, sku: &str, total: i64) -> (String, String, String) {
    let (id, intent) = app.buy(sku, total).await;
    let dispute = open(app, &intent);
    (id, intent, dispute)
}

fn open(app: &TestApp, intent: &str) -> String {
    app.sandbox.stripe().open_dispute(intent).unwrap()["id"].as_str().unwrap().to_owned()
}

/// The id of the event of type `kind`. Panics if there is none.
fn event(app: &TestApp, kind: &str) -> String {
    let events = app.sandbox.stripe().deliveries();
    events.iter().find(|event| event.event_type == kind).expect("the event").event.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_won_changes_nothing() {
    let app = TestApp::start().await;
    let (id, _, dispute) = disputed(&app, COURSE, 4900).await;
    app.sandbox.stripe().move_dispute(&dispute, DisputeStatus::Won).unwrap();
    app.sandbox.stripe().webhooks_settled().await;
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "granted");
    assert_eq!(app.sandbox.flockjay().active_grants().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_lost_takes_access_and_seat() {
    let app = TestApp::start().await;
    let (id, _, dispute) = disputed(&app, "ru-live", 49000).await;
    let mut seats = SeatStream::open(app.base(), "ru-live").await;
    assert_eq!(seats.next().await["left"], 0);
    app.sandbox.stripe().move_dispute(&dispute, DisputeStatus::UnderReview).unwrap();
    app.sandbox.stripe().webhooks_settled().await;
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "granted", "while it is open");
    app.sandbox.stripe().move_dispute(&dispute, DisputeStatus::Lost).unwrap();
    app.reaches(&id, "refunded").await;
    app.until("access taken away", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
    assert_eq!(seats.next().await["left"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn twice_and_in_the_wrong_order_they_end_the_same() {
    for (status, state) in [(DisputeStatus::Lost, "refunded"), (DisputeStatus::Won, "granted")] {
        let app = TestApp::start().await;
        let (id, intent) = app.buy(COURSE, 4900).await;
        app.sandbox.stripe().webhooks_settled().await;
        app.sandbox.stripe().webhook_fault(WebhookFault::new(Misdelivery::Drop));
        let dispute = open(&app, &intent);
        app.sandbox.stripe().move_dispute(&dispute, status).unwrap();
        app.sandbox.stripe().clear_faults();
        for kind in ["charge.dispute.closed", "charge.dispute.created", "charge.dispute.closed"] {
            assert_eq!(app.sandbox.stripe().redeliver(&event(&app, kind)).await.unwrap(), 200);
        }
        app.reaches(&id, state).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_told_before_its_payment_counts() {
    let app = TestApp::with(&["--sweep-seconds=600"]).await;
    app.sandbox.stripe().never_deliver();
    let (id, intent) = app.open_and_press_pay("ru-live", 49000).await;
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    let dispute = open(&app, &intent);
    app.sandbox.stripe().move_dispute(&dispute, DisputeStatus::Lost).unwrap();
    app.sandbox.stripe().redeliver(&event(&app, "charge.dispute.closed")).await.unwrap();
    app.reaches(&id, "refunded").await;
    app.until("no access", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
    app.open("ru-live").await;
}
