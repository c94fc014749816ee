//! FlockJay at its worst: every paid purchase is granted once, or stays visible.
use checkout_tests::{COURSE, SeatStream, Setup, TestApp, logged};
use sandbox::{ErrorBody, FlockJayFault, FlockJayOperation, Misbehaviour};
use serde_json::json;

async fn pay(app: &TestApp) -> String {
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
    id
}

/// Pays while FlockJay misbehaves for a while. Asserts one grant in the end.
async fn survives(misbehaviour: Misbehaviour, times: u32) {
    let app = TestApp::start().await;
    app.sandbox.flockjay().fault(FlockJayFault::new(misbehaviour).on(FlockJayOperation::Grant).times(times));
    let id = pay(&app).await;
    app.reaches(&id, "granted").await;
    assert_eq!(app.sandbox.flockjay().active_grants().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fails_nine_times_then_works() {
    survives(Misbehaviour::error_before(500), 9).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_without_a_body_and_html_in_place_of_json() {
    let empty =
        Misbehaviour::Status { status: 502, body: ErrorBody::Empty, retry_after: None, after_work: false };
    survives(empty, 2).await;
    survives(Misbehaviour::Garbage, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_call_and_the_record_counts_as_granted() {
    survives(Misbehaviour::Close { after_work: true }, 1).await;
    survives(Misbehaviour::Hang { after_work: true }, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_honoured() {
    let app = TestApp::start().await;
    let throttled = FlockJayFault::new(Misbehaviour::throttled(2)).on(FlockJayOperation::Grant);
    app.sandbox.flockjay().fault(throttled.times(1));
    let start = std::time::Instant::now();
    let id = pay(&app).await;
    app.reaches(&id, "granted").await;
    assert!(start.elapsed() >= std::time::Duration::from_secs(2), "the longest wait of our own is 1 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_of_a_thousand_years_is_cut() {
    // Two seconds and a bit, in hours.
    let app = TestApp::with(&["--retry-hours=0.0006"]).await;
    let throttled = FlockJayFault::new(Misbehaviour::throttled(31_536_000_000)).on(FlockJayOperation::Grant);
    app.sandbox.flockjay().fault(throttled.times(1));
    let id = pay(&app).await;
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flockjay_that_hangs_holds_up_nothing_at_stripe() {
    let app = TestApp::with(&["--flockjay-timeout-ms=4000"]).await;
    app.sandbox.flockjay().fault(FlockJayFault::new(Misbehaviour::Hang { after_work: false }).times(40));
    let mut paid = Vec::new();
    for _ in 0..20 {
        paid.push(pay(&app).await);
    }
    let (id, _) = app.open_and_press_pay(COURSE, 4900).await;
    let start = std::time::Instant::now();
    assert_eq!(app.delete(&format!("/v1/purchases/{id}")).await.expect(200).text_at("state"), "canceled");
    assert!(start.elapsed() < std::time::Duration::from_secs(3), "{:?}", start.elapsed());
    app.sandbox.flockjay().clear_faults();
    for id in paid {
        app.reaches(&id, "granted").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_resource_stays_visible_and_needs_a_person() {
    let app = TestApp::set_up(Setup { leaves_work: true, ..Setup::default() }).await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.flockjay().remove_resource("course", "101");
    app.sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
    app.outbox_is(0, 1).await;
    let purchase = app.get(&format!("/v1/purchases/{id}")).await.json();
    assert_eq!((&purchase["state"], &purchase["timeline"][1]["state"]), (&"paid".into(), &"failed".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paid_and_in_the_catalogue_no_more_calls_a_person_at_once_and_waits() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay("ru-jp", 4900).await;
    app.change_catalog(|text| text.replace("sku = \"ru-jp\"", "sku = \"ru-gone\"")).await;
    app.sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
    let is_alert =
        |line: &str| line.contains("\"alert\":true") && line.contains("ru-jp is not in the catalogue");
    app.until("an alert", |_| logged().lines().any(is_alert)).await;
    app.change_catalog(|text| text.replace("sku = \"ru-gone\"", "sku = \"ru-jp\"")).await;
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_flockjay_does_not_have_is_not_sold_until_it_does() {
    let mut app = TestApp::start().await;
    app.stop().await;
    app.sandbox.flockjay().remove_resource("lab", "7");
    app.start_app().await;
    let mut seats = SeatStream::open(app.base(), "ru-free").await;
    assert_eq!(seats.next().await["sale"], "paused", "from the first moment");
    assert!(logged().contains("FlockJay has no lab 7"), "an alert");
    app.post("/v1/purchases", &json!({ "sku": "ru-free" })).await.expect_problem(409, "sale_paused");
    assert_eq!(app.get("/v1/offerings/ru-free").await.text_at("sale"), "paused");
    assert_eq!(app.get("/v1/offerings/ru-course").await.text_at("sale"), "open", "only that one");
    app.sandbox.flockjay().add_resource("lab", "7");
    assert_eq!(seats.next().await["sale"], "open");
    app.open("ru-free").await;
    app.sandbox.flockjay().remove_resource("lab", "8");
    app.change_catalog(|text| text.replace("id = \"7\"", "id = \"8\"")).await;
    app.post("/v1/purchases", &json!({ "sku": "ru-free" })).await.expect_problem(409, "sale_paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn flockjay_that_is_silent_stops_no_sale() {
    let mut app = TestApp::start().await;
    app.stop().await;
    app.sandbox.flockjay().fault(FlockJayFault::new(Misbehaviour::Hang { after_work: false }));
    app.start_app().await;
    let id = pay(&app).await;
    app.sandbox.flockjay().clear_faults();
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offering_whose_grants_are_refused_again_and_again_is_not_sold() {
    let app = TestApp::set_up(Setup { leaves_work: true, ..Setup::default() }).await;
    let mut seats = SeatStream::open(app.base(), COURSE).await;
    assert_eq!(seats.next().await["sale"], "open");
    let refusal = FlockJayFault::new(Misbehaviour::error_before(422)).on(FlockJayOperation::Grant);
    app.sandbox.flockjay().fault(refusal);
    for _ in 0..3 {
        pay(&app).await;
    }
    assert_eq!(seats.next().await["sale"], "paused");
    app.post("/v1/purchases", &json!({ "sku": COURSE })).await.expect_problem(409, "sale_paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_that_are_used_up_need_a_person_and_are_not_dropped() {
    // A second and a bit, in hours.
    let setup =
        Setup { flags: vec!["--retry-hours=0.0003".to_owned()], leaves_work: true, ..Setup::default() };
    let app = TestApp::set_up(setup).await;
    app.sandbox.flockjay().fault(FlockJayFault::new(Misbehaviour::Down).on(FlockJayOperation::Grant));
    let id = pay(&app).await;
    app.outbox_is(0, 1).await;
    assert!(app.grant_calls().len() > 3, "it was tried for a second, beginning with 20 ms");
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_carries_out_what_was_left() {
    let mut app = TestApp::start().await;
    app.sandbox.flockjay().fault(FlockJayFault::new(Misbehaviour::Down));
    let id = pay(&app).await;
    app.reaches(&id, "paid").await;
    app.outbox_is(1, 0).await;
    app.stop().await;
    app.sandbox.flockjay().clear_faults();
    app.start_app().await;
    app.reaches(&id, "granted").await;
    assert_eq!(app.sandbox.flockjay().active_grants().len(), 1);
}
