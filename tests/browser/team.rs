//! Team places: chosen in the form, paid with one card, and handed out on the company's page.
use crate::Page;
use crate::pictures::{look, look_whole};
use checkout_tests::{COURSE, TestApp};
use thirtyfour::By;

const GOOD: &str = "4242424242424242";

async fn team(name: &'static str, sku: &str) -> Page {
    let page = Page::open_on(name, sku, TestApp::with_teams().await).await;
    page.press_purchase().await;
    page
}

/// Replaces the contents of the field with `places`.
async fn type_places(page: &Page, places: &str) {
    if page.eval("return root.querySelector('#places')?.checkVisibility()").await != true {
        page.press("Buying for a team?").await;
    }
    page.focus_is("#places").await;
    page.eval("root.querySelector('#places').select()").await;
    page.type_keys(places).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_paid_for_at_once_and_its_codes_are_handed_out() {
    let page = team("team_bought", COURSE).await;
    page.fill("ada@example.com", GOOD).await;
    type_places(&page, "11").await;
    look(&page, "1-choosing").await;
    page.press("Update quantity").await;
    page.shows("Choose 2–10 seats.").await;
    page.focus_is("#places").await;
    look(&page, "2-too-many").await;
    type_places(&page, "3\u{e007}").await;
    page.shows("Pay $147.00").await;
    page.focus_is("[data-press=team]").await;
    page.shows("Just me").await;
    look(&page, "3-team").await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $147.00").await;
    page.shows("Your codes are ready").await;
    look(&page, "4-bought").await;
    let intents = page.app.sandbox.stripe().intents();
    assert_eq!(intents.iter().filter(|intent| intent["status"] == "succeeded").count(), 1);
    let address =
        page.eval("return [...root.querySelectorAll('a')].find(a => a.checkVisibility()).href").await;
    page.go(address.as_str().expect("an address")).await;
    page.until("document.querySelectorAll('tr.free').length === 3").await;
    look_whole(&page, "5-codes").await;
    let emails = page.driver.find(By::Id("emails")).await.expect("the field for emails");
    emails.send_keys("grace@example.com, alan@example.com, no@").await.expect("typed emails");
    page.driver.find(By::Css("form button")).await.expect("a button").click().await.expect("a press");
    page.until("document.querySelector('[role=alert]')?.textContent.includes('no@')").await;
    look_whole(&page, "6-handed-out").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_place_is_held_again_where_there_are_not_so_many() {
    let page = team("team_few_seats", "ru-live").await;
    page.app.open("ru-live").await;
    type_places(&page, "3").await;
    page.press("Update quantity").await;
    page.shows("There aren't enough seats left.").await;
    page.shows("Pay $490.00").await;
    type_places(&page, "2").await;
    page.press("Update quantity").await;
    page.shows("Pay $980.00").await;
    page.press("Just me").await;
    page.shows("Pay $490.00").await;
    page.fill("ada@example.com", GOOD).await;
    page.press("Pay $490.00").await;
    page.shows("You're in").await;
}
