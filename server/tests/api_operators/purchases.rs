//! `purchases`, `outbox` and `seats`.
use crate::cli::{reference, run};
use checkout_tests::{Setup, TestApp};
use sandbox::{FlockJayFault, Misbehaviour, Sandbox, StripeFault, StripeOperation};

/// How often Stripe has answered the creation of a refund with `status`.
fn refunds_answered(sandbox: &Sandbox, status: u16) -> usize {
    let requests = sandbox.stripe().requests();
    let answered = requests.iter().filter(|request| {
        request.operation == Some(StripeOperation::CreateRefund) && request.status == Some(status)
    });
    answered.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_refund_takes_access_away_and_frees_the_seat() {
    let app = TestApp::start().await;
    let (id, _) = app.buy("ru-live", 49000).await;
    let reference = reference(&app, &id).await;
    let refunded =
        run(&app, &["purchases", "refund", &reference, "--as=ada", "--reason=fell ill", "--json"]).json();
    assert_eq!(refunded["state"], "refunding");
    app.reaches(&id, "refunded").await;
    app.until("access taken away", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
    assert_eq!(run(&app, &["seats", "--json"]).json()[0]["left"], 1);
    let shown = run(&app, &["purchases", "show", &reference.to_lowercase(), "--json"]).json();
    assert_eq!((&shown["state"], &shown["audit"][0]["who"]), (&"refunded".into(), &"ada".into()));
    assert_eq!(shown["audit"][0]["detail"], "all that is left: fell ill");
    assert!(run(&app, &["purchases", "refund", &reference, "--as=ada"]).refused().contains("already"));
    assert_eq!(run(&app, &["purchases", "show", &id, "--json"]).json()["audit"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_refund_leaves_access_and_what_is_left_can_be_refunded() {
    let app = TestApp::start().await;
    let (id, _) = app.buy("ru-course", 4900).await;
    run(&app, &["purchases", "refund", &id, "--amount=900", "--as=ada"]).ok();
    app.outbox_is(0, 0).await;
    let left = || run(&app, &["purchases", "show", &id, "--json"]).json()["refundable"].clone();
    app.until("the refund on the record", |_| left() == 4000).await;
    app.reaches(&id, "granted").await;
    let refusal = run(&app, &["purchases", "refund", &id, "--amount=4001", "--as=ada"]).refused();
    assert!(refusal.contains("--amount") && refusal.contains("$40.00"), "{refusal}");
    for wrong in ["0", "-1"] {
        let refused = run(&app, &["purchases", "refund", &id, "--amount", wrong, "--as=ada"]).refused();
        assert!(refused.contains("--amount: $40.00 is left"), "{refused}");
    }
    run(&app, &["purchases", "refund", &id, "--as=ada"]).ok();
    app.reaches(&id, "refunded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_under_way_never_add_up_to_more_than_was_paid() {
    let app = TestApp::start().await;
    let (id, _) = app.buy("ru-course", 4900).await;
    app.sandbox.stripe().fault(StripeFault::new(Misbehaviour::Down).on(StripeOperation::CreateRefund));
    run(&app, &["purchases", "refund", &id, "--amount=3000", "--as=ada"]).ok();
    let refusal = run(&app, &["purchases", "refund", &id, "--amount=3000", "--as=ada"]).refused();
    assert!(refusal.contains("$19.00 is left"), "{refusal}");
    run(&app, &["purchases", "refund", &id, "--as=ada"]).ok();
    app.sandbox.stripe().clear_faults();
    app.reaches(&id, "refunded").await;
    assert_eq!(app.sandbox.stripe().refunds().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_not_shown_as_done_while_stripe_is_down() {
    let app = TestApp::start().await;
    let (id, _) = app.buy("ru-course", 4900).await;
    app.sandbox.stripe().fault(StripeFault::new(Misbehaviour::Down).on(StripeOperation::CreateRefund));
    run(&app, &["purchases", "refund", &id, "--as=ada"]).ok();
    app.until("a try", |sandbox| refunds_answered(sandbox, 503) >= 1).await;
    app.reaches(&id, "refunding").await;
    app.sandbox.stripe().clear_faults();
    app.reaches(&id, "refunded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_whose_answers_are_lost_for_longer_than_stripe_keeps_keys_goes_back_once() {
    let app = TestApp::start().await;
    let (id, _) = app.buy("ru-course", 4900).await;
    let lost = StripeFault::new(Misbehaviour::Close { after_work: true });
    app.sandbox.stripe().fault(lost.on(StripeOperation::CreateRefund).times(1));
    let busy = StripeFault::new(Misbehaviour::throttled(1));
    app.sandbox.stripe().fault(busy.on(StripeOperation::CreateRefund));
    run(&app, &["purchases", "refund", &id, "--amount=900", "--as=ada"]).ok();
    // Wait for the call whose answer is lost, and for both retries with the same key: a call still in flight when the
    // key is forgotten would not be a retry that comes a day later.
    app.until("three calls in vain", |sandbox| refunds_answered(sandbox, 429) >= 2).await;
    app.sandbox.stripe().forget_keys();
    app.sandbox.stripe().clear_faults();
    app.outbox_is(0, 0).await;
    assert_eq!(app.sandbox.stripe().refunds().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_key_stripe_has_spent_goes_back_all_the_same_and_once() {
    let app = TestApp::start().await;
    let (id, _) = app.buy("ru-course", 4900).await;
    let spent = StripeFault::new(Misbehaviour::error_after(500));
    app.sandbox.stripe().fault(spent.on(StripeOperation::CreateRefund).times(1));
    run(&app, &["purchases", "refund", &id, "--amount=900", "--as=ada"]).ok();
    app.outbox_is(0, 0).await;
    assert_eq!(app.sandbox.stripe().refunds().len(), 1);
    let left = run(&app, &["purchases", "show", &id, "--json"]).json()["refundable"].clone();
    assert_eq!(left, 4000);
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_the_bank_would_not_take_back_can_be_sent_again() {
    let app = TestApp::set_up(Setup { leaves_work: true, ..Setup::default() }).await;
    let (id, intent) = app.open_and_press_pay("ru-course", 4900).await;
    app.sandbox.stripe().confirm(&intent, "4000000000005126").unwrap();
    app.reaches(&id, "granted").await;
    run(&app, &["purchases", "refund", &id, "--as=ada"]).ok();
    app.reaches(&id, "refunded").await;
    let refund = app.sandbox.stripe().refunds()[0]["id"].as_str().unwrap().to_owned();
    app.sandbox.stripe().settle_refund(&refund).unwrap();
    app.reaches(&id, "refunding").await;
    app.outbox_is(0, 1).await;
    let waits = || run(&app, &["outbox", "list", "--json"]).json();
    let call = waits()[0]["id"].as_str().unwrap().to_owned();
    run(&app, &["purchases", "refund", &id, "--as=ada"]).ok();
    app.reaches(&id, "refunded").await;
    assert_eq!(app.sandbox.stripe().refunds().len(), 2);
    run(&app, &["outbox", "retry", &call, "--as=ada"]).ok();
    app.until("nobody is called any more", |_| waits().as_array().unwrap().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_given_back_in_the_dashboard_at_the_same_time_holds_no_full_refund_up() {
    let app = TestApp::start().await;
    let (id, intent) = app.buy("ru-course", 4900).await;
    app.sandbox.stripe().webhooks_settled().await;
    app.sandbox.stripe().pause_webhooks();
    app.sandbox.stripe().refund(&intent, Some(100)).unwrap();
    run(&app, &["purchases", "refund", &id, "--as=ada"]).ok();
    app.reaches(&id, "refunded").await;
    let amounts: Vec<_> =
        app.sandbox.stripe().refunds().iter().map(|refund| refund["amount"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [100, 4800]);
    app.sandbox.stripe().resume_webhooks();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_stripe_refuses_is_not_dropped_and_what_is_left_can_be_given_back() {
    let app = TestApp::set_up(Setup { leaves_work: true, ..Setup::default() }).await;
    let (id, intent) = app.buy("ru-course", 4900).await;
    app.sandbox.stripe().webhooks_settled().await;
    app.sandbox.stripe().pause_webhooks();
    app.sandbox.stripe().refund(&intent, Some(3000)).unwrap();
    run(&app, &["purchases", "refund", &id, "--amount=3000", "--as=ada"]).ok();
    app.outbox_is(0, 1).await;
    app.sandbox.stripe().resume_webhooks();
    let left = || run(&app, &["purchases", "show", &id, "--json"]).json()["refundable"].clone();
    app.until("the dashboard's refund on the record", |_| left() == 1900).await;
    run(&app, &["purchases", "refund", &id, "--as=ada"]).ok();
    app.reaches(&id, "refunded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cost_nothing_is_taken_back_without_stripe() {
    let app = TestApp::start().await;
    let id = app.open("ru-free").await;
    app.press_pay(&id, 0).await.expect(200);
    app.reaches(&id, "granted").await;
    assert!(
        run(&app, &["purchases", "refund", &id, "--amount=1", "--as=ada"])
            .refused()
            .contains("nothing is left")
    );
    run(&app, &["purchases", "refund", &id, "--as=ada"]).ok();
    app.reaches(&id, "refunded").await;
    app.until("access taken away", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_a_bank_asks_for_is_not_given_back_twice() {
    let app = TestApp::start().await;
    let (id, intent) = app.buy("ru-course", 4900).await;
    app.sandbox.stripe().open_dispute(&intent).unwrap();
    let dispute = || run(&app, &["purchases", "show", &id, "--json"]).json()["dispute"].clone();
    app.until("the dispute", |_| dispute() == "open").await;
    let refusal = run(&app, &["purchases", "refund", &id, "--as=ada"]).refused();
    assert!(refusal.contains("dispute"), "{refusal}");
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_is_checked_for_people_and_for_programs() {
    let app = TestApp::start().await;
    let said = run(&app, &["catalog", "check", "--json"]).json();
    assert_eq!(
        (&said["offerings"][0]["sku"], &said["mistakes"]),
        (&"ru-closed".into(), &serde_json::json!([]))
    );
    assert!(run(&app, &["catalog", "check"]).ok().contains("$490.00"));
    app.change_catalog(|text| text.replace("seats = 1", "seats = -1")).await;
    assert!(run(&app, &["catalog", "check"]).refused().contains("seats: must not be below zero"));
    let (said, error) = run(&app, &["catalog", "check", "--json"]).both();
    assert!(said.contains("seats: must not be below zero") && error.contains("1 mistake"), "{said} {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_that_was_refused_is_sent_again() {
    let app = TestApp::start().await;
    app.sandbox.flockjay().fault(FlockJayFault::new(Misbehaviour::error_before(409)));
    let (id, intent) = app.open_and_press_pay("ru-course", 4900).await;
    app.sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
    app.outbox_is(0, 1).await;
    let stuck = run(&app, &["outbox", "list", "--json"]).json();
    let command = stuck[0]["id"].as_str().unwrap().to_owned();
    app.sandbox.flockjay().clear_faults();
    assert!(run(&app, &["purchases", "resend", &id]).refused().contains("--as"));
    run(&app, &["purchases", "resend", &id, "--as=ada"]).ok();
    app.reaches(&id, "granted").await;
    app.outbox_is(0, 0).await;
    assert!(run(&app, &["outbox", "retry", &command, "--as=ada"]).refused().contains("already"));
    assert!(run(&app, &["purchases", "resend", &id, "--as=ada"]).refused().contains("already"));
    assert!(run(&app, &["outbox", "retry", "nothing", "--as=ada"]).refused().contains("outbox list"));
}

#[tokio::test(flavor = "multi_thread")]
async fn purchases_are_found_by_what_people_know() {
    let app = TestApp::start().await;
    let (bought, _) = app.buy("ru-course", 4900).await;
    app.open("ru-live").await;
    let all = run(&app, &["purchases", "list", "--json"]).json();
    assert_eq!(all.as_array().unwrap().len(), 2);
    for filter in ["--email=ADA@example.com", "--sku=ru-course", "--state=granted"] {
        let found = run(&app, &["purchases", "list", filter, "--json"]).json();
        assert_eq!(
            (found.as_array().unwrap().len(), &found[0]["id"]),
            (1, &bought.as_str().into()),
            "{filter}"
        );
    }
    assert!(run(&app, &["purchases", "list"]).ok().contains("$49.00"));
    assert!(run(&app, &["purchases", "show", &bought]).ok().contains("create_grant"));
    assert!(run(&app, &["purchases", "list", "--state=bought"]).refused().contains("refunded"));
    let nowhere = run(&app, &["purchases", "list", "--database-url=sqlite:///nowhere/at-all.db"]).refused();
    assert!(nowhere.contains("DATABASE_URL") && nowhere.contains("/nowhere/at-all.db"), "{nowhere}");
    assert!(run(&app, &["purchases", "show", "RU-NONE"]).refused().contains("RU-NONE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_nobody_has_paid_is_ended_by_an_operator_and_one_that_is_paid_is_not() {
    let app = TestApp::start().await;
    let held = app.open("ru-live").await;
    let ended =
        run(&app, &["purchases", "cancel", &held, "--as=ada", "--reason=asked by phone", "--json"]).json();
    assert_eq!(ended["state"], "canceled");
    let (paying, _) = app.open_and_press_pay("ru-live", 49000).await;
    run(&app, &["purchases", "cancel", &paying, "--as=ada"]).ok();
    app.reaches(&paying, "canceled").await;
    assert_eq!(app.sandbox.stripe().intents()[0]["status"], "canceled");
    let (paid, _) = app.buy("ru-live", 49000).await;
    let refusal = run(&app, &["purchases", "cancel", &paid, "--as=ada"]).refused();
    assert!(refusal.contains("purchases refund"), "{refusal}");
    let shown = run(&app, &["purchases", "show", &held, "--json"]).json();
    assert_eq!(
        (&shown["audit"][0]["act"], &shown["audit"][0]["detail"]),
        (&"cancel".into(), &"asked by phone".into())
    );
}
