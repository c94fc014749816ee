//! An account system that refuses, as operators see it.
use crate::cli::run;
use checkout_tests::{COURSE, Setup, TestApp};
use sandbox::ACCOUNT_SECRET;

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
