//! Buying flows that must work in every browser: Chromium, Firefox and WebKit (`TEST_BROWSER`). `cargo xtask test` runs
//! this module by name.
use crate::Page;
use checkout_tests::COURSE;

const GOOD: &str = "4242424242424242";
const DECLINED: &str = "4000000000009995";
const AUTHENTICATED: &str = "4000002500003155";

#[tokio::test(flavor = "multi_thread")]
async fn with_a_good_card() {
    let page = Page::open("good_card", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_declined_card_and_then_a_good_one() {
    let page = Page::open("declined_card", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", DECLINED).await;
    page.press("Pay $49.00").await;
    page.shows("insufficient funds").await;
    page.focus_is("[data-focus=note]").await;
    page.fill_card(GOOD).await;
    page.press("Pay $49.00").await;
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_3_d_secure_failed_and_then_passed() {
    let page = Page::open("three_d_secure", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", AUTHENTICATED).await;
    page.press("Pay $49.00").await;
    page.authenticate("fail").await;
    page.alerts().await;
    assert!(page.app.sandbox.stripe().charges_succeeded().is_empty());
    page.fill_card(AUTHENTICATED).await;
    page.press("Pay $49.00").await;
    page.authenticate("complete").await;
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_elements_sell_two_offerings_and_the_script_may_come_twice() {
    let page = Page::open("two", COURSE).await;
    let base = page.app.base().to_owned();
    let course_page = page.app.sandbox.course_url().to_owned();
    page.go(&format!("{course_page}/two?a=ru-course&b=ru-jp")).await;
    page.eval(&format!(
        "const s = document.createElement('script'); s.src = '{base}/embed/v1.js'; document.head.append(s);"
    ))
    .await;
    page.until(
        "[...document.querySelectorAll('redis-checkout')].every(e => e.shadowRoot?.querySelector('button'))",
    )
    .await;
    let texts = page
        .eval("return [...document.querySelectorAll('redis-checkout')].map(e => e.shadowRoot.textContent)")
        .await;
    assert!(
        texts[0].as_str().unwrap().contains("$49.00") && texts[1].as_str().unwrap().contains("¥4,900"),
        "{texts}"
    );
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wasm_that_is_refused_leaves_the_first_screen_and_the_link() {
    let page = Page::open("no_wasm", COURSE).await;
    let course_page = page.app.sandbox.course_url().to_owned();
    page.go(&format!("{course_page}/courses/{COURSE}?wasm=no")).await;
    page.shows("$49.00").await;
    page.press_purchase().await;
    page.until("element.querySelector('a').checkVisibility() && root.querySelector('slot')").await;
    page.until("root.querySelector('[data-press=purchase]').getAttribute('aria-busy') === 'false'").await;
    page.shows("Continue on our checkout page").await;
    let link = page.eval("return element.querySelector('a').href").await;
    assert_eq!(link, format!("{}/buy/{COURSE}", page.app.base()));
    // Our own page doesn't refuse WASM, so it sells.
    page.go(link.as_str().unwrap()).await;
    page.shows("$49.00").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn back_from_the_banks_page_tells_how_the_payment_stands() {
    let page = Page::open("back", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", AUTHENTICATED).await;
    page.press("Pay $49.00").await;
    page.bank_asks().await;
    // As if restored from the back/forward cache: what the page waited for never comes.
    page.eval("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))").await;
    page.shows("Checking your payment").await;
    page.shows("Pay $49.00").await;
    page.authenticate("complete").await;
    page.eval("dispatchEvent(new Event('online'))").await;
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_three_hours_off_changes_no_countdown() {
    for (name, hours) in [("clock_behind", -3), ("clock_ahead", 3)] {
        let page = Page::open(name, "ru-live").await;
        page.eval(&format!("const now = Date.now; Date.now = () => now() + {hours} * 3600e3")).await;
        page.press_purchase().await;
        page.shows("We're holding your seat for 9:").await;
        page.press("Cancel").await;
    }
}
