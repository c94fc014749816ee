//! Announcements of screen readers: brief, in time, and tied to the field it is about.
use crate::Page;
use checkout_tests::COURSE;
use serde_json::{Value, json};

/// Starts recording what live regions announce.
async fn listen(page: &Page) {
    page.eval(
        "window.heard = [];
         const said = new Map();
         new MutationObserver(() => {
             for (const region of root.querySelectorAll('[role=status], [role=alert], [role=timer], [aria-live]')) {
                 const text = region.textContent.trim();
                 if (text && text !== said.get(region)) heard.push(text);
                 said.set(region, text);
             }
         }).observe(root, { subtree: true, childList: true, characterData: true });",
    )
    .await;
}

/// The accessibility tree's entry for the node that `expression` finds.
async fn told(page: &Page, expression: &str) -> Value {
    let expression = format!("document.querySelector('redis-checkout').shadowRoot.{expression}");
    let node = page.emulate("Runtime.evaluate", json!({ "expression": expression })).await;
    let asked = json!({ "objectId": node["result"]["objectId"], "fetchRelatives": false });
    let tree = page.emulate("Accessibility.getPartialAXTree", asked).await;
    let node = &tree["nodes"][0];
    let properties: serde_json::Map<_, _> = node["properties"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|property| {
            (property["name"].as_str().unwrap_or_default().to_owned(), property["value"]["value"].clone())
        })
        .collect();
    json!({
        "role": node["role"]["value"], "name": node["name"]["value"], "description": node["description"]["value"],
        "invalid": properties.get("invalid"), "required": properties.get("required"),
        "focused": properties.get("focused"),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_countdown_is_seen_and_not_heard() {
    let page = Page::open("countdown", "ru-live").await;
    page.press_purchase().await;
    page.shows("We're holding your seat for").await;
    listen(&page).await;
    page.eval(
        "window.seen = new Set(); const held = root.querySelector('.held');
         new MutationObserver(() => seen.add(held.textContent)).observe(held, { subtree: true, childList: true, characterData: true });",
    )
    .await;
    page.until("window.seen.size >= 4").await;
    assert_eq!(page.eval("return heard").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_said_once() {
    let page = Page::open("heard", COURSE).await;
    page.wake().await;
    listen(&page).await;
    page.press_purchase().await;
    page.fill("ada@example.com", "4000000000009995").await;
    page.press("Pay $49.00").await;
    page.shows("insufficient funds").await;
    page.fill_card("4242424242424242").await;
    page.press("Pay $49.00").await;
    page.shows("Start learning").await;
    let declined = "\u{2068}Your card has insufficient funds.\u{2069} You haven't been charged. Try again or pay another way.";
    assert_eq!(
        page.eval("return heard").await,
        json!(["Starting checkout…", "Paying…", declined, "Paying…"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_read_with_its_field() {
    let page = Page::open("described", COURSE).await;
    page.press_purchase().await;
    page.focus_is("[data-focus=email]").await;
    let field = "querySelector('input[name=email]')";
    let hint = "We'll set up your access under this email.";
    let untouched = json!({
        "role": "textbox", "name": "Email", "description": hint, "invalid": "false", "required": true, "focused": true,
    });
    assert_eq!(told(&page, field).await, untouched);
    page.fill("ada", "4242424242424242").await;
    page.press("Pay $49.00").await;
    page.focus_is("[data-focus=email]").await;
    let at_fault = told(&page, field).await;
    assert_eq!(
        (&at_fault["invalid"], &at_fault["focused"]),
        (&json!("true"), &json!(true)),
        "the fault is read out because the focus comes to its field"
    );
    assert!(
        at_fault["description"].as_str().unwrap_or_default().starts_with("Enter an email address"),
        "{at_fault}"
    );
    let pay = told(&page, "querySelector('[type=submit]')").await;
    assert_eq!((&pay["role"], &pay["name"]), (&json!("button"), &json!("Pay $49.00")));
    let frame = page.eval("return element.querySelector('[slot=payment] iframe').title").await;
    assert_eq!(frame, "Secure payment input frame");
}
