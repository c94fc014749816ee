//! States that pass quickly or are rare, each held long enough to look at.
use crate::Page;
use crate::pictures::look;
use checkout_tests::{COURSE, TestApp};
use sandbox::{FlockJayFault, Misbehaviour, StripeFault};

const GOOD: &str = "4242424242424242";
const AUTHENTICATED: &str = "4000002500003155";
const SETTLES_LATER: &str = "4000000007777776";

/// Pays with `card` on a page that sells the course.
async fn pay(page: &Page, card: &str) {
    page.press_purchase().await;
    page.fill("ada@example.com", card).await;
    page.press("Pay $49.00").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_paying_and_confirming() {
    let page = Page::open("slow", COURSE).await;
    page.wake().await;
    hold_answers(&page).await;
    page.press_purchase().await;
    page.until("root.querySelector('[data-press=purchase]').getAttribute('aria-busy') === 'true'").await;
    look(&page, "1-opening").await;
    release_answers(&page).await;
    page.fill("ada@example.com", GOOD).await;
    hold_answers(&page).await;
    page.press("Pay $49.00").await;
    page.shows("Paying…").await;
    look(&page, "2-paying").await;
    release_answers(&page).await;
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_d_secure_and_what_follows() {
    let page = Page::open("authentication", COURSE).await;
    pay(&page, AUTHENTICATED).await;
    page.bank_asks().await;
    look(&page, "1-asked").await;
    page.authenticate("fail").await;
    page.focus_is("[data-focus=note]").await;
    look(&page, "2-failed").await;
    page.fill_card(AUTHENTICATED).await;
    page.press("Pay $49.00").await;
    page.bank_asks().await;
    hold_answers(&page).await;
    page.authenticate("complete").await;
    page.shows("Confirming your payment").await;
    page.focus_is("[data-focus=heading]").await;
    look(&page, "3-confirming").await;
    release_answers(&page).await;
    page.is_in("ada@example.com").await;
    page.focus_is("[data-focus=heading]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_changed_and_a_card_left_empty() {
    let page = Page::open("form_says", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", "4242").await;
    page.press("Pay $49.00").await;
    page.shows("Your card number is incomplete").await;
    look(&page, "1-incomplete").await;
    page.fill_card(GOOD).await;
    say_that_the_price_changed(&page).await;
    page.press("Pay $49.00").await;
    page.shows("The price is now $49.00").await;
    page.focus_is("[data-focus=note]").await;
    look(&page, "2-price-changed").await;
    page.app.sandbox.stripe().fault(StripeFault::new(Misbehaviour::Down));
    page.press("Pay $49.00").await;
    page.shows("couldn't reach our payment provider").await;
    page.focus_is("[data-focus=note]").await;
    look(&page, "3-payments-away").await;
    page.app.sandbox.stripe().clear_faults();
    page.press("Pay $49.00").await;
    page.shows("You're in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wasm_that_is_refused() {
    let page = Page::open("refused_wasm", COURSE).await;
    page.go(&format!("{}/courses/{COURSE}?wasm=no", page.app.sandbox.course_url())).await;
    page.press_purchase().await;
    page.shows("Continue on our checkout page").await;
    look(&page, "offer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_it_from_opening() {
    let mut page = Page::open("not_opened", COURSE).await;
    page.wake().await;
    page.app.stop().await;
    page.press_purchase().await;
    page.shows("We couldn't start checkout").await;
    page.focus_is("[data-focus=heading]").await;
    look(&page, "server-away").await;
    page.app.start_app_again().await;
    page.press("Try again").await;
    page.focus_is("[data-focus=email]").await;
    page.press("Cancel").await;
    page.focus_is("[data-focus=purchase]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_ended_before_the_press() {
    let page = Page::open("closed_since", COURSE).await;
    page.wake().await;
    let close = |text: &str| {
        text.replacen("id = \"101\" }", "id = \"101\" }\nsale_closes_at = 2020-01-01T00:00:00Z", 1)
    };
    page.app.change_catalog(close).await;
    page.press_purchase().await;
    page.shows("Sales have closed.").await;
    page.focus_is("[data-focus=title]").await;
    look(&page, "offer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_minute_of_a_hold() {
    let app = TestApp::with(&["--hold-seconds=50"]).await;
    let page = Page::open_on("last_minute", "ru-live", app).await;
    page.press_purchase().await;
    page.shows("We're holding your seat for 0:").await;
    look(&page, "hold").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_settles_later_and_a_server_that_is_away() {
    let mut page = Page::open("settles_later", COURSE).await;
    pay(&page, SETTLES_LATER).await;
    page.shows("is being processed").await;
    page.focus_is("[data-focus=heading]").await;
    look(&page, "1-processing").await;
    page.app.stop().await;
    page.shows("Waiting for the connection").await;
    look(&page, "2-waiting").await;
    page.app.start_app_again().await;
    let intent = page.app.sandbox.stripe().intents()[0]["id"].as_str().expect("an id").to_owned();
    page.app.sandbox.stripe().settle(&intent, true).expect("a payment");
    page.shows("You're in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_is_refunded_before_its_access_came() {
    let page = Page::open("refunded", COURSE).await;
    page.app.sandbox.flockjay().fault(FlockJayFault::new(Misbehaviour::Down));
    pay(&page, GOOD).await;
    page.shows("Payment received").await;
    look(&page, "1-paid").await;
    let stripe = page.app.sandbox.stripe();
    let intent = stripe.intents()[0]["id"].as_str().expect("an id").to_owned();
    stripe.refund(&intent, None).expect("a refund");
    page.shows("This purchase was refunded").await;
    page.focus_is("[data-focus=heading]").await;
    look(&page, "2-refunded").await;
    page.app.sandbox.flockjay().clear_faults();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_has_ended_elsewhere() {
    let page = Page::open("ended", COURSE).await;
    pay(&page, "4000000000009995").await;
    page.shows("insufficient funds").await;
    let path = page
        .eval(
            "return performance.getEntriesByType('resource').map(e => new URL(e.name).pathname)
                 .find(path => path.endsWith('/pay'))",
        )
        .await;
    let purchase = path.as_str().expect("a press of Pay").trim_end_matches("/pay");
    page.app.delete(purchase).await.expect(200);
    page.fill_card(GOOD).await;
    page.press("Pay $49.00").await;
    page.shows("This purchase has ended").await;
    page.focus_is("[data-focus=heading]").await;
    look(&page, "panel").await;
    page.press("Start again").await;
    page.focus_is("[data-focus=purchase]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_right_to_the_left() {
    let page = Page::open("hebrew", "ru-live").await;
    page.eval("element.setAttribute('lang', 'he')").await;
    page.until("root.querySelector('.card')?.dir === 'rtl'").await;
    page.wake().await;
    page.eval("root.querySelector('[data-press=purchase]').click()").await;
    page.fill("ada", "4000000000009995").await;
    page.eval("root.querySelector('form').requestSubmit()").await;
    page.focus_is("[data-focus=email]").await;
    look(&page, "1-email").await;
    page.fill("ada@example.com", "4000000000009995").await;
    page.eval("root.querySelector('form').requestSubmit()").await;
    page.focus_is("[data-focus=note]").await;
    look(&page, "2-declined").await;
    page.fill_card(GOOD).await;
    page.eval("root.querySelector('form').requestSubmit()").await;
    page.has_access().await;
    page.focus_is("[data-focus=heading]").await;
    look(&page, "3-granted").await;
}

/// Holds back every answer of our server until released.
async fn hold_answers(page: &Page) {
    let base = page.app.base();
    page.eval(&format!(
        "const fetch = window.fetch;
         const released = new Promise(resolve => {{ window.release = () => {{ window.fetch = fetch; resolve(); }}; }});
         window.fetch = (asked, ...more) => (asked.url ?? String(asked)).startsWith('{base}')
             ? released.then(() => fetch(asked, ...more)) : fetch(asked, ...more);"
    ))
    .await;
}

async fn release_answers(page: &Page) {
    page.eval("window.release()").await;
}

/// Answers the next press of Pay as the server does when the price has changed.
async fn say_that_the_price_changed(page: &Page) {
    page.eval(
        "const fetch = window.fetch;
         const problem = JSON.stringify({ code: 'price_changed', title: '', detail: '', status: 409 });
         const headers = { 'content-type': 'application/problem+json' };
         window.fetch = async (asked, ...more) => {
             if (!(asked.url ?? String(asked)).endsWith('/pay')) return fetch(asked, ...more);
             window.fetch = fetch;
             return new Response(problem, { status: 409, headers });
         };",
    )
    .await;
}
