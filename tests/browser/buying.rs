//! A learner buys, whatever happens along the way.
use crate::Page;
use crate::pictures::look;
use checkout_tests::{COURSE, TestApp};
use sandbox::{FlockJayFault, Misbehaviour, StripeFault};

const GOOD: &str = "4242424242424242";

#[tokio::test(flavor = "multi_thread")]
async fn pay_pressed_twice_charges_once() {
    let page = Page::open("pressed_twice", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.until(
        "[...root.querySelectorAll('button')].some(b => b.textContent.includes('Pay $49.00') && !b.disabled)",
    )
    .await;
    page.eval(
        "const pay = [...root.querySelectorAll('button')].find(b => b.textContent.includes('Pay $49.00')); pay.click(); pay.click();",
    )
    .await;
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pays_twice_in_one_browser_is_asked_before_money_moves() {
    let page = Page::open("bought_before", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.is_in("ada@example.com").await;
    let stored = page.eval("return JSON.stringify(localStorage)").await.to_string();
    assert!(stored.contains("bought") && !stored.contains("ada") && !stored.contains(COURSE), "{stored}");
    let stripe = page.app.sandbox.stripe();
    let address = format!("{}/courses/{COURSE}", page.app.sandbox.course_url());
    // Someone else at the same browser isn't asked, and learns nothing.
    page.go_in_another_tab(&address).await;
    page.press_purchase().await;
    page.fill("grace@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.shows("You're in").await;
    page.go_in_another_tab(&address).await;
    page.press_purchase().await;
    page.fill("Ada@Example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.shows("This was already bought with this email address. You haven't been charged.").await;
    page.focus_is("[data-focus=note]").await;
    assert_eq!(stripe.intents().len(), 2, "nothing has started at Stripe");
    look(&page, "1-asked").await;
    page.press("Pay $49.00").await;
    page.shows("You're in").await;
    assert_eq!(stripe.charges_succeeded().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_pay_asks_for_no_card() {
    let page = Page::open("nothing_to_pay", "ru-free").await;
    page.until("root && [...root.querySelectorAll('button')].some(b => b.checkVisibility() && !b.disabled)")
        .await;
    page.eval("[...root.querySelectorAll('button')].find(b => b.checkVisibility() && !b.disabled).click()")
        .await;
    page.form_is_open().await;
    let email = "root.querySelector('input[name=email]')";
    page.eval(&format!(
        "{email}.value = 'ada@example.com'; {email}.dispatchEvent(new Event('input', {{ bubbles: true }}));"
    ))
    .await;
    page.eval("root.querySelector('form').requestSubmit()").await;
    page.has_access().await;
    assert!(page.app.sandbox.stripe().intents().is_empty());
    assert_eq!(page.app.sandbox.flockjay().active_grants().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_is_offered_where_the_setting_says_so_and_explained() {
    let offers = "return !document.getElementById('tab-voucher').hidden";
    let page = Page::open("no_voucher", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    assert_eq!(page.in_stripes_frame(offers).await, false);
    drop(page);
    let app = TestApp::with(&["--payment-methods=all"]).await;
    let page = Page::open_on("voucher", COURSE, app).await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    assert_eq!(page.in_stripes_frame(offers).await, true);
    page.in_stripes_frame("document.getElementById('tab-voucher').click()").await;
    page.press("Pay $49.00").await;
    page.until("document.querySelector('[data-stripe-voucher] button')").await;
    page.eval("document.querySelector('[data-stripe-voucher] button').click()").await;
    page.shows("Your payment is being processed").await;
    page.shows("If you chose a voucher or bank transfer").await;
    look(&page, "1-voucher").await;
    let intent = page.app.sandbox.stripe().intents()[0]["id"].as_str().unwrap().to_owned();
    page.app.sandbox.stripe().settle(&intent, true).unwrap();
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_that_is_none_is_said_at_the_field() {
    let page = Page::open("invalid_email", COURSE).await;
    page.press_purchase().await;
    page.fill("ada", GOOD).await;
    page.press("Pay $49.00").await;
    page.until("root.querySelector('input[name=email]').getAttribute('aria-invalid') === 'true'").await;
    page.until("root.activeElement === root.querySelector('input[name=email]')").await;
    assert!(page.app.sandbox.stripe().intents().is_empty());
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn access_that_takes_longer_is_said_and_comes() {
    let page = Page::open("access_pending", COURSE).await;
    page.app.sandbox.flockjay().fault(FlockJayFault::new(Misbehaviour::Down));
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.shows("on its way").await;
    page.app.sandbox.flockjay().clear_faults();
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_away_is_said_and_tried_again() {
    let page = Page::open("stripe_away", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.app.sandbox.stripe().fault(StripeFault::new(Misbehaviour::Down));
    page.press("Pay $49.00").await;
    page.shows("haven't been charged").await;
    page.app.sandbox.stripe().clear_faults();
    page.press("Pay $49.00").await;
    page.has_access().await;
    assert_eq!(page.app.sandbox.stripe().charges_succeeded().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_closed_meanwhile_is_said() {
    let page = Page::open("closed_meanwhile", COURSE).await;
    page.is_ready().await;
    let close = |text: &str| {
        text.replacen("id = \"101\" }", "id = \"101\" }\nsale_closes_at = 2020-01-01T00:00:00Z", 1)
    };
    page.app.change_catalog(close).await;
    page.press_purchase().await;
    page.shows("closed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_changed_before_opening_is_shown_before_anything_is_charged() {
    let page = Page::open("price_changed", COURSE).await;
    page.shows("$49.00").await;
    page.app.change_catalog(|text| text.replacen("amount = 4900", "amount = 5900", 1)).await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $59.00").await;
    page.is_in("ada@example.com").await;
    assert_eq!(page.app.sandbox.stripe().intents()[0]["amount"], 5900);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_ran_out_starts_again_with_one_press() {
    let app = TestApp::with(&["--hold-seconds=2"]).await;
    let page = Page::open_on("hold_ran_out", COURSE, app).await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    let purchase_over = "root.textContent.includes('timed out')";
    // On a slow machine filling in the form takes longer than the hold, and the widget may have said so already.
    if page.eval(&format!("return {purchase_over}")).await != true {
        page.eval("setTimeout(() => root.querySelector('form')?.requestSubmit(), 2500)").await;
    }
    page.until(purchase_over).await;
    assert!(page.app.sandbox.stripe().charges_succeeded().is_empty());
}

/// A server during a card-testing attack, and a course page whose visitor comes through a proxy.
async fn while_cards_are_tested(name: &'static str, challenges: bool) -> Page {
    let mut app = TestApp::with(&["--trusted-proxies=127.0.0.1", "--limit-decline-run=1/1h"]).await;
    let address = app.base().trim_start_matches("http://").to_owned();
    let proxy = crate::proxy::start(app.base(), "192.0.2.5").await;
    let mut flags = vec![format!("--listen={address}"), format!("--public-url={proxy}")];
    if challenges {
        flags.extend(app.challenge_flags());
    }
    app.restart_with(&flags).await;
    app.sandbox.connect(&proxy);
    app.declined_as("192.0.2.1", "bot@example.com").await;
    Page::open_on(name, COURSE, app).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_to_be_human_pays_while_cards_are_tested() {
    let page = while_cards_are_tested("human", true).await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.shows("confirm that you're human").await;
    page.until("element.querySelector('[slot=challenge] button')?.checkVisibility()").await;
    look(&page, "challenge").await;
    page.eval("element.querySelector('[slot=challenge] button').click()").await;
    page.has_access().await;
    page.until("!element.querySelector('[slot=challenge]')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_tries_say_how_long_to_wait() {
    let page = while_cards_are_tested("limited", false).await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.shows("Wait an hour, or use another network. You haven't been charged.").await;
    look(&page, "wait").await;
}
