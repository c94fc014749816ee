//! The first screen: shown before any WASM loads, and hydrated without a visible change.
use crate::Page;
use checkout_tests::COURSE;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_html_is_hydrated_and_not_made_anew() {
    let page = Page::open("hydrated", COURSE).await;
    page.shows("$49.00").await;
    page.eval("window.first = root.querySelector('article, .card'); window.asked = performance.now();").await;
    page.press_purchase().await;
    page.form_is_open().await;
    assert_eq!(page.eval("return root.contains(window.first)").await, true);
    assert_eq!(page.console().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_js_comes_at_intent_to_buy_and_not_before() {
    let page = Page::open("stripe_js", COURSE).await;
    page.shows("$49.00").await;
    let loaded = "performance.getEntriesByType('resource').some(e => e.name.includes('/v3/'))";
    assert_eq!(page.eval(&format!("return {loaded}")).await, false);
    page.press_purchase().await;
    page.until(loaded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_payment_form_lives_in_the_light_dom_and_nothing_names_the_card_there() {
    let page = Page::open("light_dom", COURSE).await;
    page.press_purchase().await;
    page.until("element.querySelector(':scope > [slot=payment] iframe')").await;
    let frame = page.eval("return new URL(element.querySelector('[slot=payment] iframe').src).origin").await;
    assert_ne!(frame.as_str().unwrap(), page.app.base());
    assert_ne!(frame.as_str().unwrap(), page.app.sandbox.course_url());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosted_page_sells_the_same() {
    let page = Page::open("hosted", COURSE).await;
    let base = page.app.base().to_owned();
    page.go(&format!("{base}/buy/{COURSE}")).await;
    page.press_purchase().await;
    page.fill("ada@example.com", "4242424242424242").await;
    page.press("Pay $49.00").await;
    page.has_access().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_page_sells_by_a_form_where_wasm_is_refused() {
    let page = Page::open("form_without_wasm", COURSE).await;
    page.emulate("Network.enable", json!({})).await;
    page.emulate("Network.setBlockedURLs", json!({ "urls": ["*.wasm"] })).await;
    page.go(&format!("{}/buy/{COURSE}?lang=de", page.app.base())).await;
    page.until("root?.querySelector('[data-press]') && document.querySelector('form').checkVisibility()")
        .await;
    page.screenshot("form").await;
    let ours = page.app.base().to_owned();
    page.eval(
        "const form = document.querySelector('form'); form.querySelector('[name=email]').value = 'ada@example.com';
         form.querySelector('button').click()",
    )
    .await;
    page.until(&format!("location.origin !== '{ours}' && document.body.textContent.includes('49.00')")).await;
    page.screenshot("stripe").await;
}
