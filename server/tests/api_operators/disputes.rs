//! Inquiries and disputes, lost in full or in part, and won: money, access, and what operators may do.
use crate::cli::{reference, run};
use checkout_tests::{COURSE, Setup, TestApp, logged};
use sandbox::stripe::DisputeStatus;
use serde_json::{Value, json};

fn id_of(dispute: &Value) -> String {
    dispute["id"].as_str().expect("an id").to_owned()
}

fn shown(app: &TestApp, id: &str) -> Value {
    run(app, &["purchases", "show", id, "--json"]).json()
}

async fn becomes(app: &TestApp, id: &str, standing: &str) {
    app.until(standing, |_| shown(app, id)["dispute"] == standing).await;
}

/// Movements of the books other than the charge and Stripe's fees, by name, with their amounts.
async fn moved(app: &TestApp, id: &str) -> Vec<(String, i64)> {
    let name = reference(app, id).await;
    let lines = run(app, &["purchases", "ledger", &name, "--json"]).json();
    let line = |line: &Value| {
        let (kind, amount) =
            (line["kind"].as_str().expect("a kind"), line["amount"].as_i64().expect("an amount"));
        (kind.to_owned(), amount)
    };
    let all = lines.as_array().expect("lines").iter().map(line);
    let mut moved: Vec<_> = all.filter(|(kind, _)| kind != "charge" && kind != "fee").collect();
    moved.sort();
    moved
}

fn line(kind: &str, amount: i64) -> (String, i64) {
    (kind.to_owned(), amount)
}

fn finds_nothing(app: &TestApp) {
    assert_eq!(run(app, &["reconcile", "--as=ada", "--json"]).json()["findings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inquiry_takes_nothing_and_forbids_no_refund() {
    let app = TestApp::start().await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    let dispute = id_of(&app.sandbox.stripe().inquire(&intent).unwrap());
    becomes(&app, &id, "open").await;
    assert_eq!(moved(&app, &id).await, []);
    run(&app, &["purchases", "refund", &id, "--amount=900", "--as=ada"]).ok();
    app.until("a part back", |_| shown(&app, &id)["refundable"] == 4000).await;
    // An inquiry that isn't resolved becomes a dispute.
    app.sandbox.stripe().move_dispute(&dispute, DisputeStatus::NeedsResponse).unwrap();
    let refused = || run(&app, &["purchases", "refund", &id, "--amount=1", "--as=ada"]).both();
    app.until("the money withdrawn", |_| shown(&app, &id)["dispute_forbids_refund"] == true).await;
    assert!(refused().1.contains("answer the dispute"));
    app.sandbox.stripe().move_dispute(&dispute, DisputeStatus::Won).unwrap();
    becomes(&app, &id, "won").await;
    finds_nothing(&app);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_prevented_is_what_stripe_says_of_its_money() {
    let app = TestApp::start().await;
    let ((kept, asked), (gone, taken)) = (app.buy(COURSE, 4900).await, app.buy(COURSE, 4900).await);
    let inquiry = id_of(&app.sandbox.stripe().inquire(&asked).unwrap());
    let dispute = id_of(&app.sandbox.stripe().open_dispute(&taken).unwrap());
    for dispute in [&inquiry, &dispute] {
        app.sandbox.stripe().move_dispute(dispute, DisputeStatus::Prevented).unwrap();
    }
    app.reaches(&gone, "refunded").await;
    becomes(&app, &kept, "won").await;
    assert_eq!(app.get(&format!("/v1/purchases/{kept}")).await.text_at("state"), "granted");
    assert_eq!(moved(&app, &kept).await, []);
    finds_nothing(&app);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_lost_is_that_part_and_access_stays() {
    let app = TestApp::set_up(Setup { tells_accounts: true, tells_orb: true, ..Setup::default() }).await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    let dispute = id_of(&app.sandbox.stripe().dispute_part(&intent, 1900).unwrap());
    app.until("it is booked", |_| shown(&app, &id)["dispute"] == "open").await;
    app.sandbox.stripe().move_dispute(&dispute, DisputeStatus::Lost).unwrap();
    becomes(&app, &id, "lost").await;
    let purchase = shown(&app, &id);
    assert_eq!((&purchase["state"], &purchase["refundable"]), (&json!("granted"), &json!(3000)));
    assert_eq!(app.sandbox.flockjay().active_grants().len(), 1);
    assert_eq!(moved(&app, &id).await, [line("dispute_lost", 1900), line("dispute_opened", 1900)]);
    let told = |sandbox: &sandbox::Sandbox| {
        let messages = sandbox.accounts().messages();
        messages.iter().any(|message| message.kind == "purchase.refunded" && message.data["disputed"] == 1900)
    };
    app.until("receivers are told", told).await;
    app.outbox_is(0, 0).await;
    finds_nothing(&app);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_lost_ends_access_where_a_setting_says_so() {
    let app = TestApp::with(&["--dispute-partial-access=revoke"]).await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    let dispute = id_of(&app.sandbox.stripe().dispute_part(&intent, 1900).unwrap());
    app.sandbox.stripe().move_dispute(&dispute, DisputeStatus::Lost).unwrap();
    app.reaches(&id, "refunded").await;
    app.until("access taken away", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
    assert_eq!(shown(&app, &id)["refundable"], 3000);
    finds_nothing(&app);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_lost_and_is_won_after_all_calls_a_person() {
    let app = TestApp::set_up(Setup { leaves_work: true, ..Setup::default() }).await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    let dispute = id_of(&app.sandbox.stripe().open_dispute(&intent).unwrap());
    app.sandbox.stripe().move_dispute(&dispute, DisputeStatus::Lost).unwrap();
    app.reaches(&id, "refunded").await;
    app.until("access taken away", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
    app.outbox_is(0, 0).await;
    app.sandbox.stripe().move_dispute(&dispute, DisputeStatus::Won).unwrap();
    app.outbox_is(0, 1).await;
    let listed = run(&app, &["outbox", "list"]).ok();
    assert!(listed.contains("won after all"), "{listed}");
    assert_eq!(
        moved(&app, &id).await,
        [
            line("dispute_lost", 4900),
            line("dispute_opened", 4900),
            line("dispute_regained", 4900),
            line("dispute_won", 4900)
        ]
    );
    finds_nothing(&app);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_the_open_ones_forbid_refunds_and_the_lost_ones_count() {
    let app = TestApp::start().await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    let stripe = app.sandbox.stripe();
    let first = id_of(&stripe.dispute_part(&intent, 1900).unwrap());
    stripe.move_dispute(&first, DisputeStatus::Lost).unwrap();
    becomes(&app, &id, "lost").await;
    let second = id_of(&stripe.dispute_part(&intent, 3000).unwrap());
    becomes(&app, &id, "open").await;
    let purchase = shown(&app, &id);
    assert_eq!((&purchase["state"], &purchase["disputed"]), (&json!("granted"), &json!(1900)));
    assert!(run(&app, &["purchases", "refund", &id, "--as=ada"]).refused().contains("answer the dispute"));
    stripe.move_dispute(&second, DisputeStatus::Won).unwrap();
    becomes(&app, &id, "lost").await;
    let purchase = shown(&app, &id);
    assert_eq!((&purchase["state"], &purchase["refundable"]), (&json!("granted"), &json!(3000)));
    finds_nothing(&app);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_after_an_inquiry_that_came_to_nothing_is_one() {
    let app = TestApp::start().await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    let inquiry = id_of(&app.sandbox.stripe().inquire(&intent).unwrap());
    app.sandbox.stripe().move_dispute(&inquiry, DisputeStatus::WarningClosed).unwrap();
    becomes(&app, &id, "won").await;
    let dispute = id_of(&app.sandbox.stripe().open_dispute(&intent).unwrap());
    becomes(&app, &id, "open").await;
    assert_eq!(moved(&app, &id).await, [line("dispute_opened", 4900)]);
    assert!(run(&app, &["purchases", "refund", &id, "--as=ada"]).refused().contains("answer the dispute"));
    app.sandbox.stripe().move_dispute(&dispute, DisputeStatus::Lost).unwrap();
    app.reaches(&id, "refunded").await;
    finds_nothing(&app);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_fraud_warning_is_kept_and_shown_and_calls_a_person() {
    let app = TestApp::start().await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    app.sandbox.stripe().warn_of_fraud(&intent);
    app.until("kept", |_| shown(&app, &id)["audit"][0]["act"] == "early fraud warning").await;
    let kept = shown(&app, &id)["audit"][0].clone();
    assert_eq!((&kept["who"], &kept["detail"]), (&json!("Stripe"), &json!("unauthorized_use_of_card")));
    assert!(logged().contains("Stripe sent an early fraud warning"));
    assert_eq!(shown(&app, &id)["state"], "granted", "it is a warning");
}
