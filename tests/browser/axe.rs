//! Audits the checkout with axe-core: barriers for people who use a screen reader, a keyboard or high contrast.
use crate::Page;
use checkout_tests::COURSE;
use std::sync::LazyLock;

/// Selector of the page's checkouts.
pub(crate) const CHECKOUT: &str = "redis-checkout";

/// WCAG 2.2 at levels A and AA, and best practices that apply to a part of a page.
const TAGS: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

static AXE: LazyLock<String> = LazyLock::new(|| {
    let file = std::env::var("AXE").expect("AXE names axe.min.js: run `cargo xtask test`, which installs it");
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
});

/// Asserts that axe-core finds nothing within the nodes that `selector` matches. `state` names what they show.
pub(crate) async fn audit(page: &Page, selector: &str, state: &str) {
    assert_eq!(violations(page, selector).await, Vec::<String>::new(), "{state}");
}

/// The violated rules, each with what it requires and where.
async fn violations(page: &Page, selector: &str) -> Vec<String> {
    if page.eval_apart("typeof axe").await == "undefined" {
        page.eval_apart(&AXE).await;
    }
    let found = page
        .eval_apart(&format!(
            "axe.run({{ include: [{selector:?}] }}, {{
                 runOnly: {{ type: 'tag', values: {TAGS:?} }},
                 rules: {{
                     // Switched off by default.
                     'target-size': {{ enabled: true }},
                     // It can't see the colours that a system forces, which are the visitor's own choice.
                     'color-contrast': {{ enabled: !matchMedia('(forced-colors: active)').matches }},
                 }},
                 // Stripe's fields are Stripe's, and style sheets need not be fetched to be seen.
                 iframes: false, preload: false,
             }}).then(({{ violations, passes }}) => ({{
                 passed: passes.length,
                 broken: violations.map(({{ id, help, nodes }}) =>
                     `${{id}}: ${{help}}: ${{nodes.map(({{ html, failureSummary }}) => `${{html}} ${{failureSummary}}`).join('; ')}}`),
             }}))"
        ))
        .await;
    assert!(found["passed"].as_u64() > Some(0), "axe-core has looked at nothing: {found}");
    let broken = found["broken"].as_array().into_iter().flatten();
    broken.map(|rule| rule.as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_without_its_label_is_found() {
    let page = Page::open("axe", COURSE).await;
    page.press_purchase().await;
    page.form_is_open().await;
    audit(&page, CHECKOUT, "the form").await;
    page.eval("root.querySelector('label').remove()").await;
    let found = violations(&page, CHECKOUT).await;
    assert!(found.iter().any(|rule| rule.starts_with("label: ")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_too_pale_to_read_are_found() {
    let page = Page::open("pale", COURSE).await;
    page.shows("$49.00").await;
    audit(&page, CHECKOUT, "the offer").await;
    page.eval("root.querySelector('.price').style.color = '#ccc'").await;
    let found = violations(&page, CHECKOUT).await;
    assert!(matches!(&found[..], [rule] if rule.starts_with("color-contrast: ")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_pages_have_no_barriers_either() {
    let page = Page::open("own_pages", COURSE).await;
    let (id, _) = page.app.buy(COURSE, 4900).await;
    for path in [format!("/buy/{COURSE}"), format!("/p/{id}")] {
        page.go(&format!("{}{path}", page.app.base())).await;
        if path.starts_with("/buy") {
            page.shows("$49.00").await;
        }
        audit(&page, "html", &path).await;
    }
}
