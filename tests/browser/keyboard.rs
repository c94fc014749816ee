//! Buying without a mouse: what Tab reaches, where the focus shows, and where each step puts it.
use crate::Page;
use checkout_tests::COURSE;
use thirtyfour::Key;

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const SPACE: &str = " ";

/// The element that has the focus: `outside` the checkout, a `frame` of Stripe's, or the checkout's own name for it.
/// The name ends with `!` if the focus isn't visible.
async fn focused(page: &Page) -> String {
    let name = page
        .eval(
            "if (element.querySelector(':scope > [slot] iframe') === document.activeElement) return 'frame';
             const active = root.activeElement;
             if (!active) return 'outside';
             const { outlineStyle, outlineWidth } = getComputedStyle(active);
             const seen = active.matches(':focus-visible') && outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2;
             return (active.dataset.focus || active.dataset.press || active.textContent) + (seen ? '' : '!');",
        )
        .await;
    name.as_str().unwrap_or_default().to_owned()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Onwards,
    Back,
}

/// The names that Tab reaches within the checkout, from one side of it to the other.
async fn reached(page: &Page, direction: Direction) -> Vec<String> {
    page.eval("document.activeElement?.blur(); root.activeElement?.blur()").await;
    // Tab continues from here: from the page's start or its end.
    let edge = if direction == Direction::Onwards { "firstElementChild" } else { "lastElementChild" };
    page.eval(&format!(
        "const edge = document.body.{edge}; edge.tabIndex = -1; edge.focus(); edge.removeAttribute('tabindex')"
    ))
    .await;
    let mut reached = Vec::new();
    for _ in 0..40 {
        match direction {
            Direction::Onwards => page.type_keys(TAB).await,
            Direction::Back => {
                let keys = page.driver.action_chain().key_down(Key::Shift).send_keys(TAB).key_up(Key::Shift);
                keys.perform().await.expect("typed keys");
            }
        }
        match focused(page).await.as_str() {
            "outside" if reached.is_empty() => {}
            "outside" => return reached,
            name => reached.push(name.to_owned()),
        }
    }
    panic!("Tab never leaves the checkout: {reached:?}");
}

/// Asserts that Tab reaches `expected` in both directions.
async fn reaches(page: &Page, expected: &[&str]) {
    let once = |mut names: Vec<String>| {
        names.dedup();
        names
    };
    assert_eq!(once(reached(page, Direction::Onwards).await), expected);
    let backwards: Vec<_> = expected.iter().rev().copied().collect();
    assert_eq!(once(reached(page, Direction::Back).await), backwards);
}

async fn type_into(page: &Page, texts: &[&str]) {
    for text in texts {
        page.type_keys(&format!("{TAB}{text}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tab_reaches_everything_and_is_caught_by_nothing() {
    let page = Page::open("tab", COURSE).await;
    page.wake().await;
    reaches(&page, &["purchase"]).await;
    page.press_purchase().await;
    page.card_form_is_shown().await;
    reaches(&page, &["email", "redeem", "frame", "Pay $49.00", "cancel"]).await;
    page.fill("ada@example.com", "4242424242424242").await;
    page.press("Pay $49.00").await;
    page.shows("Start learning").await;
    reaches(&page, &["Start learning"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_by_the_keyboard_alone() {
    let page = Page::open("keys", COURSE).await;
    page.shows("Enroll").await;
    while focused(&page).await != "purchase" {
        page.type_keys(TAB).await;
    }
    page.type_keys(ENTER).await;
    page.card_form_is_shown().await;
    page.focus_is("[data-focus=email]").await;
    assert_eq!(focused(&page).await, "email");
    // Enter submits the form.
    page.type_keys(&format!("ada{ENTER}")).await;
    page.shows("Enter an email address").await;
    assert_eq!(focused(&page).await, "email");
    page.type_keys("@example.com").await;
    page.until("!root.querySelector('#email-fault').textContent").await;
    // One Tab for the coupon code and two for the payment method, then number, date and CVC; the country stays as it
    // is.
    type_into(&page, &["", "", "", "4242424242424242", "1234", "123", "", "94107", ""]).await;
    assert_eq!(focused(&page).await, "Pay $49.00");
    page.type_keys(SPACE).await;
    page.shows("Start learning").await;
    page.focus_is("[data-focus=heading]").await;
    page.type_keys(TAB).await;
    assert_eq!(focused(&page).await, "Start learning");
}
