//! Learners who are signed in on the page that embeds the checkout.
use crate::Page;
use crate::pictures::look;
use checkout_tests::COURSE;

#[tokio::test(flavor = "multi_thread")]
async fn the_email_is_fixed_and_who_has_it_is_led_in() {
    let page = Page::open("signed_in", COURSE).await;
    let token = page.app.sandbox.sign_in().token("ada@example.com", "okta-1");
    page.eval(&format!("element.setAttribute('learner-token', '{token}')")).await;
    page.press_purchase().await;
    page.until("root.querySelector('#email')?.readOnly").await;
    page.until("root.querySelector('#email').value === 'a•••@example.com'").await;
    look(&page, "1-form").await;
    page.fill_card("4242424242424242").await;
    page.press("Pay $49.00").await;
    page.shows("You're in").await;
    let granted: serde_json::Value = serde_json::from_str(&page.app.grant_calls()[0]).expect("a grant");
    assert_eq!(
        (&granted["learner"]["email"], &granted["learner"]["external_id"]),
        (&"ada@example.com".into(), &"okta-1".into())
    );
    // Another day, on another page.
    page.go(&format!("{}/?sku={COURSE}&signed-in=ada@example.com", page.app.sandbox.course_url())).await;
    page.eval("element.scrollIntoView()").await;
    page.shows("You already own this").await;
    page.until(
        "!root.querySelector('.price').checkVisibility() && !root.querySelector('.offer').checkVisibility()",
    )
    .await;
    page.has_access().await;
    look(&page, "2-owned").await;
    page.eval("element.setAttribute('variant', 'button')").await;
    page.until("root.querySelector('a[href*=learn]')?.checkVisibility()").await;
    look(&page, "3-owned-button").await;
    page.eval("element.removeAttribute('learner-token')").await;
    page.shows("Enroll").await;
    page.shows("$49.00").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_token_is_refused_buys_as_a_guest() {
    let page = Page::open("token_refused", COURSE).await;
    page.eval(
        "window.told = []; element.addEventListener('redis-checkout:error', e => told.push(e.detail.code))",
    )
    .await;
    page.eval("element.setAttribute('learner-token', 'x.y.z')").await;
    page.press_purchase().await;
    page.fill("ada@example.com", "4242424242424242").await;
    page.until("told.includes('learner_token_refused')").await;
    page.press("Pay $49.00").await;
    page.shows("You're in").await;
}
