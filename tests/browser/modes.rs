//! Visitors' browser preferences: forced colours, reduced motion, and wider text spacing.
use crate::Page;
use checkout_tests::COURSE;
use serde_json::json;

async fn prefer(page: &Page, feature: &str, value: &str) {
    let media = json!({ "features": [{ "name": feature, "value": value }] });
    page.emulate("Emulation.setEmulatedMedia", media).await;
}

async fn open_form(page: &Page) {
    page.press_purchase().await;
    page.card_form_is_shown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forced_colours_leave_borders_and_the_focus_to_be_seen() {
    let page = Page::open("forced", COURSE).await;
    prefer(&page, "forced-colors", "active").await;
    open_form(&page).await;
    page.eval("root.querySelector('form').requestSubmit()").await;
    page.focus_is("[data-focus=email][aria-invalid=true]").await;
    let unseen = page
        .eval(
            "return [...root.querySelectorAll('.main, .button, .quiet, .input')].filter(e => e.checkVisibility()).filter(e => {
                 const { borderTopStyle, borderTopWidth, borderTopColor, backgroundColor } = getComputedStyle(e);
                 return borderTopStyle !== 'solid' || parseFloat(borderTopWidth) < 1 || borderTopColor === backgroundColor;
             }).map(e => e.className)",
        )
        .await;
    assert_eq!(unseen, json!([]));
    for focus in ["email", "pay", "cancel"] {
        let ring = page
            .eval(&format!(
                "const target = root.querySelector('[data-focus={focus}], [data-press={focus}]') ?? root.querySelector('[type=submit]');
                 target.focus();
                 const {{ outlineStyle, outlineWidth, outlineColor }} = getComputedStyle(target);
                 return [root.activeElement === target, outlineStyle, outlineWidth,
                     outlineColor !== getComputedStyle(root.querySelector('.main')).backgroundColor]"
            ))
            .await;
        assert_eq!(ring, json!([true, "solid", "2px", true]), "{focus}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn less_motion_means_none_but_a_slow_turn_of_what_is_busy() {
    let page = Page::open("motion", COURSE).await;
    page.wake().await;
    open_form(&page).await;
    let moving = "[...root.querySelectorAll('*')].flatMap(e => [null, '::before', '::after'].map(pseudo => getComputedStyle(e, pseudo)))
        .filter(({ transitionDuration, animationName, animationDuration }) =>
            transitionDuration.split(', ').some(length => parseFloat(length) > 0)
                || (animationName !== 'none' && parseFloat(animationDuration) < 5)).length";
    page.eval("root.querySelector('[type=submit]').setAttribute('aria-busy', 'true')").await;
    assert_ne!(page.eval(&format!("return {moving}")).await, 0, "there is motion to be left out");
    prefer(&page, "prefers-reduced-motion", "reduce").await;
    assert_eq!(page.eval(&format!("return {moving}")).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_room_between_letters_words_and_lines_cuts_nothing_off() {
    let page = Page::open("spacing", COURSE).await;
    let metrics = json!({ "width": 320, "height": 900, "deviceScaleFactor": 1, "mobile": true });
    page.emulate("Emulation.setDeviceMetricsOverride", metrics).await;
    open_form(&page).await;
    // The text spacing that WCAG 1.4.12 names.
    page.eval(
        "const sheet = new CSSStyleSheet();
         sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-block-end: 2em !important }');
         root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
         root.querySelector('form').requestSubmit()",
    )
    .await;
    page.focus_is("[data-focus=email][aria-invalid=true]").await;
    page.screenshot("form").await;
    let cut_off = page
        .eval(
            "const says = e => [...e.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
             return [...root.querySelectorAll('.main *')].filter(e => e.checkVisibility() && says(e) && !e.matches('.spoken'))
                 .filter(e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1
                     || e.getBoundingClientRect().right > innerWidth)
                 .map(e => e.className)",
        )
        .await;
    assert_eq!(cut_off, json!([]));
}
