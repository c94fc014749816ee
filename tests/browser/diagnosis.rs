//! `?redis-checkout-diagnose`: the page explains what is wrong with it, and names the line to add.
use crate::Page;
use checkout_tests::{COURSE, TestApp};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_right_is_told_so() {
    let page = Page::open("diagnosis_good", COURSE).await;
    let findings = diagnose(&page, &format!("/courses/{COURSE}?redis-checkout-diagnose")).await;
    assert!(findings.iter().all(|finding| finding["good"] == true), "{findings:?}");
    assert!(findings.len() >= 6, "{findings:?}");
    page.screenshot("card").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_is_named_with_the_line_to_add() {
    let page = Page::open("diagnosis_bad", COURSE).await;
    let findings = diagnose(&page, &format!("/courses/{COURSE}?redis-checkout-diagnose&wasm=no")).await;
    mends(&findings, "WebAssembly", "'wasm-unsafe-eval'");
    page.screenshot("card").await;
    let findings = diagnose(&page, "/courses/ru-none?redis-checkout-diagnose").await;
    mends(&findings, "ru-none", "sku=");
    let findings = diagnose(&page, &format!("/courses/{COURSE}?redis-checkout-diagnose&stripe=no")).await;
    mends(&findings, "Stripe.js", "script-src");
    mends(&findings, "by frame-src", "frame-src");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_is_not_allowed_is_named_for_the_server() {
    let app = TestApp::with(&["--allowed-origins=https://redis.io"]).await;
    let page = Page::open_on("diagnosis_origin", COURSE, app).await;
    let findings = diagnose(&page, &format!("/courses/{COURSE}?redis-checkout-diagnose")).await;
    mends(&findings, "origin", &format!("ALLOWED_ORIGINS={}", page.app.sandbox.course_url()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_in_a_shadow_root_or_a_modal_dialog_is_named_for_it() {
    let page = Page::open("diagnosis_places", COURSE).await;
    let path = format!("/courses/{COURSE}?redis-checkout-diagnose");
    diagnose(&page, &path).await;
    page.eval(
        "const card = document.createElement('x-card'), dialog = document.createElement('dialog');
         card.attachShadow({ mode: 'open' });
         window.inside = document.createElement('redis-checkout');
         inside.setAttribute('sku', 'ru-course');
         document.body.append(dialog);
         dialog.append(card);
         card.shadowRoot.append(inside);
         dialog.showModal();",
    )
    .await;
    let script = format!(
        "const {{ explain }} = await import('{}/embed/diagnose.js'); await explain('redis-checkout', '{0}', []);",
        page.app.base()
    );
    page.eval(&script).await;
    page.until("inside.nextElementSibling?.shadowRoot").await;
    let findings = "return [...inside.nextElementSibling.shadowRoot.querySelectorAll('li')].map(item => ({
        good: item.className === 'good', text: item.textContent, line: item.querySelector('code')?.textContent }))";
    let findings = page.eval(findings).await.as_array().expect("findings").clone();
    mends(&findings, "shadow root of <x-card>", "<x-card><redis-checkout");
    mends(&findings, "showModal()", "dialog.show()");
}

fn mends(findings: &[Value], about: &str, line: &str) {
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let found = findings.iter().any(|finding| {
        finding["good"] == false
            && text(finding, "text").contains(about)
            && text(finding, "line").contains(line)
    });
    assert!(found, "{about}, {line}: {findings:?}");
}

async fn diagnose(page: &Page, path: &str) -> Vec<Value> {
    page.go(&format!("{}{path}", page.app.sandbox.course_url())).await;
    page.until("document.querySelector('[data-redis-checkout-diagnosis]')").await;
    let findings = "const told = document.querySelector('[data-redis-checkout-diagnosis]').shadowRoot;
        return [...told.querySelectorAll('.diagnosis li')].map(item => ({
        good: item.className === 'good', text: item.textContent, line: item.querySelector('code')?.textContent }))";
    page.eval(findings).await.as_array().expect("findings").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn under_trusted_types_one_buys_with_the_policies_that_are_documented() {
    let page = Page::open("trusted_types", COURSE).await;
    let path = |names: &str| format!("/courses/{COURSE}?trusted-types={names}");
    page.go(&format!("{}{}", page.app.sandbox.course_url(), path("redis-checkout%20default"))).await;
    page.press_purchase().await;
    page.fill("ada@example.com", "4242424242424242").await;
    page.press("Pay $49.00").await;
    page.is_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_types_that_stripe_lacks_are_named() {
    let page = Page::open("trusted_types_lacking", COURSE).await;
    page.go(&format!("{}/courses/{COURSE}?trusted-types=redis-checkout", page.app.sandbox.course_url()))
        .await;
    page.press_purchase().await;
    page.shows("We couldn't load the payment form").await;
    let diagnosed = async |names: &str| {
        diagnose(&page, &format!("/courses/{COURSE}?redis-checkout-diagnose&trusted-types={names}")).await
    };
    mends(&diagnosed("redis-checkout").await, "Trusted Types", "createPolicy('default'");
    mends(&diagnosed("other").await, "trusted-types", "trusted-types redis-checkout default");
    let findings = diagnosed("redis-checkout%20default").await;
    assert!(findings.iter().all(|finding| finding["good"] == true), "{findings:?}");
}
