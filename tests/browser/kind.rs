//! Kind to keyboard users, and unaffected by the page around it.
use crate::Page;
use checkout_tests::COURSE;

const GOOD: &str = "4242424242424242";

#[tokio::test(flavor = "multi_thread")]
async fn the_focus_goes_where_the_next_step_is() {
    let page = Page::open("focus", COURSE).await;
    page.is_ready().await;
    page.eval("root.querySelector('button').focus()").await;
    page.type_keys("\u{e007}").await;
    page.form_is_open().await;
    page.focus_is("input[name=email]").await;
    page.fill("ada@example.com", "4000000000009995").await;
    // Enter in the email field presses Pay.
    page.eval("root.querySelector('input[name=email]').focus()").await;
    page.type_keys("\u{e007}").await;
    page.shows("insufficient funds").await;
    page.until("root.activeElement?.textContent.includes('insufficient funds')").await;
    page.fill_card(GOOD).await;
    page.eval("root.querySelector('input[name=email]').focus()").await;
    page.type_keys("\u{e007}").await;
    page.has_access().await;
    page.focus_is("h2, h3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_stylesheet_and_another_direction_change_nothing() {
    let page = Page::open("hostile", COURSE).await;
    page.eval(
        "const sheet = new CSSStyleSheet();
         sheet.replaceSync(`redis-checkout { display: none !important; font: 60px cursive !important }
           button, input, form, label { all: unset !important; display: none !important }`);
         document.adoptedStyleSheets = [sheet];
         document.documentElement.dir = 'rtl';",
    )
    .await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.screenshot("form").await;
    let size = page.eval("return getComputedStyle(root.querySelector('input[name=email]')).fontSize").await;
    assert!(size.as_str().unwrap().trim_end_matches("px").parse::<f64>().unwrap() < 30.0, "{size}");
    page.press("Pay $49.00").await;
    page.has_access().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_asks_for_the_contents_width_gets_a_card() {
    let page = Page::open("width", COURSE).await;
    page.shows("$49.00").await;
    for style in ["display:flex", "display:grid;justify-items:center", "float:left", "width:fit-content"] {
        page.eval(&format!("element.parentElement.style.cssText = '{style}'")).await;
        let width = page.eval("return element.getBoundingClientRect().width").await;
        assert!(width.as_f64().unwrap() > 200.0, "{style}: {width}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_while_the_form_is_open_costs_one_more_press() {
    let mut page = Page::open("restart", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.app.stop().await;
    page.press("Pay $49.00").await;
    page.alerts().await;
    page.app.start_app_again().await;
    page.press("Pay $49.00").await;
    page.has_access().await;
    assert_eq!(page.app.sandbox.stripe().charges_succeeded().len(), 1);
}
