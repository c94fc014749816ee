//! The same form submitted again: what happens if its first purchase is the learner's, somebody else's, or over.
use checkout_tests::{Answer, COURSE, HtmlForm, PlainBrowser, TestApp, purchase_of};
use sandbox::{Fault, Misbehaviour, StripeOperation};
use serde_json::{Value, json};

const GOOD: &str = "4242424242424242";

fn page_of(app: &TestApp, sent: &Answer) -> Value {
    let sessions = app.sandbox.stripe().sessions();
    let page = sessions.into_iter().find(|session| session["url"] == sent.header("location"));
    page.unwrap_or_else(|| panic!("not Stripe's page: {}", sent.header("location")))
}

fn statuses(app: &TestApp) -> Vec<String> {
    let sessions = app.sandbox.stripe().sessions();
    sessions.iter().map(|session| session["status"].as_str().unwrap().to_owned()).collect()
}

async fn pay(app: &TestApp, sent: &Answer) -> (String, String) {
    let session = page_of(app, sent)["id"].as_str().unwrap().to_owned();
    let intent = app.sandbox.stripe().pay_session(&session, GOOD).unwrap();
    let id = purchase_of(&app.sandbox, sent.header("location"));
    app.reaches(&id, "granted").await;
    (id, intent["id"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_purchase_the_form_buys_for_somebody_else() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, COURSE).await.with("email", "ada@example.com");
    let (ada, _) = pay(&app, &browser.submit(&form).await.expect(303)).await;
    let form = form.with("email", "grace@example.com");
    let presses = (0..4).map(|_| {
        let form = form.clone();
        tokio::spawn(async move { PlainBrowser::default().submit(&form).await })
    });
    let mut sent = Vec::new();
    for press in presses.collect::<Vec<_>>() {
        sent.push(press.await.unwrap().expect(303));
    }
    for answer in &sent {
        assert_eq!(answer.header("location"), sent[0].header("location"), "pressed at once");
    }
    assert_eq!(page_of(&app, &sent[0])["customer_email"], "grace@example.com");
    let (grace, _) = pay(&app, &sent[0]).await;
    assert_ne!(ada, grace);
    let grants = app.grant_calls();
    assert!(grants.len() == 2 && grants[1].contains("grace@example.com"), "{grants:?}");
    assert_eq!(app.sandbox.stripe().charges_succeeded().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_is_over_does_not_keep_the_form() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, COURSE).await.with("email", "ada@example.com");
    let mut sent = browser.submit(&form).await.expect(303);
    for end in ["canceled", "refunded"] {
        let id = purchase_of(&app.sandbox, sent.header("location"));
        match end {
            "canceled" => {
                let cancel = format!("{}/p/{id}/cancel", app.base());
                browser.submit(&HtmlForm { action: cancel, fields: vec![] }).await.expect(303);
            }
            _ => {
                let (_, intent) = pay(&app, &sent).await;
                app.sandbox.stripe().refund(&intent, None).unwrap();
            }
        }
        app.reaches(&id, end).await;
        sent = browser.submit(&form).await.expect(303);
        assert_ne!(purchase_of(&app.sandbox, sent.header("location")), id, "{end}");
        // Submitting again stays with the new purchase.
        let again = browser.submit(&form).await.expect(303);
        assert_eq!(page_of(&app, &again), page_of(&app, &sent), "{end}");
        assert_eq!(page_of(&app, &sent)["status"], "open", "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_bought_is_not_paid_for_again_by_the_same_form() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, COURSE).await.with("email", "ada@example.com");
    let (id, _) = pay(&app, &browser.submit(&form).await.expect(303)).await;
    // The same person, back from Stripe's page with the browser's back button.
    for form in [form.clone(), form.with("email", "Ada@example.com")] {
        let sent = browser.submit(&form).await.expect(303);
        assert_eq!(sent.header("location"), format!("{}/p/{id}", app.base()));
    }
    assert_eq!(app.sandbox.stripe().sessions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_ran_out_does_not_keep_the_form() {
    let app = TestApp::with(&["--payment-seconds=1"]).await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, "ru-live").await.with("email", "ada@example.com");
    let first = purchase_of(&app.sandbox, browser.submit(&form).await.expect(303).header("location"));
    app.reaches(&first, "canceled").await;
    let sent = browser.submit(&form).await.expect(303);
    let second = purchase_of(&app.sandbox, sent.header("location"));
    assert_ne!(first, second);
    app.reaches(&second, "canceled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_costs_nothing_is_had_once_however_often_it_is_asked_for() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, "ru-free").await.with("email", "ada@example.com");
    let first = browser.submit(&form).await.expect(303);
    assert_eq!(browser.submit(&form).await.expect(303).header("location"), first.header("location"));
    let other = browser.submit(&form.with("email", "grace@example.com")).await.expect(303);
    assert_ne!(other.header("location"), first.header("location"));
    for sent in [first, other] {
        app.reaches(sent.header("location").rsplit('/').next().unwrap(), "granted").await;
    }
    assert_eq!(app.grant_calls().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_email_is_on_stripes_page() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, "ru-live").await.with("email", "ada@exmaple.com");
    let first = browser.submit(&form).await.expect(303);
    // The same person gets the same page.
    let same = browser.submit(&form.clone().with("email", " Ada@exmaple.com")).await.expect(303);
    assert_eq!(same.header("location"), first.header("location"));
    let sent = browser.submit(&form.with("email", "ada@example.com")).await.expect(303);
    assert_eq!(statuses(&app), ["expired", "open"]);
    assert_eq!(page_of(&app, &sent)["customer_email"], "ada@example.com");
    let mistaken = purchase_of(&app.sandbox, first.header("location"));
    assert_eq!(app.get(&format!("/v1/purchases/{mistaken}")).await.text_at("state"), "canceled");
    let session = page_of(&app, &sent)["id"].as_str().unwrap().to_owned();
    let intent = app.sandbox.stripe().pay_session(&session, GOOD).unwrap();
    assert_eq!(intent["receipt_email"], "ada@example.com");
    app.reaches(&purchase_of(&app.sandbox, sent.header("location")), "granted").await;
    let grants = app.grant_calls();
    assert!(grants.len() == 1 && grants[0].contains("ada@example.com"), "{grants:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_nobody_told_of_wins_over_another_email() {
    let app = TestApp::with(&["--sweep-seconds=600"]).await;
    app.sandbox.stripe().never_deliver();
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, "ru-live").await.with("email", "ada@example.com");
    let first = browser.submit(&form).await.expect(303);
    let session = page_of(&app, &first)["id"].as_str().unwrap().to_owned();
    app.sandbox.stripe().pay_session(&session, GOOD).unwrap();
    let sent = browser.submit(&form.with("email", "grace@example.com")).await.expect(303);
    let id = purchase_of(&app.sandbox, first.header("location"));
    assert_eq!(sent.header("location"), format!("{}/p/{id}", app.base()));
    app.reaches(&id, "granted").await;
    assert!(app.grant_calls()[0].contains("ada@example.com"));
    assert_eq!(app.sandbox.stripe().sessions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_email_waits_until_stripe_has_closed_the_first_page() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, "ru-live").await.with("email", "ada@example.com");
    let first = browser.submit(&form).await.expect(303);
    let id = purchase_of(&app.sandbox, first.header("location"));
    app.sandbox.stripe().fault(Fault::new(Misbehaviour::Down).on(StripeOperation::ExpireSession));
    let form = form.with("email", "grace@example.com");
    let sent = browser.submit(&form).await.expect(303);
    assert_eq!(sent.header("location"), format!("{}/p/{id}", app.base()));
    assert!(browser.get(sent.header("location")).await.expect(200).text.contains("Canceling"));
    app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect_problem(409, "sold_out");
    app.sandbox.stripe().clear_faults();
    app.reaches(&id, "canceled").await;
    let sent = browser.submit(&form).await.expect(303);
    assert_eq!(page_of(&app, &sent)["customer_email"], "grace@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_leads_to_the_purchase_that_is_under_way() {
    let flags = ["--trusted-proxies=127.0.0.1", "--limit-pays=2/1h", "--limit-opens=1/1h"];
    let app = TestApp::with(&flags).await;
    let browser = PlainBrowser::at("192.0.2.1");
    let form = app.buy_form(&browser, COURSE).await.with("email", "ada@example.com");
    let first = browser.submit(&form).await.expect(303);
    let id = purchase_of(&app.sandbox, first.header("location"));
    // A purchase isn't cancelled for one that would be refused.
    let corrected = browser.submit(&form.clone().with("email", "grace@example.com")).await;
    browser.submit(&form).await.expect(303);
    for page in [corrected, browser.submit(&form).await] {
        let page = page.expect(429);
        assert!(
            !page.header("retry-after").is_empty() && page.text.contains("Too many attempts."),
            "{page:?}"
        );
        assert!(HtmlForm::find(&page.text, &format!("/p/{id}/pay")).is_some(), "{}", page.text);
        assert!(!page.text.contains("t been charged"), "nobody has asked Stripe: {}", page.text);
    }
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.text_at("state"), "paying");
    assert_eq!(statuses(&app), ["open"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_wrong_does_not_lose_the_purchase_of_the_form() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, "ru-live").await.with("email", "ada@example.com");
    let first = browser.submit(&form).await.expect(303);
    let page = browser.submit(&form.with("email", "ada@")).await.expect(422);
    let form = HtmlForm::find(&page.text, "/buy/ru-live").expect("the form").with("email", "ada@example.com");
    assert_eq!(browser.submit(&form).await.expect(303).header("location"), first.header("location"));
}

#[tokio::test(flavor = "multi_thread")]
async fn once_somebody_may_have_paid_nobody_says_that_nothing_was_charged() {
    let app = TestApp::with(&["--sweep-seconds=600"]).await;
    app.sandbox.stripe().never_deliver();
    let browser = PlainBrowser::default();
    let form = app.buy_form(&browser, COURSE).await.with("email", "ada@example.com");
    let sent = browser.submit(&form).await.expect(303);
    let id = purchase_of(&app.sandbox, sent.header("location"));
    let session = page_of(&app, &sent)["id"].as_str().unwrap().to_owned();
    let intent = app.sandbox.stripe().pay_session(&session, GOOD).unwrap();
    app.sandbox.stripe().fault(Fault::new(Misbehaviour::Down));
    let own = HtmlForm { action: format!("{}/p/{id}/pay", app.base()), fields: vec![] };
    for form in [&form, &own] {
        let page = browser.submit(form).await.expect(502);
        assert!(!page.header("retry-after").is_empty(), "{page:?}");
        assert!(page.text.contains("know yet whether you"), "{}", page.text);
        assert!(!page.text.contains("t been charged"), "{}", page.text);
        assert!(HtmlForm::find(&page.text, &format!("/p/{id}/pay")).is_some(), "{}", page.text);
    }
    for (lang, said) in [
        ("de", "ob etwas abgebucht wurde"),
        ("es", "si se te ha cobrado"),
        ("fr", "si vous avez été débité"),
        ("he", "אם בוצע חיוב"),
        ("ja", "請求されたかどうか"),
        ("ko", "청구되었는지"),
        ("pt", "se algo foi cobrado"),
        ("zh", "是否已被扣款"),
    ] {
        let form = HtmlForm { action: format!("{}?lang={lang}", own.action), ..own.clone() };
        let page = browser.submit(&form).await.expect(502);
        assert!(page.text.contains(said) && !page.text.contains('{'), "{}", page.text);
    }
    let asked = app.refresh(&id).await.expect_problem(502, "payments_unavailable");
    assert!(!asked.text.contains("Nothing was charged"), "{asked:?}");
    app.sandbox.stripe().clear_faults();
    assert_eq!(browser.submit(&form).await.expect(303).header("location"), format!("{}/p/{id}", app.base()));
    app.reaches(&id, "granted").await;
    assert_eq!(app.sandbox.stripe().charges_succeeded().len(), 1, "{intent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn that_nothing_was_charged_is_said_by_the_api_while_nobody_can_pay() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    let nothing = "Nothing was charged";
    app.sandbox.stripe().fault(Fault::new(Misbehaviour::Down));
    let refused = app.press_pay(&id, 4900).await.expect_problem(502, "payments_unavailable");
    assert!(refused.text_at("detail").contains(nothing), "{refused:?}");
    app.sandbox.stripe().clear_faults();
    app.press_pay(&id, 4900).await.expect(200);
    app.sandbox.stripe().fault(Fault::new(Misbehaviour::Down));
    for answer in [app.press_pay(&id, 4900).await, app.refresh(&id).await] {
        let answer = answer.expect_problem(502, "payments_unavailable");
        assert!(!answer.text.contains(nothing) && answer.text.contains("We don't know yet"), "{answer:?}");
    }
    app.sandbox.stripe().clear_faults();
}
