//! Nothing is lost by a reload: the learner's own seat is still theirs, and what was paid stays paid.
use crate::Page;
use crate::pictures::look;
use checkout_tests::COURSE;
use serde_json::json;

const LIVE: &str = "ru-live";
const GOOD: &str = "4242424242424242";

/// What the tab keeps for the element.
async fn kept(page: &Page) -> serde_json::Value {
    page.eval("return Object.keys(sessionStorage)").await
}

async fn reload(page: &Page) {
    page.driver.refresh().await.expect("the page");
    page.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_last_seat_is_still_there() {
    let page = Page::open("reload_held", LIVE).await;
    page.press_purchase().await;
    page.shows("We're holding your seat").await;
    assert_eq!(kept(&page).await, json!([format!("redis-checkout:{LIVE}")]));
    reload(&page).await;
    page.shows("Welcome back.").await;
    page.shows("Your seat is reserved").await;
    look(&page, "welcome-back").await;
    let stripe = "performance.getEntriesByType('resource').some(e => e.name.includes('stripe'))";
    assert_eq!(page.eval(&format!("return {stripe}")).await, false, "Stripe waits for the press");
    page.press("Continue").await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $490.00").await;
    page.is_in("ada@example.com").await;
    let left = page.app.get(&format!("/v1/offerings/{LIVE}")).await.json();
    assert_eq!(left["seats"]["left"], 0, "one seat was sold, and none is held besides");
    reload(&page).await;
    page.has_access().await;
    page.shows("Your seat is confirmed.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_the_reload_cut_off_is_made_once() {
    let page = Page::open("reload_paying", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", "4000002500003155").await;
    page.press("Pay $49.00").await;
    page.bank_asks().await;
    reload(&page).await;
    page.press("Continue").await;
    page.shows("It's safe to try again").await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.has_access().await;
    let stripe = page.app.sandbox.stripe();
    assert_eq!((stripe.intents().len(), stripe.charges_succeeded().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_purchase_is_forgotten_and_storage_is_not_needed() {
    let page = Page::open("reload_cancelled", LIVE).await;
    page.press_purchase().await;
    page.form_is_open().await;
    page.press("Cancel").await;
    page.shows("Reserve a seat").await;
    assert_eq!(kept(&page).await, json!([]));
    page.eval("Object.defineProperty(window, 'sessionStorage', { get() { throw new Error('no storage') } })")
        .await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $490.00").await;
    page.has_access().await;
}
