//! Visitors as in real life: browsers that translate, pages with hot keys and scripts of their own, and networks that
//! fail once. What must hold in every browser is in `everywhere`.
use crate::Page;
use checkout_tests::{COURSE, TestApp, percent_off};
use serde_json::json;
use std::time::Duration;

const GOOD: &str = "4242424242424242";
const AUTHENTICATED: &str = "4000002500003155";

/// Translates as browser extensions do: a `<font>` around each text, in shadow roots too.
const TRANSLATE: &str = "
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), all = [];
    while (texts.nextNode()) if (texts.currentNode.parentNode.localName !== 'script') all.push(texts.currentNode);
    for (const text of all) {
      const font = document.createElement('font'), inner = document.createElement('font');
      inner.textContent = '«' + text.data + '»';
      font.append(inner);
      text.replaceWith(font);
    }";

#[tokio::test(flavor = "multi_thread")]
async fn on_a_translated_page_the_sum_shown_is_the_sum_charged() {
    let app = TestApp::start().await;
    app.add_coupon(&percent_off("HALF", 50)).await;
    let page = Page::open_on("translated", COURSE, app).await;
    page.shows("$49.00").await;
    page.wasm_is_requested().await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.eval(TRANSLATE).await;
    page.shows("«Pay $49.00»").await;
    page.press("Add code").await;
    page.until("root.querySelector('#code').checkVisibility()").await;
    page.eval(TRANSLATE).await;
    page.eval("const code = root.querySelector('#code'); code.value = 'half'; code.dispatchEvent(new Event('input', { bubbles: true }))").await;
    page.press("Apply").await;
    page.shows("Pay $24.50").await;
    page.until("!root.querySelector('.form').textContent.includes('$49.00»')").await;
    page.eval(TRANSLATE).await;
    page.press("Pay $24.50").await;
    page.is_in("ada@example.com").await;
    page.shows("You're in").await;
    assert_eq!(page.app.sandbox.stripe().charges_succeeded()[0]["amount"], 2450);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_empties_the_element_gets_the_form_back() {
    let page = Page::open("emptied", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.eval("element.innerHTML = '<p>as a framework sees it</p>'").await;
    page.fill_card(GOOD).await;
    page.press("Pay $49.00").await;
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_empties_it_again_and_again_is_told() {
    let page = Page::open("emptied_often", COURSE).await;
    page.press_purchase().await;
    page.until("element.querySelector('[slot=payment] iframe')").await;
    page.eval("new MutationObserver(() => element.replaceChildren()).observe(element, { childList: true }); element.replaceChildren()").await;
    page.shows("Try again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hot_keys_of_the_page_eat_nothing_that_is_typed() {
    let page = Page::open("hot_keys", COURSE).await;
    // As hot-key libraries do, which take our host element for the target.
    page.eval(
        "window.pressed = [];
         for (const kind of ['keydown', 'keypress', 'keyup']) document.addEventListener(kind, event => {
           if (event.target.localName === 'input') return;
           pressed.push(event.key);
           event.preventDefault();
         }, true);",
    )
    .await;
    page.press_purchase().await;
    page.form_is_open().await;
    page.focus_is("input[name=email]").await;
    page.type_keys("s/?@example.com").await;
    page.until("root.querySelector('input[name=email]').value === 's/?@example.com'").await;
    assert_eq!(page.eval("return window.pressed").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_filled_in_without_a_word_is_read_when_pay_is_pressed() {
    let page = Page::open("filled_in", COURSE).await;
    page.press_purchase().await;
    page.form_is_open().await;
    page.fill_card(GOOD).await;
    page.eval("root.querySelector('input[name=email]').value = 'ada@example.com'").await;
    page.press("Pay $49.00").await;
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_without_a_sku_waits_for_one_and_takes_properties() {
    let page = Page::open("properties", COURSE).await;
    page.shows("$49.00").await;
    page.eval(
        "window.errors = []; document.addEventListener('redis-checkout:error', e => errors.push(e.detail.code));
         window.other = document.createElement('redis-checkout'); document.body.append(other);",
    )
    .await;
    page.eval("await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))").await;
    assert_eq!(page.eval("return other.shadowRoot.textContent + errors").await, "");
    page.eval("other.sku = 'ru-jp'; other.learnerToken = 'x'; other.coupon = null").await;
    page.until("other.shadowRoot.textContent.includes('¥4,900')").await;
    let seen = page.eval("return [other.sku, other.getAttribute('learner-token'), other.coupon]").await;
    assert_eq!(seen, json!(["ru-jp", "x", ""]));
    // A framework sets properties before the script has loaded.
    page.eval(
        "const early = document.createElement('div'); window.early = document.implementation.createHTMLDocument()
           .createElement('redis-checkout');
         early.append(window.early); window.early.sku = 'ru-free'; document.body.append(early);",
    )
    .await;
    page.until("early.shadowRoot?.textContent.includes('A free lab')").await;
    assert_eq!(page.eval("return early.getAttribute('sku')").await, "ru-free");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_that_another_document_adopts_keeps_its_styles() {
    let page = Page::open("adopted", COURSE).await;
    page.shows("$49.00").await;
    page.eval("const frame = document.createElement('iframe'); document.body.append(frame); window.card = element; frame.contentDocument.body.append(element)").await;
    page.until("window.card.shadowRoot.adoptedStyleSheets.length === 2").await;
    page.until("card.ownerDocument !== document && card.shadowRoot.querySelector('.card')").await;
    let display = "return card.ownerDocument.defaultView.getComputedStyle(card.shadowRoot.querySelector('.main')).display";
    assert_eq!(page.eval(display).await, "grid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_opens_while_one_looks_opens_the_card_of_a_course_too() {
    let app = TestApp::start().await;
    let soon = redis_checkout::clock::now().plus(Duration::from_secs(12)).to_string();
    app.change_catalog(|text| text.replace("2999-01-01T00:00:00Z", &soon)).await;
    let page = Page::open_on("opens", "ru-early", app).await;
    page.shows("Opens").await;
    page.wake().await;
    page.shows("Opens").await;
    page.press_purchase().await;
    page.form_is_open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_of_stripes_name_does_not_stand_for_its_script() {
    let page = Page::open("named_stripe", COURSE).await;
    page.eval(
        "const named = document.createElement('div'); named.id = 'Stripe'; document.body.append(named)",
    )
    .await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_words_what_went_wrong_in_the_pages_language_and_can_read_its_colours() {
    let page = Page::open("worded", COURSE).await;
    page.eval(
        "element.setAttribute('lang', 'de');
         for (const [name, color] of Object.entries({ accent: 'oklch(0.5 0.2 30)', text: 'color-mix(in srgb, black 80%, white)',
           surface: 'color(display-p3 0.98 0.98 0.98)' })) element.style.setProperty(`--redis-checkout-${name}`, color)",
    )
    .await;
    page.press("Jetzt buchen").await;
    page.fill("ada@example.com", "4000000000009995").await;
    page.press("bezahlen").await;
    page.shows("Ihre Karte verfügt nicht über ausreichende Deckung.").await;
    page.fill_card(GOOD).await;
    page.press("bezahlen").await;
    // Stripe's script would log complaints about colours that it can't parse.
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stripes_form_that_throws_is_answered() {
    let page = Page::open("throws", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", AUTHENTICATED).await;
    page.eval("element.querySelector('[slot=payment] iframe').remove()").await;
    page.eval("window.Stripe = null").await;
    page.press("Pay $49.00").await;
    page.alerts().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_has_failed_is_loaded_at_another_address() {
    let page = Page::open("fails_once", COURSE).await;
    page.emulate("Network.enable", json!({})).await;
    let blocked = |urls: &[&str]| json!({ "urls": urls });
    page.emulate("Network.setBlockedURLs", blocked(&["*/embed/assets/widget-*.js*"])).await;
    page.go(&format!("{}/courses/{COURSE}", page.app.sandbox.course_url())).await;
    page.press_purchase().await;
    page.shows("Continue on our checkout page").await;
    page.emulate("Network.setBlockedURLs", blocked(&[])).await;
    page.press_purchase().await;
    page.form_is_open().await;
    // A browser remembers a failed module by its address, so every try needs another address.
    let tried = page
        .eval("return performance.getEntriesByType('resource').map(e => e.name).filter(name => /widget-\\w+\\.js/.test(name))")
        .await;
    let tried: Vec<_> = tried.as_array().expect("addresses").iter().map(ToString::to_string).collect();
    let mut different = tried.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), tried.len(), "{tried:?}");
    assert!(tried.len() > 1, "{tried:?}");
}
