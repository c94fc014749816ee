//! Every state, narrow and wide, light and dark, zoomed and in forced colours: nothing overflows, axe-core finds no
//! barrier, and a screenshot is kept in `test-artifacts/`.
use crate::{Page, axe};
use checkout_tests::COURSE;
use sandbox::{FlockJayFault, Misbehaviour};
use serde_json::json;

/// How to look at the page: its width in CSS pixels, its zoom, and its colours.
struct Look {
    width: u32,
    zoom: u32,
    colours: Colours,
}

#[derive(Clone, Copy)]
enum Colours {
    Light,
    Dark,
    /// Colours that the system forces on every page, as in high-contrast mode.
    Forced,
}

const LOOKS: [Look; 7] = [
    Look { width: 320, zoom: 1, colours: Colours::Light },
    Look { width: 360, zoom: 1, colours: Colours::Light },
    Look { width: 360, zoom: 1, colours: Colours::Dark },
    Look { width: 640, zoom: 2, colours: Colours::Light },
    Look { width: 1280, zoom: 1, colours: Colours::Light },
    Look { width: 1280, zoom: 1, colours: Colours::Dark },
    Look { width: 1280, zoom: 1, colours: Colours::Forced },
];

/// Looks at the checkout in every way. Asserts that it fits and has no barriers.
pub(crate) async fn look(page: &Page, state: &str) {
    look_at(page, axe::CHECKOUT, state).await;
}

/// The same for a whole page of our own.
pub(crate) async fn look_whole(page: &Page, state: &str) {
    look_at(page, "html", state).await;
}

async fn look_at(page: &Page, what: &str, state: &str) {
    for Look { width, zoom, colours } in LOOKS {
        let metrics =
            json!({ "width": width, "height": 900, "deviceScaleFactor": zoom, "mobile": width < 600 });
        page.emulate("Emulation.setDeviceMetricsOverride", metrics).await;
        let (name, scheme, forced) = match colours {
            Colours::Light => ("light", "light", "none"),
            Colours::Dark => ("dark", "dark", "none"),
            Colours::Forced => ("forced", "dark", "active"),
        };
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
            { "name": "forced-colors", "value": forced },
        ] });
        page.emulate("Emulation.setEmulatedMedia", media).await;
        page.eval("element?.scrollIntoView({ block: 'start' })").await;
        let sticks_out = page
            .eval(
                "const right = document.documentElement.clientWidth;
                 return root ? [...root.querySelectorAll('*')].filter(e => e.checkVisibility() && !e.matches('.spoken')
                   && (e.getBoundingClientRect().right > right + 1 || e.getBoundingClientRect().left < -1)).map(e => e.className)
                   : document.documentElement.scrollWidth > right ? ['page'] : []",
            )
            .await;
        assert_eq!(sticks_out, json!([]), "{state} at {width} px");
        page.screenshot(&format!("{state}-{width}-{name}")).await;
        axe::audit(page, what, &format!("{state}, {width} px, {name}")).await;
    }
    // Ends forced colours here: ending them on the narrow page that comes next would leave its canvas black.
    page.emulate("Emulation.setEmulatedMedia", json!({ "features": [] })).await;
    page.eval("return new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_offer_to_access() {
    let page = Page::open("state", COURSE).await;
    page.shows("$49.00").await;
    look(&page, "1-offer").await;
    page.app.sandbox.flockjay().fault(FlockJayFault::new(Misbehaviour::Down));
    page.press_purchase().await;
    page.fill("ada", "4000000000009995").await;
    look(&page, "2-form").await;
    page.press("Pay $49.00").await;
    page.until("root.querySelector('input[name=email]').getAttribute('aria-invalid') === 'true'").await;
    look(&page, "3-invalid-email").await;
    page.fill("ada@example.com", "4000000000009995").await;
    page.press("Pay $49.00").await;
    page.shows("insufficient funds").await;
    look(&page, "4-declined").await;
    page.fill_card("4242424242424242").await;
    page.press("Pay $49.00").await;
    page.shows("on its way").await;
    look(&page, "5-access-pending").await;
    page.app.sandbox.flockjay().clear_faults();
    page.has_access().await;
    look(&page, "6-granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_bought() {
    for (name, sku) in
        [("early", "ru-early"), ("over", "ru-closed"), ("live", "ru-live"), ("unknown", "ru-none")]
    {
        let page = Page::open(name, sku).await;
        page.is_ready().await;
        look(&page, "1-offer").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_js_that_does_not_come() {
    let page = Page::open("blocked", COURSE).await;
    page.emulate("Network.enable", json!({})).await;
    page.emulate("Network.setBlockedURLs", json!({ "urls": ["*/v3/*"] })).await;
    page.press_purchase().await;
    page.until("[...root.querySelectorAll('.panel')].some(e => e.checkVisibility()) || root.querySelector('[role=alert]')?.textContent.trim()").await;
    look(&page, "stripe-js").await;
    page.emulate("Network.setBlockedURLs", json!({ "urls": [] })).await;
    page.press("Try again").await;
    page.until("element.querySelector('[slot=payment] iframe')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_at_the_press_and_back_again() {
    let page = Page::open("offline", COURSE).await;
    page.wake().await;
    page.emulate("Network.enable", json!({})).await;
    let network = |offline: bool| json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    page.emulate("Network.emulateNetworkConditions", network(true)).await;
    page.press_purchase().await;
    page.until("[...root.querySelectorAll('.panel')].some(e => e.checkVisibility()) || root.querySelector('[role=alert]')?.textContent.trim()").await;
    look(&page, "offline").await;
    page.emulate("Network.emulateNetworkConditions", network(false)).await;
    page.press("Try again").await;
    page.fill("ada@example.com", "4242424242424242").await;
    page.press("Pay $49.00").await;
    page.has_access().await;
}
