//! `reconcile`, as a command and as a job of the server.
use crate::cli::{Said, reference, run};
use checkout_tests::{COURSE, Setup, TestApp};
use sandbox::stripe::DisputeStatus;
use sandbox::{FlockJayFault, Misbehaviour, Options, Sandbox, StripeFault, StripeOperation};
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection};
use std::time::Duration;

const GOOD: &str = "4242424242424242";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_differs_after_an_ordinary_day() {
    let app = TestApp::start().await;
    app.buy(COURSE, 4900).await;
    app.open("ru-live").await;
    app.open_and_press_pay(COURSE, 4900).await;
    let report = run(&app, &["reconcile", "--as=ada", "--json"]).json();
    assert_eq!(
        (&report["payment_intents"], &report["purchases"], &report["findings"]),
        (&json!(2), &json!(3), &json!([]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_nobody_heard_of_is_granted() {
    let app = TestApp::with(&["--sweep-seconds=600"]).await;
    app.sandbox.stripe().never_deliver();
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    let dry = run(&app, &["reconcile", "--dry-run"]).refused();
    assert!(dry.contains("1 difference"), "{dry}");
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "paying", "a dry run");
    assert!(run(&app, &["reconcile"]).refused().contains("--as"));
    let found = only_finding(run(&app, &["reconcile", "--as=ada", "--json"]));
    assert_eq!((&found["difference"], &found["mended"]), (&json!("payment"), &json!(true)));
    assert_eq!(found["reference"], reference(&app, &id).await);
    app.reaches(&id, "granted").await;
    let audit = run(&app, &["purchases", "show", &id, "--json"]).json()["audit"].clone();
    assert_eq!((&audit[0]["who"], &audit[0]["act"]), (&json!("ada"), &json!("reconcile")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_arrives_while_the_others_are_compared_is_no_difference() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.buy(COURSE, 4900).await;
    app.sandbox.stripe().webhooks_settled().await;
    let refunds = StripeOperation::ListRefunds;
    let slow = StripeFault::new(Misbehaviour::Delay { ms: 3000 }).on(refunds).times(1);
    app.sandbox.stripe().fault(slow);
    let meanwhile = async {
        let asked = |sandbox: &Sandbox| {
            sandbox.stripe().requests().iter().any(|request| request.operation == Some(refunds))
        };
        app.until("the newer of the two is compared", asked).await;
        app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
        app.reaches(&id, "granted").await;
    };
    let said = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let comparison = scope.spawn(|| run(&app, &["reconcile", "--as=ada", "--json"]));
            tokio::runtime::Handle::current().block_on(meanwhile);
            comparison.join().unwrap()
        })
    });
    assert_eq!(said.json()["findings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daily_job_finds_a_refund_that_nobody_heard_of() {
    let app = TestApp::with(&["--reconcile-seconds=1"]).await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    app.sandbox.stripe().webhooks_settled().await;
    app.sandbox.stripe().never_deliver();
    app.sandbox.stripe().refund(&intent, Some(900)).unwrap();
    let left = || run(&app, &["purchases", "show", &id, "--json"]).json()["refundable"].clone();
    app.until("the part on the record", |_| left() == 4000).await;
    app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&id, "refunded").await;
    app.until("access taken away", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_dispute_that_nobody_heard_of_is_found() {
    let app = TestApp::start().await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    app.sandbox.stripe().webhooks_settled().await;
    app.sandbox.stripe().never_deliver();
    let dispute = app.sandbox.stripe().open_dispute(&intent).unwrap()["id"].as_str().unwrap().to_owned();
    run(&app, &["reconcile", "--as=ada"]).ok();
    assert_eq!(run(&app, &["purchases", "show", &id, "--json"]).json()["dispute"], "open");
    app.sandbox.stripe().move_dispute(&dispute, DisputeStatus::Lost).unwrap();
    run(&app, &["reconcile", "--as=ada"]).ok();
    app.reaches(&id, "refunded").await;
    let events = app.sandbox.stripe().deliveries();
    let opening = events.iter().find(|event| event.event_type == "charge.dispute.created").unwrap();
    app.sandbox.stripe().redeliver(&opening.event).await.unwrap();
    let dispute = run(&app, &["purchases", "show", &id, "--json"]).json()["dispute"].clone();
    assert_eq!(dispute, "lost", "what is decided stays decided");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_instances_reconciles_for_both() {
    let mut app = TestApp::with(&["--reconcile-seconds=2"]).await;
    app.start_another().await;
    let runs = |sandbox: &Sandbox| {
        let requests = sandbox.stripe().requests().into_iter();
        let lists = requests.filter(|request| request.operation == Some(StripeOperation::ListIntents));
        lists.map(|request| request.received).collect::<Vec<_>>()
    };
    app.until("three runs", |sandbox| runs(sandbox).len() >= 3).await;
    let runs = runs(&app.sandbox);
    let apart = runs[2] - runs[0];
    assert!(apart > Duration::from_secs(3), "three runs of one are 4 s apart, of two 2 s: {apart:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_that_flockjay_lost_is_given_again_and_what_was_given_back_is_taken() {
    let app = TestApp::start().await;
    let ((kept, _), (returned, _)) = (app.buy(COURSE, 4900).await, app.buy(COURSE, 4900).await);
    run(&app, &["purchases", "refund", &returned, "--as=ada"]).ok();
    app.reaches(&returned, "refunded").await;
    app.until("access taken away", |sandbox| sandbox.flockjay().active_grants().len() == 1).await;
    app.outbox_is(0, 0).await;
    at_flockjay(&app, reqwest::Method::DELETE, &kept).await;
    at_flockjay(&app, reqwest::Method::PUT, &returned).await;
    let report = run(&app, &["reconcile", "--as=ada", "--json"]).json();
    let mended = |difference: &str| {
        let findings = report["findings"].as_array().unwrap();
        findings.iter().any(|found| found["difference"] == difference && found["mended"] == true)
    };
    assert!(mended("grant") && mended("revocation"), "{report}");
    let grants = app.sandbox.flockjay().grants();
    assert!(!grants[&kept].revoked && grants[&returned].revoked);
    assert_eq!(run(&app, &["reconcile", "--as=ada", "--json"]).json()["findings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn access_that_was_forgotten_or_refused_is_found() {
    let app = TestApp::set_up(Setup { leaves_work: true, ..Setup::default() }).await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.flockjay().remove_resource("course", "101");
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.outbox_is(0, 1).await;
    let said = run(&app, &["reconcile", "--as=ada"]);
    assert!(said.refused().contains("1 difference"));
    app.sandbox.flockjay().add_resource("course", "101");
    change(&app, "DELETE FROM outbox WHERE receiver = 'flockjay'").await;
    let found = only_finding(run(&app, &["reconcile", "--as=ada", "--json"]));
    assert_eq!((&found["difference"], &found["mended"]), (&json!("grant"), &json!(true)));
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_person_can_mend_fails_and_is_named() {
    let app = TestApp::start().await;
    app.buy(COURSE, 4900).await;
    change(&app, r#"UPDATE purchases SET body = replace(body, '"charged":4900', '"charged":4800')"#).await;
    assert_eq!(open_finding(&app, &[])["difference"], "amount");
    change(&app, r#"UPDATE purchases SET body = replace(body, '"charged":4800', '"charged":4900')"#).await;
    let another = Sandbox::start(Options::default()).await.unwrap();
    let elsewhere = format!("--stripe-api-url={}", another.stripe_url());
    assert_eq!(open_finding(&app, &[&elsewhere])["difference"], "not_there");
    change(&app, "UPDATE purchases SET reference = 'RU-0000-0000'").await;
    let found = open_finding(&app, &[]);
    assert_eq!(found["difference"], "not_here");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_to_what_is_sold_no_more_is_named_since_flockjay_can_not_be_asked() {
    let app = TestApp::start().await;
    app.buy(COURSE, 4900).await;
    app.change_catalog(|text| text.replace("sku = \"ru-course\"", "sku = \"ru-other\"")).await;
    let found = open_finding(&app, &[]);
    assert_eq!(found["difference"], "grant");
    assert!(found["detail"].as_str().unwrap().contains(COURSE), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_failed_after_all_and_was_told_to_nobody_is_found() {
    let app = TestApp::set_up(Setup { leaves_work: true, ..Setup::default() }).await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, "4000000000005126").unwrap();
    app.reaches(&id, "granted").await;
    let refund = app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&id, "refunded").await;
    app.sandbox.stripe().webhooks_settled().await;
    app.outbox_is(0, 0).await;
    app.sandbox.stripe().never_deliver();
    app.sandbox.stripe().settle_refund(refund["id"].as_str().unwrap()).unwrap();
    let found = only_finding(run(&app, &["reconcile", "--as=ada", "--json"]));
    assert_eq!((&found["difference"], &found["mended"]), (&json!("payment"), &json!(true)));
    app.reaches(&id, "refunding").await;
    app.outbox_is(0, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flockjay_away_is_said_and_nothing_is_called_different() {
    let app = TestApp::start().await;
    app.buy(COURSE, 4900).await;
    app.sandbox.flockjay().fault(FlockJayFault::new(sandbox::Misbehaviour::Down));
    let said = run(&app, &["reconcile", "--as=ada"]).refused();
    assert!(said.contains("FlockJay answered 503") && said.contains("run it again"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_away_is_said_and_nothing_is_called_different() {
    let app = TestApp::start().await;
    app.sandbox.stripe().fault(StripeFault::new(sandbox::Misbehaviour::Down));
    let said = run(&app, &["reconcile", "--as=ada"]).refused();
    assert!(said.contains("Stripe answered 503") && said.contains("run it again"), "{said}");
    app.sandbox.stripe().clear_faults();
    run(&app, &["reconcile", "--as=ada"]).ok();
}

fn only_finding(said: Said) -> Value {
    let report = said.json();
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(1), "{report}");
    report["findings"][0].clone()
}

/// The one difference that needs attention.
fn open_finding(app: &TestApp, more: &[&str]) -> Value {
    let mut arguments = vec!["reconcile", "--as=ada", "--json"];
    arguments.extend(more);
    let (report, error) = run(app, &arguments).both();
    assert!(error.contains("1 difference"), "{error}");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["findings"][0]["mended"], false, "{report}");
    report["findings"][0].clone()
}

/// Changes a grant directly at FlockJay.
async fn at_flockjay(app: &TestApp, method: reqwest::Method, id: &str) {
    let address = format!("{}/grants/{id}", app.sandbox.flockjay_url());
    let body = json!({
        "learner": { "email": "ada@example.com", "name": "Ada", "external_id": null },
        "resource": { "kind": "course", "id": "101" }, "reference": "RU-TEST"
    });
    let request =
        reqwest::Client::new().request(method, address).header("authorization", "Token sandbox-token");
    let answer = request.json(&body).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
}

/// Changes the database by hand.
async fn change(app: &TestApp, statement: &'static str) {
    let settings = app.for_operators();
    let (_, url) = settings.iter().find(|(name, _)| name == "DATABASE_URL").expect("a database");
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.expect("the database");
    sqlx::query(statement).execute(&mut connection).await.expect("a change");
    connection.close().await.expect("a farewell");
}
