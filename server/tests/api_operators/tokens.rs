//! `tokens`: made, shown once, limited to their scopes, and revoked.
use crate::cli::run;
use checkout_tests::{Answer, COURSE, TestApp};
use reqwest::Method;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_do_what_it_was_made_for_until_it_is_revoked() {
    let app = TestApp::start().await;
    let made = run(&app, &["tokens", "create", "crm", "--scope=learners", "--scope=funnel", "--as=ada"]).ok();
    let token = made.trim();
    assert!(token.len() > 60 && token.starts_with("st_"), "{token}");
    let learners = "/v1/learners/purchases?email=ada@example.com";
    ask(&app, learners, token).await.expect(200);
    ask(&app, "/v1/funnel", token).await.expect(200);
    let refused = ask(&app, "/v1/purchases", token).await.expect_problem(403, "forbidden");
    assert!(refused.text_at("detail").contains("scope feed"), "{refused:?}");
    let listed = run(&app, &["tokens", "list", "--json"]).ok();
    assert!(listed.contains("\"crm\"") && !listed.contains(token), "shown once: {listed}");
    run(&app, &["tokens", "revoke", "crm", "--as=ada"]).ok();
    ask(&app, learners, token).await.expect_problem(401, "unauthorized");
    assert!(run(&app, &["tokens", "revoke", "crm", "--as=ada"]).refused().contains("tokens list"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_named_before_a_token_is_made() {
    let app = TestApp::start().await;
    run(&app, &["tokens", "create", "crm", "--scope=feed", "--as=ada"]).ok();
    for (arguments, said) in [
        (&["crm", "--scope=feed", "--as=ada"][..], "another name"),
        (&["erp", "--scope=all", "--as=ada"], "--scope"),
        (&[" ", "--scope=feed", "--as=ada"], "NAME"),
        (&["erp", "--scope=feed"], "--as"),
    ] {
        let refusal = run(&app, &[&["tokens", "create"], arguments].concat()).refused();
        assert!(refusal.contains(said), "{arguments:?}: {refusal}");
    }
    assert!(!run(&app, &["tokens", "list"]).ok().contains("erp"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_purchases_can_be_taken_along_as_csv_and_as_json() {
    let app = TestApp::start().await;
    let (bought, _) = app.buy(COURSE, 4900).await;
    app.open(COURSE).await;
    let csv = run(&app, &["purchases", "export"]).ok();
    let sold: Vec<_> = csv.lines().filter(|line| line.contains(",granted,ru-course,")).collect();
    assert_eq!((csv.lines().count(), sold.len()), (3, 1), "{csv}");
    assert!(sold[0].contains(",ada@example.com,Ada,,,usd,4900,4900,0,"), "{csv}");
    let json = run(&app, &["purchases", "export", "--json", "--since=2020-01-01T00:00:00Z"]).json();
    assert_eq!((json.as_array().map(Vec::len), &json[1]["state"]), (Some(2), &serde_json::json!("held")));
    assert!(!csv.contains(&bought) && json[0]["id"].is_null(), "an id opens the purchase");
    assert_eq!(
        run(&app, &["purchases", "export", "--json", "--since=2999-01-01T00:00:00Z"]).json(),
        serde_json::json!([])
    );
    assert!(run(&app, &["purchases", "export", "--since=soon"]).refused().contains("--since"));
}

async fn ask(app: &TestApp, path: &str, token: &str) -> Answer {
    app.send(app.request(Method::GET, path).bearer_auth(token)).await
}
