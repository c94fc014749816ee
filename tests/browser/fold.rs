//! Whoever presses the button can pay without scrolling: on a laptop all of the form is in view, on a phone its
//! beginning and Pay.
use crate::Page;
use checkout_tests::COURSE;
use serde_json::{Value, json};

const LIVE: &str = "ru-live";

/// Sets the size of the viewport in CSS pixels.
async fn resize(page: &Page, width: u32, height: u32) {
    let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
    page.emulate("Emulation.setDeviceMetricsOverride", metrics).await;
}

/// Opens the form at this size, and waits until it has stopped moving.
async fn form(name: &'static str, sku: &str, width: u32, height: u32) -> Page {
    let page = Page::open(name, sku).await;
    resize(&page, width, height).await;
    page.press_purchase().await;
    page.card_form_is_shown().await;
    page.until(
        "(window.before = window.now, window.now = element.getBoundingClientRect().top, window.before === window.now)",
    )
    .await;
    page
}

/// The top and the bottom of what `expression` finds, in pixels of the viewport.
async fn edges(page: &Page, expression: &str) -> (f64, f64) {
    let found = page
        .eval(&format!(
            "const {{ top, bottom }} = ({expression}).getBoundingClientRect(); return [top, bottom]"
        ))
        .await;
    let edge = |n: usize| found.get(n).and_then(Value::as_f64).expect("a number");
    (edge(0), edge(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_laptop_all_of_the_form_is_in_view() {
    for (name, sku) in [("fold_course", COURSE), ("fold_live", LIVE)] {
        let page = form(name, sku, 1280, 800).await;
        page.screenshot("laptop").await;
        let (top, bottom) = edges(&page, "root.querySelector('.card')").await;
        assert!(top >= 0.0 && bottom <= 800.0, "{sku}: from {top} to {bottom} of 800");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_phone_the_price_the_email_the_card_and_pay_are_in_view() {
    for (name, sku) in [("fold_phone_course", COURSE), ("fold_phone_live", LIVE)] {
        let page = form(name, sku, 360, 740).await;
        page.screenshot("phone").await;
        let (bar, bottom) = edges(&page, "root.querySelector('.pay')").await;
        assert!(bottom <= 740.0, "{sku}: Pay ends at {bottom} of 740");
        for part in [".price", "input[name=email]"] {
            let (top, bottom) = edges(&page, &format!("root.querySelector({part:?})")).await;
            assert!(top >= 0.0 && bottom <= bar, "{sku}: {part} from {top} to {bottom}, Pay at {bar}");
        }
        // The first line of Stripe's form, which is a label and a field.
        let (top, _) = edges(&page, "element.querySelector('[slot=payment] iframe')").await;
        assert!(top + 72.0 <= bar, "{sku}: Stripe's form at {top}, Pay at {bar}");
        // On a small phone, too, it stays at the bottom, over the form.
        resize(&page, 360, 560).await;
        page.screenshot("small-phone").await;
        let (_, form) = edges(&page, "root.querySelector('.form')").await;
        let (_, bottom) = edges(&page, "root.querySelector('.pay')").await;
        assert!(
            (558.0..=560.0).contains(&bottom) && form > 560.0,
            "{sku}: Pay at {bottom}, the form to {form}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dialog_has_two_columns_on_a_laptop_and_fills_a_phone() {
    let page = Page::open("fold_dialog", COURSE).await;
    page.eval("element.setAttribute('variant', 'button')").await;
    page.until("root.querySelector('.price').checkVisibility() && getComputedStyle(root.querySelector('.head')).display === 'none'").await;
    page.press_purchase().await;
    page.card_form_is_shown().await;
    resize(&page, 1280, 800).await;
    page.screenshot("laptop").await;
    let left = page
        .eval("return root.querySelector('.head').getBoundingClientRect().right <= root.querySelector('.form').getBoundingClientRect().left")
        .await;
    assert_eq!(left, true, "the offering is beside the form");
    let (top, bottom) = edges(&page, "root.querySelector('.card')").await;
    assert!(top >= 0.0 && bottom <= 800.0, "from {top} to {bottom} of 800");
    resize(&page, 360, 740).await;
    page.screenshot("phone").await;
    let card = page
        .eval("const { x, y, width, height } = root.querySelector('.card').getBoundingClientRect(); return [x, y, width, height]")
        .await;
    assert_eq!(card, json!([0, 0, 360, 740]));
    let (_, bottom) = edges(&page, "root.querySelector('.pay')").await;
    assert!(bottom <= 740.0, "Pay ends at {bottom} of 740");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_can_style_the_element_while_its_form_is_open() {
    let page = Page::open("fold_state", COURSE).await;
    page.is_ready().await;
    let open = "element.matches(':state(form)')";
    assert_eq!(page.eval(&format!("return {open}")).await, false);
    page.press_purchase().await;
    page.form_is_open().await;
    assert_eq!(page.eval(&format!("return {open}")).await, true);
    page.press("Cancel").await;
    page.until(&format!("!{open}")).await;
}
