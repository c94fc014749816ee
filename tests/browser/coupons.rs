//! A code that lowers the price: typed or supplied by the page, refused, applied in place, and removed again.
use crate::Page;
use crate::pictures::look;
use checkout_tests::{COURSE, TestApp, percent_off};
use serde_json::json;

const GOOD: &str = "4242424242424242";
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const FIELD: &str = "#code";
const BUTTON: &str = "[data-press=redeem]";

/// A server that knows SAVE20, OVER, ALL and TINY.
async fn with_coupons(flags: &[&str]) -> TestApp {
    let app = TestApp::with(flags).await;
    let mut over = percent_off("OVER", 20);
    over.valid_until = Some(shared::Timestamp::from_millis(0));
    for coupon in [percent_off("SAVE20", 20), over, percent_off("ALL", 100), percent_off("TINY", 99)] {
        app.add_coupon(&coupon).await;
    }
    app
}

async fn course(name: &'static str) -> Page {
    Page::open_on(name, COURSE, with_coupons(&[]).await).await
}

/// Opens the field, empties it and types `code`.
async fn type_code(page: &Page, code: &str) {
    if page.eval("return root.querySelector('#code').checkVisibility()").await != true {
        page.press("Add code").await;
    }
    page.focus_is(FIELD).await;
    page.eval("root.querySelector('#code').select()").await;
    page.type_keys(code).await;
}

/// Asserts that the error is shown at the focused field, and announced to screen readers.
async fn is_refused(page: &Page, said: &str) {
    page.shows(said).await;
    page.focus_is(FIELD).await;
    let told = page
        .eval(
            "const field = root.querySelector('#code');
             return [field.getAttribute('aria-invalid'), root.querySelector('#' + field.getAttribute('aria-describedby')).textContent,
                 root.querySelector('[role=status]').textContent]",
        )
        .await;
    assert_eq!(told, json!(["true", said, said]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_lowers_the_price_of_the_form_that_is_open_and_stripe_takes_that() {
    let page = course("code_applied").await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.eval("window.frame = element.querySelector('[slot=payment] iframe')").await;
    look(&page, "1-closed").await;
    type_code(&page, "save20").await;
    look(&page, "2-open").await;
    page.press("Apply").await;
    page.shows("Pay $39.20").await;
    page.shows("List price").await;
    page.shows("−$9.80").await;
    page.focus_is(BUTTON).await;
    assert_eq!(
        page.eval("return root.querySelector('[role=status]').textContent.replace(/[\\s\u{200e}]+/g, ' ')")
            .await,
        "List price $49.00 Discount −$9.80 Total $39.20 Pay $39.20"
    );
    look(&page, "3-applied").await;
    assert_eq!(
        page.eval("return window.frame === element.querySelector('[slot=payment] iframe')").await,
        true,
        "the card that was typed is still there"
    );
    page.press("Pay $39.20").await;
    page.is_in("ada@example.com").await;
    assert_eq!(page.app.sandbox.stripe().intents()[0]["amount"], 3920);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_taken_off_and_the_whole_price_is_due_again() {
    let page = course("code_removed").await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    type_code(&page, "SAVE20").await;
    page.press("Apply").await;
    page.press("Remove SAVE20").await;
    page.shows("Pay $49.00").await;
    page.focus_is(BUTTON).await;
    page.shows("Add code").await;
    assert_eq!(page.eval("return root.querySelector('.sums').checkVisibility()").await, false);
    page.press("Pay $49.00").await;
    page.is_in("ada@example.com").await;
    assert_eq!(page.app.sandbox.stripe().intents()[0]["amount"], 4900);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_code_says_what_is_wrong_and_another_may_follow() {
    let page = course("code_refused").await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    for (code, said) in [
        ("NONE", "We don't recognize that code."),
        ("7K3M-92QF-ABCD-EFGJ", "That code has a typo. Check it and try again."),
        ("OVER", "That code has expired."),
        ("TINY", "That code brings the price below the minimum card charge."),
    ] {
        type_code(&page, code).await;
        page.press("Apply").await;
        is_refused(&page, said).await;
    }
    look(&page, "1-refused").await;
    type_code(&page, "SAVE20").await;
    page.until("!root.querySelector('#code-fault').textContent").await;
    // Pay applies the code first, and charges only a total that was shown.
    page.press("Pay $49.00").await;
    page.shows("Pay $39.20").await;
    assert!(page.app.sandbox.stripe().intents().is_empty());
    page.press("Pay $39.20").await;
    // (No check of the console: the browser logs every refusal there.)
    page.shows("You're in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_all_of_it_needs_no_card_until_it_is_taken_off() {
    let page = course("code_for_all").await;
    page.press_purchase().await;
    page.card_form_is_shown().await;
    type_code(&page, "ALL").await;
    page.press("Apply").await;
    page.shows("Get access").await;
    page.until("!element.querySelector('[slot=payment] iframe').checkVisibility()").await;
    look(&page, "1-free").await;
    page.press("Remove ALL").await;
    page.shows("Pay $49.00").await;
    page.card_form_is_shown().await;
    type_code(&page, "ALL").await;
    page.press("Apply").await;
    page.shows("Get access").await;
    page.form_is_open().await;
    page.eval("root.querySelector('input[name=email]').focus()").await;
    page.type_keys("ada@example.com").await;
    page.press("Get access").await;
    page.shows("Start learning").await;
    assert!(page.app.sandbox.stripe().intents().is_empty());
    assert_eq!(page.app.sandbox.flockjay().active_grants().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_brings_a_code_by_its_address_or_the_element_which_wins() {
    let page = course("code_brought").await;
    let course = format!("{}/courses/{COURSE}", page.app.sandbox.course_url());
    page.go(&format!("{course}?utm=x&coupon=save%2020")).await;
    page.press_purchase().await;
    page.shows("Pay $39.20").await;
    page.focus_is("[data-focus=email]").await;
    // Stripe's form is hidden at first, since nothing is due.
    page.eval("element.setAttribute('coupon', 'ALL')").await;
    page.shows("Get access").await;
    assert_eq!(page.eval("return Boolean(element.querySelector('[slot=payment]'))").await, false);
    page.press("Remove ALL").await;
    page.shows("Pay $49.00").await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brought_code_that_is_refused_stops_nobody() {
    let page = course("code_brought_refused").await;
    page.go(&format!("{}/courses/{COURSE}?coupon=OVER", page.app.sandbox.course_url())).await;
    page.press_purchase().await;
    is_refused(&page, "That code has expired.").await;
    assert_eq!(page.eval("return root.querySelector('#code').value").await, "OVER");
    look(&page, "form").await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    // (No check of the console: the browser logs every refusal there.)
    page.shows("You're in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_comes_with_a_code_opens_what_is_sold_out() {
    let app = with_coupons(&[]).await;
    let mut seat = percent_off("SEAT", 100);
    seat.brings_seat = true;
    app.add_coupon(&seat).await;
    let other = app.open("ru-live").await;
    let page = Page::open_on("code_with_seat", "ru-live", app).await;
    page.shows("Sold out").await;
    page.press("Add code").await;
    for (code, said) in [
        ("NONE", "We don't recognize that code."),
        ("SAVE20", "That code doesn't include a seat, and none are left."),
    ] {
        type_code(&page, code).await;
        page.press("Apply").await;
        is_refused(&page, said).await;
    }
    look(&page, "1-refused").await;
    type_code(&page, &format!("SEAT{ENTER}")).await;
    page.shows("Get access").await;
    page.focus_is("[data-focus=email]").await;
    page.shows("We're holding your seat").await;
    look(&page, "2-form").await;
    page.press("Cancel").await;
    page.shows("Sold out").await;
    page.press("Apply").await;
    page.shows("Get access").await;
    page.eval("root.querySelector('input[name=email]').focus()").await;
    page.type_keys(&format!("ada@example.com{ENTER}")).await;
    page.shows("Start learning").await;
    page.app.delete(&format!("/v1/purchases/{other}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_by_the_keyboard_alone() {
    let page = course("code_keys").await;
    page.press_purchase().await;
    page.card_form_is_shown().await;
    page.focus_is("[data-focus=email]").await;
    page.type_keys(&format!("ada@example.com{TAB}")).await;
    page.focus_is(BUTTON).await;
    page.type_keys(ENTER).await;
    page.focus_is(FIELD).await;
    // Neither an empty field nor a wrong code triggers a payment.
    page.type_keys(ENTER).await;
    page.type_keys(&format!("NONE{ENTER}")).await;
    is_refused(&page, "We don't recognize that code.").await;
    page.eval("root.querySelector('#code').select()").await;
    page.type_keys(&format!("SAVE20{ENTER}")).await;
    page.shows("Pay $39.20").await;
    page.focus_is(BUTTON).await;
    page.type_keys(ENTER).await;
    page.shows("Pay $49.00").await;
    page.focus_is(BUTTON).await;
    assert!(page.app.sandbox.stripe().intents().is_empty());
}
