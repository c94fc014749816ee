//! A valid catalogue, and every kind of mistake.
use super::read::parse;

const GOOD: &str = r#"
[[offering]]
sku = "ru-search-live-2026-12"
kind = "live"
title = "Vector search with Redis, live"
summary = "Two days with an instructor."
price = { amount = 49000, currency = "usd" }
flockjay = { kind = "live_session", id = "8812" }
seats = 30
starts_at = 2026-12-09T15:00:00Z
sale_closes_at = 2026-12-09T12:00:00Z
"#;

fn mistakes(text: &str) -> Vec<String> {
    parse("catalog.toml", text).unwrap_err().0
}

#[test]
fn a_good_file_is_read() {
    let catalog = parse("catalog.toml", GOOD).unwrap();
    let item = catalog.find("ru-search-live-2026-12").unwrap();
    assert_eq!((item.capacity, item.price.to_string().as_str()), (Some(30), "$490.00"));
    assert_eq!(item.starts_at.unwrap().to_string(), "2026-12-09T15:00:00Z");
}

#[test]
fn all_mistakes_are_named_at_once_with_line_and_field() {
    let text = GOOD
        .replace("kind = \"live\"", "kind = \"talk\"")
        .replace("49000", "49")
        .replace("title = \"Vector search with Redis, live\"", "title = \" \"");
    assert_eq!(
        mistakes(&text),
        [
            "catalog.toml:4: kind: \"talk\" must be one of course, lab, exam, live",
            "catalog.toml:9: seats: only live offerings have seats; remove the field",
            "catalog.toml:5: title: must not be empty",
            "catalog.toml:7: price.amount: 49 is below 50, the least that Stripe charges in usd",
        ]
    );
}

#[test]
fn an_unknown_field_and_broken_toml_name_their_line() {
    let unknown = mistakes(&GOOD.replace("seats", "seets"));
    assert!(unknown[0].starts_with("catalog.toml:9: seets: unknown field `seets`"), "{unknown:?}");
    assert!(mistakes("[[offering]]\nsku = ")[0].starts_with("catalog.toml:2: "));
    let wrong = mistakes(&GOOD.replace("49000", "\"49\""));
    assert!(wrong[0].starts_with("catalog.toml:7: price.amount: invalid type: string"), "{wrong:?}");
    let missing = mistakes(&GOOD.replace("amount = 49000, ", ""));
    assert!(missing[0].contains("missing field `amount`"), "{missing:?}");
}

#[test]
fn a_sku_stands_once() {
    let twice = mistakes(&[GOOD, GOOD].concat());
    assert_eq!(twice.len(), 1);
    assert!(twice[0].contains("is used more than once"), "{twice:?}");
}

#[test]
fn a_local_time_is_refused() {
    let wrong = mistakes(&GOOD.replace("12:00:00Z", "12:00:00"));
    assert!(wrong[0].starts_with("catalog.toml:11: sale_closes_at: must have a date"), "{wrong:?}");
}
