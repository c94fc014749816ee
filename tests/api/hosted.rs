//! Buying without JavaScript: from the form through Stripe's hosted page to access.
use checkout_tests::{COURSE, HtmlForm, PlainBrowser, TestApp, purchase_of};
use sandbox::{Fault, Misbehaviour, StripeOperation};
use serde_json::json;

const GOOD: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";

/// Stripe's only `CheckoutSession`.
fn session(app: &TestApp) -> serde_json::Value {
    let sessions = app.sandbox.stripe().sessions();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    sessions[0].clone()
}

fn session_id(app: &TestApp) -> String {
    session(app)["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_leads_over_stripes_page_to_access_by_webhooks_alone() {
    let app = TestApp::with(&["--sweep-seconds=600"]).await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, COURSE).await.with("email", " ada@example.com ").with("name", "Ada");
    let sent = browser.submit(&form).await.expect(303);
    let made = session(&app);
    assert_eq!(made["url"], sent.header("location"));
    let id = purchase_of(&app.sandbox, sent.header("location"));
    let purchase = app.get(&format!("/v1/purchases/{id}")).await.json();
    assert_eq!((&purchase["state"], &purchase["email"]), (&json!("paying"), &json!("a•••@example.com")));
    assert_eq!((&made["amount_total"], &made["currency"]), (&json!(4900), &json!("usd")));
    assert_eq!(made["client_reference_id"], purchase["reference"]);
    assert_eq!((&made["mode"], &made["customer_email"]), (&json!("payment"), &json!("ada@example.com")));
    let back = format!("{}/p/{id}", app.base());
    assert_eq!((&made["success_url"], &made["cancel_url"]), (&json!(back), &json!(back)));
    assert!(app.sandbox.stripe().intents().is_empty(), "there is none before somebody pays");

    let intent = app.sandbox.stripe().pay_session(made["id"].as_str().unwrap(), GOOD).unwrap();
    assert_eq!(intent["metadata"]["purchase"], purchase["reference"]);
    assert_eq!(intent["receipt_email"], "ada@example.com");
    app.reaches(&id, "granted").await;
    assert!(app.grant_calls()[0].contains("\"name\":\"Ada\""), "{:?}", app.grant_calls());
    assert_eq!((app.grant_calls().len(), app.sandbox.stripe().charges_succeeded().len()), (1, 1));
    let page = browser.get(&back).await.expect(200).text;
    assert!(page.contains("You're in") && page.contains("Start learning"), "{page}");
    app.sandbox.stripe().refund(intent["id"].as_str().unwrap(), None).unwrap();
    app.reaches(&id, "refunded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_on_the_way_is_a_form_and_a_decline_is_not_the_end() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let (id, address) = app.buy_without_javascript(COURSE).await;
    let page = browser.get(&address).await.expect(200);
    assert!(page.text.contains("Sandbox") && !page.text.contains("<script"), "{}", page.text);
    assert!(page.text.contains("49.00 USD"), "{}", page.text);
    let ending = address.split("/c/pay/").nth(1).unwrap().to_owned();
    let card = |number: &str| {
        let form = HtmlForm::find(&page.text, &ending).unwrap().with("number", number);
        let form = form.with("expiry", "12 / 40").with("cvc", "123");
        HtmlForm { action: format!("{}{}", app.sandbox.stripe_url(), form.action), ..form }
    };
    let declined = browser.submit(&card(DECLINED)).await.expect(402);
    assert!(declined.text.contains("Your card was declined."), "{}", declined.text);
    let asked = browser.submit(&card("4000002500003155")).await.expect(303);
    let challenge = browser.get(&format!("{}{}", app.sandbox.stripe_url(), asked.header("location"))).await;
    let form = HtmlForm::find(&challenge.text, "/challenge").unwrap().with("pass", "true");
    let form = HtmlForm { action: format!("{}{}", app.sandbox.stripe_url(), form.action), ..form };
    let back = browser.submit(&form).await.expect(303);
    assert_eq!(back.header("location"), format!("{}/p/{id}", app.base()));
    app.reaches(&id, "granted").await;
    assert_eq!(
        (app.sandbox.stripe().intents().len(), app.sandbox.stripe().charges_succeeded().len()),
        (1, 1)
    );
    let expired = browser.get(&address).await.expect(200);
    assert!(expired.text.contains("paid already"), "{}", expired.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_message_the_sweep_or_the_page_finds_out() {
    let app = TestApp::start().await;
    app.sandbox.stripe().never_deliver();
    let (id, _) = app.buy_without_javascript(COURSE).await;
    app.sandbox.stripe().pay_session(&session_id(&app), GOOD).unwrap();
    app.reaches(&id, "granted").await;

    let app = TestApp::with(&["--sweep-seconds=600"]).await;
    app.sandbox.stripe().never_deliver();
    let (id, _) = app.buy_without_javascript(COURSE).await;
    app.sandbox.stripe().pay_session(&session_id(&app), GOOD).unwrap();
    app.get(&format!("/p/{id}")).await.expect(200);
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_submitted_many_times_holds_one_seat_and_makes_one_page() {
    let app = TestApp::start().await;
    let form = app.buy_form(&PlainBrowser::default(), "ru-live").await.with("email", "ada@example.com");
    let submissions = (0..6).map(|_| {
        let form = form.clone();
        tokio::spawn(async move { PlainBrowser::default().submit(&form).await })
    });
    for submission in submissions.collect::<Vec<_>>() {
        let sent = submission.await.unwrap().expect(303);
        assert_eq!(session(&app)["url"], sent.header("location"));
    }
    let id = purchase_of(&app.sandbox, session(&app)["url"].as_str().unwrap());
    app.sandbox.stripe().pay_session(&session_id(&app), GOOD).unwrap();
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_at_its_field_and_what_was_typed_stays() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, "ru-live").await;
    let wrong = form.with("email", "ada \"<at> example").with("name", "Ada & Co");
    let page = browser.submit(&wrong).await.expect(422);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let again = HtmlForm::find(&page.text, "/buy/ru-live").unwrap();
    assert_eq!((again.value("email"), again.value("name")), ("ada \"<at> example", "Ada & Co"));
    assert!(page.text.contains("aria-describedby=\"email-fault email-hint\" aria-invalid=\"true\""));
    assert!(page.text.contains("id=\"email-fault\">Enter an email address like name@example.com."));
    assert!(!page.text.contains("<redis-checkout"), "the form is what they asked for");
    assert!(app.sandbox.stripe().requests().is_empty());
    let coupon = again.with("email", "ada@example.com").with("coupon", "FREE<");
    let page = browser.submit(&coupon).await.expect(422);
    assert!(page.text.contains("id=\"coupon-fault\">We don't recognize that code."), "{}", page.text);
    let long =
        HtmlForm::find(&page.text, "/buy/ru-live").unwrap().with("coupon", "").with("name", &"x".repeat(201));
    let page = browser.submit(&long).await.expect(422);
    assert!(page.text.contains("aria-describedby=\"name-fault\""), "{}", page.text);
    let right = HtmlForm::find(&page.text, "/buy/ru-live").unwrap().with("name", "");
    browser.submit(&right).await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_form_does_nothing() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, "ru-live").await.with("email", "ada@example.com");
    for site in ["cross-site", "same-site", ""] {
        let page = browser.submit_from(site, &form).await.expect(403);
        assert!(page.text.contains("sent from another site"), "{}", page.text);
    }
    let old = app.request(reqwest::Method::POST, "/buy/ru-live").header("origin", "https://evil.example");
    app.send(old.form(&form.fields)).await.expect(403);
    assert!(app.sandbox.stripe().requests().is_empty());
    // The seat is still free, and a program without a page can take it.
    let program = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let sent =
        program.post(format!("{}/buy/ru-live", app.base())).form(&[("email", "ada@example.com")]).send();
    assert_eq!(sent.await.unwrap().status(), 303);
    let id = purchase_of(&app.sandbox, session(&app)["url"].as_str().unwrap());
    for action in ["pay", "cancel"] {
        let form = HtmlForm { action: format!("{}/p/{id}/{action}", app.base()), fields: vec![] };
        let page = browser.submit_from("cross-site", &form).await.expect(403);
        assert!(page.text.contains("sent from another site"), "{}", page.text);
    }
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "paying");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cant_be_bought_has_no_form() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, "ru-live").await.with("email", "ada@example.com");
    app.open("ru-live").await;
    for (sku, said) in
        [("ru-live", "Sold out"), ("ru-early", "Opens Jan 1, 2999"), ("ru-closed", "Sales closed")]
    {
        let page = browser.get(&format!("{}/buy/{sku}", app.base())).await.expect(200);
        assert!(page.text.contains(said) && !page.text.contains("<form"), "{}", page.text);
    }
    let page = browser.submit(&form).await.expect(409);
    assert!(page.text.contains("The last seat was just taken.") && !page.text.contains("<form"));
    assert!(app.sandbox.stripe().requests().is_empty());
    let unknown = browser.get(&format!("{}/buy/ru-none", app.base())).await.expect(404);
    assert!(unknown.text.contains("t on sale"), "{}", unknown.text);
    app.get("/buy/ru-none").await.expect_problem(404, "unknown_sku");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_price_than_shown_is_shown_before_it_is_paid() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, COURSE).await.with("email", "ada@example.com");
    app.change_catalog(|text| text.replacen("amount = 4900,", "amount = 5900,", 1)).await;
    let page = browser.submit(&form).await.expect(409);
    assert!(page.text.contains("The price is now $59.00."), "{}", page.text);
    let again = HtmlForm::find(&page.text, COURSE).unwrap();
    assert_eq!((again.value("email"), again.value("total")), ("ada@example.com", "5900"));
    browser.submit(&again).await.expect(303);
    assert_eq!(session(&app)["amount_total"], 5900);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_due_needs_no_page_of_stripes() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, "ru-free").await.with("email", "ada@example.com");
    let sent = browser.submit(&form).await.expect(303);
    let id = sent.header("location").rsplit('/').next().unwrap().to_owned();
    app.reaches(&id, "granted").await;
    assert!(app.sandbox.stripe().requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_or_unreadable_answer_makes_no_second_page() {
    let lost = [
        Misbehaviour::Close { after_work: true },
        Misbehaviour::Garbage,
        Misbehaviour::MissingField { field: "status".to_owned() },
        Misbehaviour::error_after(500),
    ];
    for fault in lost {
        let app = TestApp::start().await;
        app.sandbox.stripe().fault(Fault::new(fault).on(StripeOperation::CreateSession).times(3));
        let (id, address) = app.buy_without_javascript(COURSE).await;
        assert_eq!(session(&app)["url"], address);
        app.sandbox.stripe().pay_session(&session_id(&app), GOOD).unwrap();
        app.reaches(&id, "granted").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_stripe_is_away_the_seat_stays_held_and_the_same_form_goes_on() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    app.sandbox.stripe().fault(Fault::new(Misbehaviour::Down));
    let form = app.buy_form(&browser, "ru-live").await.with("email", "ada@example.com");
    let page = browser.submit(&form).await.expect(502);
    assert!(page.text.contains("t been charged"), "{}", page.text);
    assert!(!page.header("retry-after").is_empty());
    app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect_problem(409, "sold_out");
    app.sandbox.stripe().clear_faults();
    // Meanwhile the page says that the training is sold out: the learner goes back and presses again.
    let sent = browser.submit(&form).await.expect(303);
    assert_eq!(session(&app)["url"], sent.header("location"));
}
