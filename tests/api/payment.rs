//! From Pay to the grant, over HTTP: good cards, declines, 3-D Secure. Only Stripe's word counts.
use checkout_tests::{COURSE, TestApp, intent_of, logged};
use sandbox::{Misbehaviour, StripeFault, StripeOperation};
use serde_json::{Value, json};

const GOOD: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";
const AUTHENTICATED: &str = "4000002500003155";

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_purchase_is_granted() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.refresh(&id).await.expect(200);
    let purchase = app.reaches(&id, "granted").await;
    assert!(purchase["access_url"].as_str().unwrap().starts_with(app.sandbox.flockjay_url()));
    assert_eq!(purchase["email"], "a•••@example.com");
    let steps: Vec<_> = purchase["timeline"].as_array().unwrap().iter().map(|step| &step["state"]).collect();
    assert_eq!(steps, ["done", "done"]);
    let grants = app.sandbox.flockjay().grants();
    let body: serde_json::Value = serde_json::from_str(&app.grant_calls()[0]).unwrap();
    assert_eq!(grants.keys().collect::<Vec<_>>(), [&id]);
    assert_eq!(
        body,
        json!({
            "learner": { "email": "ada@example.com", "name": "Ada", "external_id": null },
            "resource": { "kind": "course", "id": "101" },
            "reference": purchase["reference"]
        })
    );
    assert_eq!(app.sandbox.stripe().charges_succeeded().len(), 1);
    app.press_pay(&id, 4900).await.expect_problem(409, "purchase_ended");
    app.delete(&format!("/v1/purchases/{id}")).await.expect_problem(409, "purchase_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn pay_answers_what_stripe_js_needs_and_no_secret_key() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    let answer = app.press_pay(&id, 4900).await.expect(200);
    assert_eq!(answer.text_at("publishable_key"), "pk_test_sandbox");
    assert_eq!(answer.json()["price"]["total"], 4900);
    assert!(!answer.text.contains("sk_test"));
    let intent = app.sandbox.stripe().intent(&intent_of(&answer.text_at("client_secret"))).unwrap();
    assert_eq!((&intent["amount"], &intent["currency"]), (&json!(4900), &json!("usd")));
    assert_eq!(intent["receipt_email"], "ada@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_alone_is_enough() {
    let app = TestApp::with(&["--sweep-seconds=600"]).await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_message_the_sweep_finds_out() {
    let app = TestApp::start().await;
    app.sandbox.stripe().never_deliver();
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_grants_also_while_stripe_can_not_say_what_was_refunded() {
    let app = TestApp::start().await;
    app.sandbox.stripe().never_deliver();
    app.sandbox.stripe().fault(StripeFault::new(Misbehaviour::Down).on(StripeOperation::ListRefunds));
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&id, "granted").await;
    // The server keeps asking for refunds until Stripe answers.
    app.sandbox.stripe().clear_faults();
    app.reaches(&id, "refunded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_browser_says_grants_nothing() {
    let app = TestApp::start().await;
    let (id, _) = app.open_and_press_pay(COURSE, 4900).await;
    app.refresh(&id).await.expect(200);
    let page = app.get(&format!("/p/{id}?redirect_status=succeeded&payment_intent=pi_1")).await.expect(200);
    assert!(page.text.contains("Payment not finished"), "{}", page.text);
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "paying");
    assert!(app.grant_calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn declined_then_another_card_is_one_intent_and_one_charge() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, DECLINED).unwrap_err();
    assert_eq!(app.refresh(&id).await.text_at("state"), "paying");
    let again = app.press_pay(&id, 4900).await.expect(200).text_at("client_secret");
    assert_eq!(intent_of(&again), intent);
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.reaches(&id, "granted").await;
    assert_eq!(app.sandbox.stripe().intents().len(), 1);
    assert_eq!(app.sandbox.stripe().charges_succeeded().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_declines_close_the_purchase() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    for _ in 0..20 {
        app.sandbox.stripe().confirm(&intent, DECLINED).unwrap_err();
        app.refresh(&id).await.expect(200);
    }
    // Webhooks bring what a refresh didn't ask for.
    app.reaches(&id, "canceled").await;
    let refused = app.press_pay(&id, 4900).await.expect_problem(429, "rate_limited");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(app.sandbox.stripe().intent(&intent).unwrap()["status"], "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_3_d_secure_after_a_decline_is_a_failure_of_its_own() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    // Both are counted, so that twenty in all end the purchase as twenty declines do.
    for _ in 0..10 {
        app.sandbox.stripe().confirm(&intent, DECLINED).unwrap_err();
        app.refresh(&id).await.expect(200);
        // A failure that is reported late, after another, counts once more, and the purchase ends earlier.
        if app.sandbox.stripe().confirm(&intent, AUTHENTICATED).is_err() {
            break;
        }
        app.sandbox.stripe().complete_3ds(&intent, false).unwrap_err();
        app.refresh(&id).await.expect(200);
    }
    // Webhooks bring what a refresh didn't ask for.
    app.reaches(&id, "canceled").await;
    app.press_pay(&id, 4900).await.expect_problem(429, "rate_limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_d_secure_passed_and_failed() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, AUTHENTICATED).unwrap();
    assert_eq!(app.refresh(&id).await.text_at("state"), "paying");
    app.sandbox.stripe().complete_3ds(&intent, false).unwrap_err();
    assert_eq!(app.refresh(&id).await.text_at("state"), "paying");
    assert_eq!(app.sandbox.stripe().intent(&intent).unwrap()["description"], "Redis <fundamentals>");
    app.sandbox.stripe().confirm(&intent, AUTHENTICATED).unwrap();
    app.sandbox.stripe().complete_3ds(&intent, true).unwrap();
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_settles_later_is_processing_until_it_does() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.sandbox.stripe().confirm(&intent, sandbox::stripe::SETTLES_LATER).unwrap();
    app.reaches(&id, "processing").await;
    app.press_pay(&id, 4900).await.expect_problem(409, "purchase_ended");
    app.delete(&format!("/v1/purchases/{id}")).await.expect_problem(409, "purchase_ended");
    app.sandbox.stripe().settle(&intent, true).unwrap();
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_may_be_paid_days_later_and_expires_by_itself() {
    let app = TestApp::with(&["--payment-methods=all", "--payment-seconds=1"]).await;
    for (pays, end) in [(true, "granted"), (false, "canceled")] {
        let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
        app.sandbox.stripe().confirm_by_voucher(&intent).unwrap();
        assert_eq!(app.refresh(&id).await.expect(200).json()["state"], "processing");
        // The time to pay is over, but nothing is cancelled.
        app.until("a look after that", |sandbox| {
            let asked = |request: &&sandbox::stripe::RequestRecord| {
                request.method == "GET" && request.path.ends_with(&intent)
            };
            sandbox.stripe().requests().iter().filter(asked).count() >= 3
        })
        .await;
        assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.json()["state"], "processing");
        app.sandbox.stripe().settle(&intent, pays).unwrap();
        app.reaches(&id, end).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_setting_says_how_learners_may_pay_and_seats_are_paid_for_at_once() {
    let excludes = |intent: &Value| {
        let excluded = intent["excluded_payment_method_types"].as_array();
        excluded.is_some_and(|excluded| excluded.contains(&json!("oxxo")))
    };
    let settings = [
        (vec![], true, None),
        (vec!["--payment-methods=all"], false, None),
        (vec!["--payment-methods=pmc_1"], false, Some("pmc_1")),
    ];
    for (flags, course_excludes, configuration) in settings {
        let app = TestApp::with(&flags).await;
        for (sku, total, excluded) in [(COURSE, 4900, course_excludes), ("ru-live", 49_000, true)] {
            let (_, intent) = app.open_and_press_pay(sku, total).await;
            let made = app.sandbox.stripe().intent(&intent).unwrap();
            let case = format!("{flags:?} {sku}");
            assert_eq!(excludes(&made), excluded, "{case}");
            assert_eq!(made["payment_method_configuration_details"]["id"].as_str(), configuration, "{case}");
            assert_eq!(app.sandbox.stripe().confirm_by_voucher(&intent).is_err(), excluded, "{case}");
            // Stripe's form gets the same settings.
            let card = app.get(&format!("/embed/card/{sku}")).await.expect(200).text;
            assert_eq!(card.contains("\"excludedPaymentMethodTypes\":[\"acss_debit\""), excluded, "{case}");
            let configured = card.contains("\"paymentMethodConfiguration\":\"pmc_1\"");
            assert_eq!(configured, configuration.is_some(), "{case}");
        }
        // And so does Stripe's hosted page.
        app.buy_without_javascript(COURSE).await;
        let sessions = app.sandbox.stripe().sessions();
        assert_eq!(excludes(&sessions[0]), course_excludes, "{flags:?}");
        assert_eq!(sessions[0]["payment_method_configuration_details"]["id"].as_str(), configuration);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stricter_setting_holds_for_payments_that_were_begun() {
    let mut app = TestApp::with(&["--payment-methods=all"]).await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.restart_with(&["--payment-methods=instant".to_owned()]).await;
    app.press_pay(&id, 4900).await.expect(200);
    app.sandbox.stripe().confirm_by_voucher(&intent).unwrap_err();
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pay_pressed_many_times_at_once_makes_one_intent() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    let body = json!({ "email": "ada@example.com", "expected_total": 4900 });
    let presses = (0..8).map(|_| {
        let path = format!("/v1/purchases/{id}/pay");
        tokio::spawn(app.request(reqwest::Method::POST, &path).json(&body).send())
    });
    for press in presses.collect::<Vec<_>>() {
        let answer = press.await.unwrap().unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }
    assert_eq!(app.sandbox.stripe().intents().len(), 1);
    app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_email_on_the_second_press_is_the_one_that_counts() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    let body = json!({ "email": "grace@example.com", "expected_total": 4900 });
    app.post(&format!("/v1/purchases/{id}/pay"), &body).await.expect(200);
    assert_eq!(app.sandbox.stripe().intent(&intent).unwrap()["receipt_email"], "grace@example.com");
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.reaches(&id, "granted").await;
    assert!(app.grant_calls()[0].contains("grace@example.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_due_needs_no_payment_intent() {
    let app = TestApp::start().await;
    let id = app.open("ru-free").await;
    assert_eq!(app.press_pay(&id, 0).await.expect(200).json(), json!({ "state": "paid" }));
    app.reaches(&id, "granted").await;
    assert_eq!(app.press_pay(&id, 0).await.expect(200).json(), json!({ "state": "paid" }));
    assert!(app.sandbox.stripe().requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn yen_have_no_decimals() {
    let app = TestApp::start().await;
    let (id, intent) = app.open_and_press_pay("ru-jp", 4900).await;
    let stored = app.sandbox.stripe().intent(&intent).unwrap();
    assert_eq!((&stored["amount"], &stored["currency"]), (&json!(4900), &json!("jpy")));
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_to_pay_runs_out_and_the_intent_is_cancelled() {
    let app = TestApp::with(&["--payment-seconds=1"]).await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    app.reaches(&id, "canceled").await;
    assert_eq!(app.sandbox.stripe().intent(&intent).unwrap()["status"], "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_runs_out_during_3_d_secure_ends_it_and_nothing_is_charged() {
    let app = TestApp::with(&["--payment-seconds=1"]).await;
    let (id, intent) = app.open_and_press_pay("ru-live", 49000).await;
    app.sandbox.stripe().confirm(&intent, AUTHENTICATED).unwrap();
    app.reaches(&id, "canceled").await;
    app.sandbox.stripe().complete_3ds(&intent, true).unwrap_err();
    assert!(app.sandbox.stripe().charges_succeeded().is_empty());
    app.open("ru-live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_is_kept_while_a_payment_settles_however_long_it_takes() {
    let app = TestApp::with(&["--payment-seconds=1"]).await;
    let (id, intent) = app.open_and_press_pay("ru-live", 49000).await;
    app.sandbox.stripe().confirm(&intent, sandbox::stripe::SETTLES_LATER).unwrap();
    app.reaches(&id, "processing").await;
    // By the time the server asks Stripe a second time, the time to pay is over.
    let asked = |sandbox: &sandbox::Sandbox| {
        let requests = sandbox.stripe().requests();
        requests.iter().filter(|request| request.operation == Some(StripeOperation::RetrieveIntent)).count()
    };
    app.until("Stripe is asked twice", |sandbox| asked(sandbox) >= 2).await;
    app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect_problem(409, "sold_out");
    app.sandbox.stripe().settle(&intent, true).unwrap();
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_logged() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    let email = "very.unlikely.name@example.com";
    let body = json!({ "email": email, "expected_total": 4900 });
    let secret =
        app.post(&format!("/v1/purchases/{id}/pay"), &body).await.expect(200).text_at("client_secret");
    app.sandbox.stripe().confirm(&intent_of(&secret), GOOD).unwrap();
    app.reaches(&id, "granted").await;
    let logs = logged();
    assert!(logs.contains("purchase opened"), "the log was collected");
    for secret in [email, id.as_str(), secret.as_str(), "sk_test_sandbox", "whsec_sandbox", "sandbox-token"] {
        assert!(!logs.contains(secret), "{secret} was logged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_cause_few_questions_to_stripe() {
    let app = TestApp::with(&["--sweep-seconds=600", "--limit-purchase=off"]).await;
    let (dead, _) = app.open_and_press_pay(COURSE, 4900).await;
    app.delete(&format!("/v1/purchases/{dead}")).await.expect(200);
    app.reaches(&dead, "canceled").await;
    let (live, intent) = app.open_and_press_pay(COURSE, 4900).await;
    let asked = || {
        let questions = app.sandbox.stripe().requests().into_iter();
        questions.filter(|request| request.operation == Some(StripeOperation::RetrieveIntent)).count()
    };
    let before = asked();
    let begun = std::time::Instant::now();
    for id in [&dead, &live] {
        for _ in 0..30 {
            app.refresh(id).await.expect(200);
            app.get(&format!("/p/{id}")).await.expect(200);
        }
    }
    let most = 2 + usize::try_from(begun.elapsed().as_secs() / 2).unwrap();
    assert!((1..=most).contains(&(asked() - before)), "{} questions", asked() - before);
    // Webhooks are still heard in the meantime.
    app.sandbox.stripe().confirm(&intent, GOOD).unwrap();
    app.reaches(&live, "granted").await;
    let before = asked();
    app.refresh(&live).await.expect(200);
    assert_eq!(asked(), before);
}
