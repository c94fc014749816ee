//! The element on somebody else's page: events, attributes, several at once, added and removed.
use crate::Page;
use checkout_tests::COURSE;

const AUTHENTICATED: &str = "4000002500003155";

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_the_page_and_never_the_email() {
    let page = Page::open("events", COURSE).await;
    page.eval(
        "window.heard = []; for (const name of ['ready', 'opened', 'paying', 'paid', 'granted', 'error'])
           document.addEventListener('redis-checkout:' + name, e => heard.push([name, JSON.stringify(e.detail)]));",
    )
    .await;
    page.press_purchase().await;
    page.fill("ada@example.com", "4242424242424242").await;
    page.press("Pay $49.00").await;
    page.until("window.heard.some(([name]) => name === 'granted')").await;
    let heard = page.eval("return window.heard").await;
    let names: Vec<_> = heard.as_array().unwrap().iter().map(|event| event[0].as_str().unwrap()).collect();
    for name in ["opened", "paying", "paid", "granted"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let text = heard.to_string();
    assert!(text.contains("ru-course") && text.contains("RU-"), "{text}");
    assert!(!text.contains("ada@") && !text.contains("pu_") && !text.contains("_secret_"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sku_takes_effect() {
    let page = Page::open("attribute", COURSE).await;
    page.shows("$49.00").await;
    page.eval("element.setAttribute('sku', 'ru-jp')").await;
    page.shows("¥4,900").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_sku_leaves_a_message_and_the_link() {
    let page = Page::open("unknown_sku", "ru-none").await;
    page.until("root && root.querySelector('slot:not([name])')").await;
    page.until("element.querySelector('a').checkVisibility()").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mounted_and_removed_many_times_leaves_nothing() {
    let page = Page::open("many_times", COURSE).await;
    page.press_purchase().await;
    page.form_is_open().await;
    for _ in 0..20 {
        page.eval("window.kept = element; window.place = element.parentNode; element.remove();").await;
        page.until("!window.kept.isConnected && !window.kept.shadowRoot.querySelector('.main')").await;
        page.eval("window.place.append(window.kept)").await;
        page.is_ready().await;
    }
    page.press_purchase().await;
    page.fill("ada@example.com", "4242424242424242").await;
    page.press("Pay $49.00").await;
    page.has_access().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_that_comes_back_in_the_middle_of_a_payment_goes_on_with_it() {
    let page = Page::open("comes_back", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", AUTHENTICATED).await;
    page.press("Pay $49.00").await;
    page.bank_asks().await;
    page.eval("window.kept = element; window.place = element.parentNode; element.remove();").await;
    page.until("!window.kept.shadowRoot.querySelector('.main')").await;
    page.eval("window.place.append(window.kept)").await;
    page.shows("Checking your payment").await;
    page.authenticate("complete").await;
    page.shows("You're in").await;
    assert_eq!(page.app.sandbox.stripe().charges_succeeded().len(), 1);
    assert_eq!(page.app.sandbox.stripe().intents().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sku_and_back_in_the_middle_of_a_payment_goes_on_with_it() {
    let page = Page::open("sku_and_back", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", AUTHENTICATED).await;
    page.press("Pay $49.00").await;
    page.bank_asks().await;
    page.eval("element.setAttribute('sku', 'ru-jp')").await;
    page.shows("¥4,900").await;
    page.eval("element.setAttribute('sku', 'ru-course')").await;
    page.shows("Checking your payment").await;
    page.authenticate("complete").await;
    page.shows("You're in").await;
    assert_eq!(page.app.sandbox.stripe().charges_succeeded().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_that_goes_while_its_seat_is_being_held_gives_it_back() {
    let page = Page::open("gone_while_opening", COURSE).await;
    page.eval(
        "document.addEventListener('redis-checkout:ready', e => { if (e.detail.sku === 'ru-live') window.live = true });
         element.setAttribute('sku', 'ru-live')",
    )
    .await;
    page.until("window.live").await;
    page.eval("root.querySelector('[data-press]').click(); element.remove()").await;
    page.until(
        "performance.getEntriesByType('resource').some(e => e.name.includes('/v1/purchases/') && e.responseEnd)",
    )
    .await;
    let offering = page.app.get("/v1/offerings/ru-live").await.json();
    assert_eq!(offering["seats"]["left"], offering["seats"]["capacity"]);
}
