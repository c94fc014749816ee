//! An account system refuses: operators see it.
use crate::cli::run;
use checkout_tests::{COURSE, Setup, TestApp};
use sandbox::ACCOUNT_SECRET;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_refused_is_asked_again_alone() {
    let app = TestApp::set_up(Setup { tells_accounts: true, ..Setup::default() }).await;
    app.sandbox.accounts().change_secret("whsec_YW5vdGhlci1zZWNyZXQtb2Ytb3Vycw==");
    let (id, _) = app.buy(COURSE, 4900).await;
    app.outbox_is(0, 1).await;
    let shown = run(&app, &["purchases", "show", &id, "--json"]).json();
    assert_eq!(
        (&shown["accounts"][0]["receiver"], &shown["accounts"][0]["state"]),
        (&"sm".into(), &"failed".into())
    );
    let stuck = run(&app, &["outbox", "list", "--json"]).json();
    assert_eq!(stuck[0]["receiver"], "account sm");
    app.sandbox.accounts().change_secret(ACCOUNT_SECRET);
    run(&app, &["outbox", "retry", stuck[0]["id"].as_str().expect("an id"), "--as=ada"]).ok();
    app.until("the message", |sandbox| sandbox.accounts().messages().len() == 1).await;
    app.outbox_is(0, 0).await;
    let shown = run(&app, &["purchases", "show", &id, "--json"]).json();
    assert_eq!(shown["accounts"][0]["state"], "done");
    assert_eq!(app.grant_calls().len(), 1, "and nobody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_gives_back_is_told_though_the_command_knows_no_receiver() {
    let app = TestApp::set_up(Setup { tells_accounts: true, ..Setup::default() }).await;
    let id = app.open("ru-free").await;
    app.press_pay(&id, 0).await.expect(200);
    app.reaches(&id, "granted").await;
    run(&app, &["purchases", "refund", &id, "--as=ada"]).ok();
    app.until("the end of access", |sandbox| {
        sandbox.accounts().messages().iter().any(|message| message.kind == "purchase.revoked")
    })
    .await;
    app.outbox_is(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_receiver_is_told_what_was_bought_before_it_was_there() {
    let mut app = TestApp::start().await;
    let (kept, _) = app.buy(COURSE, 4900).await;
    let (refunded, intent) = app.buy(COURSE, 4900).await;
    app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&refunded, "refunded").await;
    app.until("access taken away", |sandbox| sandbox.flockjay().active_grants().len() == 1).await;
    app.outbox_is(0, 0).await;
    app.open(COURSE).await;
    let sync = ["sync", "--receiver=sm", "--since=2020-01-01T00:00:00Z", "--rate=1000", "--as=ada", "--json"];
    let refused = run(&app, &sync).refused();
    assert!(refused.contains("--receiver") && refused.contains("none"), "{refused}");
    let accounts = format!("--account-webhooks={}", app.sandbox.account_webhook());
    app.restart_with(&[accounts]).await;
    assert_eq!(run(&app, &sync).json(), json!({ "receiver": "sm", "asked": 2, "skipped": 0 }));
    app.until("both messages", |sandbox| sandbox.accounts().messages().len() == 2).await;
    let mut told: Vec<_> =
        app.sandbox.accounts().messages().into_iter().map(|message| message.kind).collect();
    told.sort();
    assert_eq!(told, ["purchase.granted", "purchase.revoked"]);
    for id in [&kept, &refunded] {
        let shown = run(&app, &["purchases", "show", id, "--json"]).json();
        assert_eq!(shown["accounts"][0]["receiver"], "sm");
    }
    // Continues like a sync that was interrupted.
    assert_eq!(run(&app, &sync).json(), json!({ "receiver": "sm", "asked": 0, "skipped": 2 }));
    let again = [&sync[..], &["--again"]].concat();
    assert_eq!(run(&app, &again).json()["asked"], 2);
    app.until("both again", |sandbox| sandbox.accounts().messages().len() == 4).await;
    app.outbox_is(0, 0).await;
}
