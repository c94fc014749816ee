//! The first screen that the server sends: everything a learner needs to decide, and safe to put into a page.
#![cfg(not(target_arch = "wasm32"))]
use shared::{Currency, Kind, Money, Offering, Sale, Screen, Seats, Timestamp};
use widget::{first_screen_html, locales};

#[test]
fn the_first_screen_says_what_is_sold_and_for_how_much() {
    let html = first_screen_html(screen(), locales().english());
    for part in
        ["Live training", "Vector search, live", "Two days.", "$490.00", "12 seats left", "Reserve a seat"]
    {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
    assert!(html.contains("Dec 9, 2026, 15:00 UTC"), "{html}");
}

#[test]
fn the_first_screen_escapes_the_catalogues_words() {
    let mut hostile = screen();
    hostile.offering.title = "<img src=x onerror=alert(1)>".to_owned();
    hostile.offering.summary = "</main><script>alert(1)</script>".to_owned();
    let html = first_screen_html(hostile, locales().english());
    assert!(!html.contains("<img") && !html.contains("<script") && !html.contains("</main"), "{html}");
}

#[test]
fn what_is_not_on_sale_cannot_be_pressed() {
    for (sale, label) in [
        (Sale::SoldOut, "Sold out"),
        (Sale::Closed, "Sales closed"),
        (Sale::Paused, "Sales paused"),
        (Sale::NotOpen, "Opens Dec 9, 2026, 15:00 UTC"),
    ] {
        let mut shut = screen();
        shut.offering.sale = sale;
        shut.offering.sale_opens_at = shut.offering.starts_at;
        let html = first_screen_html(shut, locales().english());
        assert!(html.contains(label) && html.contains(" disabled"), "{html}");
    }
    assert!(!first_screen_html(screen(), locales().english()).contains(" disabled"));
}

#[test]
fn the_page_policy_finds_nothing_inline() {
    let html = first_screen_html(screen(), locales().english());
    assert!(!html.contains("style=") && !html.contains("onclick"), "{html}");
}

fn screen() -> Screen {
    Screen {
        offering: Offering {
            sku: "ru-search-live-2026-12".to_owned(),
            kind: Kind::Live,
            title: "Vector search, live".to_owned(),
            summary: "Two days.".to_owned(),
            price: Money { amount: 49_000, currency: Currency::parse("usd").expect("a currency") },
            seats: Some(Seats { capacity: 30, left: 12 }),
            sale: Sale::Open,
            starts_at: Some(Timestamp::from_millis(1_796_828_400_000)),
            ends_at: None,
            sale_opens_at: None,
            sale_closes_at: None,
            now: None,
            team: None,
        },
        api: "https://checkout.example".to_owned(),
        publishable_key: "pk_test_1".to_owned(),
        stripe_js: "https://js.stripe.com/v3/".to_owned(),
        variant: None,
        dialog: false,
    }
}
