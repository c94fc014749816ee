//! Our own pages, as people see them: the form without scripts, and the purchase with its receipt.
use crate::Page;
use crate::pictures::look_whole;
use checkout_tests::{COURSE, TestApp, percent_off};

#[tokio::test(flavor = "multi_thread")]
async fn the_form_says_what_a_code_takes_off_and_what_is_wrong() {
    let page = Page::open_on("own_form", COURSE, TestApp::with_teams().await).await;
    page.app.add_coupon(&percent_off("SPRING", 20)).await;
    let form = format!("{}/buy/{COURSE}?plain", page.app.base());
    page.go(&form).await;
    page.until("document.querySelector('[name=email]')").await;
    look_whole(&page, "1-form").await;
    submit(&page, &[("email", "ada@example.com"), ("coupon", "WINTER")]).await;
    page.until("document.querySelector('[aria-invalid=true]')?.name === 'coupon'").await;
    look_whole(&page, "2-no-such-code").await;
    page.go(&format!("{form}&team")).await;
    page.until("document.querySelector('[name=places]')").await;
    look_whole(&page, "3-team").await;
    page.go(&format!("{}/buy/{COURSE}", page.app.base())).await;
    page.is_ready().await;
    look_whole(&page, "4-widget").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_has_a_page_with_its_receipt() {
    let page = Page::open_on("own_purchase", COURSE, TestApp::with_teams().await).await;
    let held = page.app.open(COURSE).await;
    page.go(&format!("{}/p/{held}", page.app.base())).await;
    page.until("document.querySelector('h1')").await;
    look_whole(&page, "1-held").await;
    let (bought, _) = page.app.buy(COURSE, 4900).await;
    page.app.reaches(&bought, "granted").await;
    page.go(&format!("{}/p/{bought}", page.app.base())).await;
    page.until("document.querySelector('a[href*=learn]')").await;
    look_whole(&page, "2-granted").await;
    let opened = page.app.post("/v1/purchases", &serde_json::json!({ "sku": COURSE, "places": 3 })).await;
    let team = opened.expect(201).text_at("id");
    let secret = page.app.press_pay(&team, 14700).await.expect(200).text_at("client_secret");
    page.app
        .sandbox
        .stripe()
        .confirm(&checkout_tests::intent_of(&secret), "4242424242424242")
        .expect("a payment");
    page.app.reaches(&team, "granted").await;
    page.go(&format!("{}/p/{team}", page.app.base())).await;
    page.until("document.querySelectorAll('tr.free').length === 3").await;
    look_whole(&page, "3-codes").await;
}

/// Types into the fields of the page's form, and submits it.
async fn submit(page: &Page, fields: &[(&str, &str)]) {
    for (name, text) in fields {
        page.eval(&format!("document.querySelector('[name={name}]').value = '{text}'")).await;
    }
    page.eval("document.querySelector('form button.button').click()").await;
}
