//! Orb shows something other than what was paid: operators see it.
use crate::cli::run;
use checkout_tests::{COURSE, Setup, TestApp, logged};
use serde_json::json;

/// The customer that Ada's trainings in dollars are billed to.
const TRAININGS: &str = "redis-university:usd:ada@example.com";

async fn app() -> TestApp {
    TestApp::set_up(Setup { tells_orb: true, leaves_work: true, ..Setup::default() }).await
}

/// Retries the stuck command.
fn retry(app: &TestApp) {
    let stuck = run(app, &["outbox", "list", "--json"]).json();
    run(app, &["outbox", "retry", stuck[0]["id"].as_str().expect("an id"), "--as=ada"]).ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_that_is_not_what_was_paid_calls_a_person() {
    let app = app().await;
    let orb = app.sandbox.orb();
    let statuses = || orb.invoices().iter().map(|invoice| invoice["status"].clone()).collect::<Vec<_>>();
    orb.tax(10);
    app.buy(COURSE, 4900).await;
    app.outbox_is(0, 1).await;
    assert_eq!((&orb.invoices()[0]["total"], statuses()), (&json!("53.90"), vec![json!("draft")]));
    let told = logged();
    assert!(told.contains("totals 53.90 USD, but 49.00 USD was paid"), "{told}");
    // Follow the error's advice.
    orb.tax(0);
    retry(&app);
    app.outbox_is(0, 0).await;
    assert_eq!(statuses(), ["paid"]);
    orb.tax_when_issued(10);
    app.buy(COURSE, 4900).await;
    app.outbox_is(0, 1).await;
    assert_eq!(statuses(), ["paid", "issued"]);
    orb.void(orb.invoices()[1]["id"].as_str().unwrap());
    orb.tax_when_issued(0);
    retry(&app);
    app.outbox_is(0, 0).await;
    assert_eq!(statuses(), ["paid", "void", "paid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_are_what_is_paid_whoever_adds_taxes_in_orb() {
    let mut app = app().await;
    app.sandbox.orb().tax(10);
    app.restart_with(&["--orb-tax-provider=avalara".to_owned()]).await;
    app.buy(COURSE, 4900).await;
    app.outbox_is(0, 0).await;
    assert_eq!(app.sandbox.orb().invoices()[0]["total"], "49.00");
    let taxes = &app.sandbox.orb().customers()[0]["tax_configuration"];
    assert_eq!((&taxes["tax_provider"], &taxes["tax_exempt"]), (&json!("avalara"), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_that_somebody_made_by_hand_is_not_spent() {
    let app = app().await;
    app.buy(COURSE, 4900).await;
    app.outbox_is(0, 0).await;
    for (direction, back) in [("increment", "decrement"), ("decrement", "increment")] {
        app.sandbox.orb().adjust(TRAININGS, direction, "5.00");
        app.buy(COURSE, 4900).await;
        app.outbox_is(0, 1).await;
        let drafts = |sandbox: &sandbox::Sandbox| {
            sandbox.orb().invoices().iter().filter(|invoice| invoice["status"] == "draft").count()
        };
        assert_eq!(drafts(&app.sandbox), 1);
        assert!(logged().contains("5.00, which Orb would apply"));
        app.sandbox.orb().adjust(TRAININGS, back, "5.00");
        retry(&app);
        app.outbox_is(0, 0).await;
        assert_eq!(drafts(&app.sandbox), 0);
    }
    assert!(app.sandbox.orb().invoices().iter().all(|invoice| invoice["amount_due"] == "49.00"));
}
