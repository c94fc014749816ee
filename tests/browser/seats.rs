//! Seats of a live training: shown as they change, and the learner's own for as long as it is held.
use crate::Page;
use crate::pictures::look;
use checkout_tests::TestApp;

const LIVE: &str = "ru-live";
const GOOD: &str = "4242424242424242";

#[tokio::test(flavor = "multi_thread")]
async fn sold_out_comes_and_goes_while_one_looks() {
    let page = Page::open("seats_live", LIVE).await;
    page.shows("Last seat").await;
    page.until("root.querySelector('[data-press]:not([disabled])')").await;
    page.eval(
        "window.told = []; element.addEventListener('redis-checkout:seats', e => told.push(e.detail.left))",
    )
    .await;
    let id = page.app.open(LIVE).await;
    page.shows("Sold out").await;
    look(&page, "sold-out").await;
    page.app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
    page.shows("Reserve a seat").await;
    assert_eq!(page.eval("return window.told").await, serde_json::json!([0, 1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_hold_counts_down_and_is_bought() {
    let page = Page::open("seats_held", LIVE).await;
    page.press_purchase().await;
    page.shows("We're holding your seat").await;
    page.shows("We're holding your seat for 9:").await;
    look(&page, "countdown").await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $490.00").await;
    page.shows("You're in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_runs_out_is_said_and_renewed_with_one_press() {
    let app = TestApp::with(&["--hold-seconds=3"]).await;
    let page = Page::open_on("seats_ran_out", LIVE, app).await;
    page.press_purchase().await;
    page.shows("Your seat hold expired").await;
    look(&page, "ran-out").await;
    page.press("Start again").await;
    page.form_is_open().await;
    page.press("Cancel").await;
    page.shows("Reserve a seat").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_were_left_keep_no_connection() {
    let page = Page::open("left_pages", "ru-live").await;
    let course = page.app.sandbox.course_url().to_owned();
    // More visits than a browser opens connections to one server.
    for visit in 0..8 {
        page.go(&format!("{course}/courses/ru-live?visit={visit}")).await;
        page.wasm_is_requested().await;
        page.is_ready().await;
    }
    page.driver.back().await.expect("a page");
    page.press_purchase().await;
    page.form_is_open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_about_to_end_is_extended_by_one_press() {
    let app = TestApp::with(&["--hold-seconds=45"]).await;
    let page = Page::open_on("seats_extended", LIVE, app).await;
    page.press_purchase().await;
    page.shows("Keep my seat 5 more minutes").await;
    look(&page, "1-ending").await;
    page.press("Keep my seat").await;
    page.shows("We're holding your seat for 5:").await;
    page.focus_is("input[name=email]").await;
    page.until("!root.querySelector('[data-press=extend]').checkVisibility()").await;
    page.fill("ada@example.com", "4242424242424242").await;
    page.press("Pay $490.00").await;
    page.is_in("ada@example.com").await;
}
