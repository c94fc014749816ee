//! `purchases ledger`: every movement of money, once.
use crate::cli::{reference, run};
use checkout_tests::{COURSE, TestApp};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

fn lines(app: &TestApp, name: &str) -> Vec<Value> {
    run(app, &["purchases", "ledger", name, "--json"]).json().as_array().expect("lines").clone()
}

/// A movement of money: its cause, accounts and amount.
fn moved(lines: &[Value]) -> Vec<(String, String, String, i64)> {
    let text = |line: &Value, field: &str| line[field].as_str().expect("text").to_owned();
    let line = |line: &Value| {
        let amount = line["amount"].as_i64().expect("an amount");
        (text(line, "kind"), text(line, "debit"), text(line, "credit"), amount)
    };
    lines.iter().map(line).collect()
}

fn line(kind: &str, debit: &str, credit: &str, amount: i64) -> (String, String, String, i64) {
    (kind.to_owned(), debit.to_owned(), credit.to_owned(), amount)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_charged_and_went_back_is_in_the_books_once() {
    let app = TestApp::start().await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    let name = reference(&app, &id).await;
    run(&app, &["purchases", "refund", &name, "--amount=900", "--as=ada"]).ok();
    app.until("a part back", |_| moved(&lines(&app, &name)).len() == 2).await;
    run(&app, &["purchases", "refund", &name, "--as=ada"]).ok();
    app.reaches(&id, "refunded").await;
    // A repeated message moves nothing.
    app.sandbox.stripe().webhooks_settled().await;
    app.refresh(&id).await.expect(200);
    let books = lines(&app, &name);
    let wanted = [
        line("charge", "stripe", "sales", 4900),
        line("refund", "sales", "stripe", 900),
        line("refund", "sales", "stripe", 4000),
    ];
    assert_eq!(moved(&books), wanted);
    assert_eq!(books[0]["intent"], intent);
    let (_, other) = app.buy("ru-jp", 4900).await;
    ends_quietly_where_nobody_reads_on(&app);
    let csv = run(&app, &["purchases", "ledger", "--csv"]).ok();
    assert!(csv.starts_with('\u{feff}'), "Excel reads UTF-8 by it: {csv}");
    let rows: Vec<_> = csv.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!((rows.len(), rows[0]), (5, "at,purchase,kind,debit,credit,amount,currency,intent"));
    assert!(rows[4].ends_with(&format!(",charge,stripe,sales,4900,jpy,{other}")), "{csv}");
    let days = run(&app, &["purchases", "ledger", "--by-day", "--json"]).json();
    let sums: Vec<_> =
        days.as_array().unwrap().iter().map(|day| (&day["kind"], &day["currency"], &day["amount"])).collect();
    assert_eq!(
        sums,
        [
            (&json!("charge"), &json!("jpy"), &json!(4900)),
            (&json!("charge"), &json!("usd"), &json!(4900)),
            (&json!("refund"), &json!("usd"), &json!(4900)),
        ]
    );
    assert_eq!(
        run(&app, &["purchases", "ledger", "--since=2999-01-01T00:00:00Z", "--json"]).json(),
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_say_something_else_than_the_purchase_call_a_person() {
    let app = TestApp::start().await;
    let (id, _) = app.buy(COURSE, 4900).await;
    app.execute("UPDATE ledger SET amount = 4800").await;
    let said = run(&app, &["reconcile", "--as=ada", "--json"]).both().0;
    let report: Value = serde_json::from_str(&said).unwrap();
    let found = &report["findings"][0];
    assert_eq!((&found["difference"], &found["mended"]), (&json!("books"), &json!(false)), "{report}");
    assert_eq!(found["reference"], reference(&app, &id).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_agree_with_stripes_balance_to_the_cent_and_know_its_fees() {
    let app = TestApp::start().await;
    let (id, _) = app.buy(COURSE, 4900).await;
    run(&app, &["purchases", "refund", &id, "--amount=900", "--as=ada"]).ok();
    let name = reference(&app, &id).await;
    app.until("a part back", |_| moved(&lines(&app, &name)).len() == 2).await;
    let (disputed, other) = app.buy(COURSE, 4900).await;
    app.sandbox.stripe().webhooks_settled().await;
    app.sandbox.stripe().open_dispute(&other).unwrap();
    let disputed = reference(&app, &disputed).await;
    app.until("a dispute", |_| moved(&lines(&app, &disputed)).len() == 2).await;
    let report = run(&app, &["reconcile", "--as=ada", "--json"]).json();
    assert_eq!((&report["balance_transactions"], &report["findings"]), (&json!(4), &json!([])), "{report}");
    run(&app, &["reconcile", "--as=ada", "--json"]).json();
    let fees: Vec<_> = moved(&lines(&app, &name)).into_iter().filter(|(kind, ..)| kind == "fee").collect();
    assert_eq!(fees, [line("fee", "fees", "stripe", 172)], "once");
    // A difference of one cent is found.
    app.execute("UPDATE ledger SET amount = 4899 WHERE kind = 'dispute_opened'").await;
    let names_it = || {
        let said = run(&app, &["reconcile", "--dry-run", "--json"]).both().0;
        let report: Value = serde_json::from_str(&said).unwrap();
        let mut findings = report["findings"].as_array().unwrap().iter();
        findings.any(|finding| {
            let detail = finding["detail"].as_str().unwrap();
            [&*other, "usd", "4900 disputed", "4899 disputed"].iter().all(|part| detail.contains(part))
        })
    };
    // Reconciling leaves alone what has moved within the last second.
    app.until("the cent", |_| names_it()).await;
}

/// Closes its output early, like `… | head`.
fn ends_quietly_where_nobody_reads_on(app: &TestApp) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redis-checkout"));
    command.args(["purchases", "ledger", "--csv"]).envs(app.for_operators());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
