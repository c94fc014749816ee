//! Marketing's variants of the card: each one works, fits, and is remembered.
use crate::{Page, pictures};
use checkout_tests::COURSE;
use widget::variants;

const GOOD: &str = "4242424242424242";

#[tokio::test(flavor = "multi_thread")]
async fn every_variant_fits_and_sells() {
    let page = Page::open("variant", "ru-live").await;
    let course = page.app.sandbox.course_url().to_owned();
    for (name, _) in variants().iter() {
        page.go(&format!("{course}/courses/ru-live?variant={name}")).await;
        page.shows("$490.00").await;
        pictures::look(&page, &format!("{name}-1-offer")).await;
    }
    for (name, _) in variants().iter() {
        page.go_in_another_tab(&format!("{course}/courses/{COURSE}?variant={name}")).await;
        page.is_ready().await;
        page.eval("document.addEventListener('redis-checkout:opened', e => { window.opened = e.detail })")
            .await;
        page.press_purchase().await;
        page.fill(&format!("{name}@example.com"), GOOD).await;
        assert_eq!(page.eval("return window.opened.variant").await, *name);
        pictures::look(&page, &format!("{name}-2-form")).await;
        page.press("Pay $49.00").await;
        page.shows("Start learning").await;
        pictures::look(&page, &format!("{name}-3-granted")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_when_the_first_screen_comes() {
    let page = Page::open("shift", COURSE).await;
    for (name, _) in variants().iter() {
        for width in [360, 1280] {
            let metrics =
                serde_json::json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
            page.emulate("Emulation.setDeviceMetricsOverride", metrics).await;
            let address = page.app.sandbox.course_url().to_owned();
            page.go(&format!("{address}/courses/ru-live?variant={name}")).await;
            page.shows("$490.00").await;
            let shift = page
                .eval(
                    "return new Promise(done => {
                       let sum = 0;
                       new PerformanceObserver(list => { for (const entry of list.getEntries()) sum += entry.value })
                         .observe({ type: 'layout-shift', buffered: true });
                       requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
                     })",
                )
                .await;
            assert_eq!(shift, 0, "{name} at {width} px");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_variant_is_the_default_one_and_says_so() {
    let page = Page::open("unknown_variant", COURSE).await;
    page.shows("$49.00").await;
    page.eval(
        "window.told = []; element.addEventListener('redis-checkout:error', e => told.push(e.detail.code));
         element.setAttribute('variant', 'no-such')",
    )
    .await;
    page.until("told.includes('unknown_variant')").await;
    page.shows("$49.00").await;
    let console = page.console().await.join(" ");
    assert!(console.contains("there is no variant") && console.contains("no-such"), "{console}");
    page.press_purchase().await;
    page.form_is_open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_are_split_and_a_visitor_sees_the_same_again() {
    let page = Page::open("split", COURSE).await;
    let address = format!("{}/courses/{COURSE}?variant=compact|launch", page.app.sandbox.course_url());
    let mut seen = Vec::new();
    for lot in ["0.2", "0.2", "0.7"] {
        page.eval(&format!("localStorage.setItem('redis-checkout-lot', '{lot}')")).await;
        page.go(&address).await;
        page.until("root?.querySelector('script')").await;
        seen.push(page.eval("return JSON.parse(root.querySelector('script').textContent).variant").await);
    }
    assert_eq!(seen, ["compact", "compact", "launch"]);
    page.eval("localStorage.clear()").await;
    page.go(&address).await;
    page.until("root?.querySelector('script')").await;
    let variant = "return JSON.parse(root.querySelector('script').textContent).variant";
    let first = page.eval(variant).await;
    for _ in 0..3 {
        page.go(&address).await;
        page.until("root?.querySelector('script')").await;
        assert_eq!(page.eval(variant).await, first);
    }
    assert_eq!(page.eval("return document.cookie").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialog_keeps_the_focus_and_is_left_by_escape_and_by_its_button() {
    let page = Page::open("dialog", COURSE).await;
    page.go(&format!("{}/courses/{COURSE}?variant=button", page.app.sandbox.course_url())).await;
    page.press_purchase().await;
    page.until("root.querySelector('[role=dialog][aria-modal=true][aria-label]')").await;
    page.focus_is("input[name=email]").await;
    page.eval("root.querySelector('[data-edge=first]').focus()").await;
    page.focus_is(".close").await;
    page.eval("root.querySelector('[data-edge=last]').focus()").await;
    page.until("root.activeElement?.textContent === 'Cancel'").await;
    page.type_keys("\u{e00c}").await;
    page.until("!root.querySelector('[role=dialog]') && root.activeElement?.textContent === 'Enroll'").await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.shows("Start learning").await;
    page.eval("root.querySelector('.close').click()").await;
    page.until("!root.querySelector('[role=dialog]') && root.querySelector('.panel').checkVisibility()")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_variant_changes_looks_while_the_form_is_open() {
    let page = Page::open("variant_while_open", COURSE).await;
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.eval("element.setAttribute('variant', 'launch')").await;
    page.until("getComputedStyle(root.querySelector('.form .button')).borderRadius === '10px'").await;
    page.eval("element.setAttribute('variant', 'button')").await;
    page.until("root.querySelector('[role=dialog]')").await;
    assert_eq!(page.eval("return root.querySelector('input[name=email]').value").await, "ada@example.com");
    page.press("Pay $49.00").await;
    page.shows("Start learning").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_screen_that_comes_with_the_script_needs_no_other_answer() {
    let page = Page::open("along", COURSE).await;
    let course = page.app.sandbox.course_url().to_owned();
    let cards =
        "return performance.getEntriesByType('resource').filter(e => e.name.includes('/embed/card/')).length";
    page.go(&format!("{course}/courses/{COURSE}?along={COURSE}")).await;
    page.shows("$49.00").await;
    assert_eq!(page.eval(cards).await, 0);
    page.press_purchase().await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $49.00").await;
    page.shows("Start learning").await;
    // A first screen that came with the script is used if it matches the page's offering, language and variant.
    for query in
        ["along=ru-jp", &format!("along={COURSE}&lang=de"), &format!("along={COURSE}&variant=launch")]
    {
        page.go(&format!("{course}/courses/{COURSE}?{query}")).await;
        page.is_ready().await;
        let expected = if query.contains("ru-jp") { 1 } else { 0 };
        assert_eq!(page.eval(cards).await, expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_is_told_once_the_page_is_left() {
    let page = Page::open("seen", COURSE).await;
    page.shows("$49.00").await;
    page.eval(
        "window.sent = []; navigator.sendBeacon = (to, body) => { sent.push([to, body]); return true }",
    )
    .await;
    page.eval("element.scrollIntoView()").await;
    page.until(
        "(Object.defineProperty(document, 'hidden', { value: true, configurable: true }),
          document.dispatchEvent(new Event('visibilitychange', { bubbles: true })), sent.length === 1)",
    )
    .await;
    let sent = page.eval("return sent[0]").await;
    assert_eq!(sent[0], format!("{}/v1/funnel", page.app.base()));
    let body: serde_json::Value = serde_json::from_str(sent[1].as_str().unwrap()).unwrap();
    assert_eq!(body, serde_json::json!([{ "sku": COURSE, "variant": "", "count": 1 }]));
}
