//! Marketing's preview.
use crate::Page;
use checkout_tests::COURSE;
use serde_json::json;

const FRAMES: &str =
    "[...document.querySelectorAll('.host')].map(host => host.shadowRoot?.textContent ?? '')";

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_every_state_and_variant_and_takes_no_money() {
    let page = Page::open("preview", COURSE).await;
    page.go(&format!("{}/preview", page.app.base())).await;
    page.until(&format!("({FRAMES}).filter(text => text.includes('$490.00')).length >= 5")).await;
    page.screenshot("variants").await;
    choose(&page, "Show", "scenes").await;
    page.until("document.querySelectorAll('.host').length > 30").await;
    for words in ["You're in", "Your card has insufficient funds", "Sold out"] {
        page.until(&format!("({FRAMES}).some(text => text.includes({words:?}))")).await;
    }
    choose(&page, "Language", "he").await;
    page.until("document.querySelector('.host').shadowRoot.querySelector('.card').dir === 'rtl'").await;
    page.screenshot("states-he").await;
    page.eval("for (const host of document.querySelectorAll('.host')) host.shadowRoot.querySelectorAll('button, a').forEach(e => e.click())").await;
    assert_eq!(page.eval("return location.pathname").await, "/preview");
    assert!(page.app.sandbox.stripe().intents().is_empty());
    let asked = page
        .eval("return performance.getEntriesByType('resource').filter(e => e.name.includes('/v1/')).length")
        .await;
    assert_eq!(asked, 0);
    assert_eq!(page.console().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn knobs_change_a_variant_contrast_is_told_and_the_link_shows_the_same() {
    let page = Page::open("preview_knobs", COURSE).await;
    page.go(&format!("{}/preview", page.app.base())).await;
    page.until("document.querySelectorAll('.host').length >= 5").await;
    choose(&page, "Show", "one").await;
    choose(&page, "Variant", "launch").await;
    page.until("document.querySelector('.contrast').textContent.includes('can be read')").await;
    page.eval(
        "const knob = document.querySelector('[aria-label=\"accent light\"]'); knob.value = '#eeeeee';
         knob.dispatchEvent(new Event('change', { bubbles: true }))",
    )
    .await;
    page.until("document.querySelector('.contrast').textContent.includes('on_accent on accent (light)')")
        .await;
    let color = "getComputedStyle(document.querySelector('.host').shadowRoot.querySelector('.button')).backgroundColor";
    page.until(&format!("{color} === 'rgb(238, 238, 238)'")).await;
    page.screenshot("knobs").await;
    let file = page.eval("return decodeURIComponent(document.querySelector('[download]').href)").await;
    assert!(file.as_str().unwrap().contains("#eeeeee"), "{file}");
    assert_eq!(page.eval("return document.querySelector('[download]').download").await, "launch.toml");
    let address = page.eval("return location.href").await;
    page.go("about:blank").await;
    page.go(address.as_str().unwrap()).await;
    page.until(&format!("document.querySelector('.host')?.shadowRoot && {color} === 'rgb(238, 238, 238)'"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_funnel_is_plotted_for_who_has_a_token() {
    let app = checkout_tests::TestApp::with(&["--service-tokens=0123456789abcdef01234567"]).await;
    let page = Page::open_on("preview_funnel", COURSE, app).await;
    page.app.post("/v1/purchases", &json!({ "sku": COURSE, "variant": "launch" })).await.expect(201);
    page.go(&format!("{}/preview", page.app.base())).await;
    page.until("document.querySelector('.funnel')").await;
    for (token, told) in [("wrong", "does not know this token"), ("0123456789abcdef01234567", "launch")] {
        page.eval(&format!(
            "const details = document.querySelector('.funnel'); details.open = true;
             const field = details.querySelector('[type=password]'); field.value = '{token}';
             field.dispatchEvent(new Event('input', {{ bubbles: true }})); details.querySelector('form button').click()"
        ))
        .await;
        page.until(&format!("document.querySelector('.funnel').textContent.includes({told:?})")).await;
    }
    page.screenshot("plot").await;
}

async fn choose(page: &Page, label: &str, value: &str) {
    page.eval(&format!(
        "const label = [...document.querySelectorAll('.controls label')].find(e => e.textContent.startsWith({label:?}));
         const select = label.querySelector('select'); select.value = {value:?};
         select.dispatchEvent(new Event('change', {{ bubbles: true }}))"
    ))
    .await;
}
