//! Team places on the form without JavaScript, and a form that is sent again with other terms.
use checkout_tests::{COURSE, HtmlForm, PlainBrowser, TestApp, percent_off, purchase_of};
use serde_json::{Value, json};

const GOOD: &str = "4242424242424242";

/// Amounts and statuses of Stripe's pages, oldest first.
fn pages(app: &TestApp) -> Vec<(i64, String)> {
    let page = |page: &Value| {
        (page["amount_total"].as_i64().unwrap(), page["status"].as_str().unwrap_or_default().to_owned())
    };
    app.sandbox.stripe().sessions().iter().map(page).collect()
}

async fn form_of(app: &TestApp, browser: &PlainBrowser, sku: &str, query: &str) -> HtmlForm {
    let page = browser.get(&format!("{}/buy/{sku}?plain{query}", app.base())).await.expect(200).text;
    HtmlForm::find(&page, &format!("/buy/{sku}")).expect("the form").with("email", "ada@example.com")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_bought_by_a_form_and_its_codes_are_on_the_receipt() {
    let app = TestApp::with_teams().await;
    let browser = PlainBrowser::default();
    let page = browser.get(&format!("{}/buy/{COURSE}", app.base())).await.expect(200).text;
    assert!(page.contains(&format!("/buy/{COURSE}?plain&amp;team\">Buying for a team?</a>")), "{page}");
    let page = browser.get(&format!("{}/buy/{COURSE}?plain&team", app.base())).await.expect(200).text;
    assert!(page.contains("min=\"2\" max=\"10\"") && page.contains("$49.00 per seat."), "{page}");
    assert!(page.contains(">Just me</a>") && !page.contains("name=\"coupon\""), "{page}");
    let form = form_of(&app, &browser, COURSE, "&team").await.with("places", "3");
    let sent = browser.submit(&form).await.expect(303);
    assert_eq!(pages(&app), [(14700, "open".to_owned())]);
    let id = purchase_of(&app.sandbox, sent.header("location"));
    let session = app.sandbox.stripe().sessions()[0]["id"].as_str().unwrap().to_owned();
    app.sandbox.stripe().pay_session(&session, GOOD).unwrap();
    app.reaches(&id, "granted").await;
    let receipt = browser.get(&format!("{}/p/{id}", app.base())).await.expect(200).text;
    assert_eq!(receipt.matches("<tr class=\"free\">").count(), 3, "{receipt}");
    assert!(receipt.contains("Your codes are ready") && receipt.contains("/codes.csv"), "{receipt}");
    assert_eq!(app.sandbox.stripe().charges_succeeded().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_places_that_is_not_sold_is_said_at_its_field() {
    let app = TestApp::with_teams().await;
    let browser = PlainBrowser::default();
    let form = form_of(&app, &browser, COURSE, "&team").await;
    for places in ["1", "11", "-2", "many", "99999999999999999999"] {
        let page = browser.submit(&form.clone().with("places", places)).await.expect(422).text;
        assert!(page.contains("id=\"places-fault\">Choose 2–10 seats.</p>"), "{places}: {page}");
        let typed = HtmlForm::find(&page, &format!("/buy/{COURSE}")).unwrap();
        assert_eq!((typed.value("places"), typed.value("email")), (places, "ada@example.com"));
    }
    app.open("ru-live").await;
    app.open("ru-live").await;
    let form = form_of(&app, &browser, "ru-live", "&team").await;
    let page = browser.submit(&form.with("places", "2")).await.expect(409).text;
    assert!(page.contains("id=\"places-fault\">There aren't enough seats left.</p>"), "{page}");
    assert_eq!(app.sandbox.stripe().sessions().len(), 0);
    // An offering that isn't sold to teams has no such form.
    let page = browser.get(&format!("{}/buy/ru-jp?plain&team", app.base())).await.expect(200).text;
    assert!(!page.contains("name=\"places\"") && !page.contains("Buying for a team?"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_has_changed_is_shown_for_one_place_before_it_is_paid_for_all() {
    let app = TestApp::with_teams().await;
    let browser = PlainBrowser::default();
    let form = form_of(&app, &browser, COURSE, "&team").await.with("places", "2");
    app.change_catalog(|catalog| catalog.replace("amount = 4900", "amount = 5900")).await;
    let page = browser.submit(&form).await.expect(409).text;
    assert!(page.contains("$59.00 per seat."), "{page}");
    let form = HtmlForm::find(&page, &format!("/buy/{COURSE}")).unwrap();
    browser.submit(&form).await.expect(303);
    assert_eq!(pages(&app), [(11800, "open".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_form_with_other_terms_is_paid_at_those() {
    let app = TestApp::with_teams().await;
    app.add_coupon(&percent_off("SAVE20", 20)).await;
    let browser = PlainBrowser::default();
    let form = form_of(&app, &browser, "ru-live", "&team").await.with("places", "3");
    browser.submit(&form).await.expect(303);
    let fewer = form.with("places", "2");
    let sent = browser.submit(&fewer).await.expect(303);
    assert_eq!(browser.submit(&fewer).await.expect(303).header("location"), sent.header("location"));
    assert_eq!(pages(&app), [(147_000, "expired".to_owned()), (98_000, "open".to_owned())]);
    app.post("/v1/purchases", &json!({ "sku": "ru-live" })).await.expect(201);

    // An unknown code leaves the purchase as it is; with a known one, the learner pays the lower price.
    let form = form_of(&app, &browser, COURSE, "").await;
    browser.submit(&form).await.expect(303);
    let page = browser.submit(&form.clone().with("coupon", "NONE")).await.expect(422).text;
    assert!(page.contains("id=\"coupon-fault\">We don't recognize that code."), "{page}");
    assert_eq!(pages(&app)[2..], [(4900, "open".to_owned())]);
    browser.submit(&form.with("coupon", "save20")).await.expect(303);
    assert_eq!(pages(&app)[2..], [(4900, "expired".to_owned()), (3920, "open".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_is_not_given_up_for_terms_that_would_be_refused() {
    let app = TestApp::with_teams().await;
    let mut used_up = percent_off("ONCE", 20);
    used_up.limit = Some(1);
    app.add_coupon(&used_up).await;
    app.post("/v1/purchases", &json!({ "sku": COURSE, "coupon": "ONCE" })).await.expect(201);
    let browser = PlainBrowser::default();
    let form = form_of(&app, &browser, "ru-live", "&team").await.with("places", "2");
    browser.submit(&form).await.expect(303);
    app.open("ru-live").await;
    let page = browser.submit(&form.clone().with("places", "3")).await.expect(409).text;
    assert!(page.contains("id=\"places-fault\">There aren't enough seats left.</p>"), "{page}");
    assert_eq!(pages(&app), [(98_000, "open".to_owned())]);
    let form = form_of(&app, &browser, COURSE, "").await;
    browser.submit(&form).await.expect(303);
    let page = browser.submit(&form.with("coupon", "ONCE")).await.expect(422).text;
    assert!(
        page.contains(
            "id=\"coupon-fault\">That code is used, or open in another tab. Try again in a few minutes."
        ),
        "{page}"
    );
    assert_eq!(pages(&app)[1..], [(4900, "open".to_owned())]);
}
