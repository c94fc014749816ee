//! While a later release replaces this one, both share the purchases.
use checkout_tests::{COURSE, Setup, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_release_has_added_survives_what_this_one_writes() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    // As a later release would store it.
    app.rewrite_purchase(&id, |text| {
        let text = text.replacen('{', r#"{"of_later":{"seats":["a"]},"#, 1);
        text.replacen(r#""learner":{"#, r#""learner":{"pronoun_of_later":"they","#, 1)
    })
    .await;
    app.sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
    app.reaches(&id, "granted").await;
    for text in [r#""of_later":{"seats":["a"]}"#, r#""pronoun_of_later":"they""#] {
        assert_eq!(app.columns_with(text).await, ["purchases.body"], "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_later_release_may_change_is_left_to_it_and_holds_nothing_up() {
    let setup = Setup { flags: vec!["--hold-seconds=1".to_owned()], leaves_work: true, ..Setup::default() };
    let app = TestApp::set_up(setup).await;
    let later = app.open(COURSE).await;
    app.rewrite_purchase(&later, |text| text.replace(r#""least_writer":1"#, r#""least_writer":2"#)).await;
    app.press_pay(&later, 4900).await.expect_problem(503, "unavailable");
    app.send(app.request(reqwest::Method::DELETE, &format!("/v1/purchases/{later}"))).await.expect(503);
    // The sweep skips it.
    let other = app.open(COURSE).await;
    app.reaches(&other, "expired").await;
    assert_eq!(app.get(&format!("/v1/purchases/{later}")).await.text_at("state"), "held");
}
