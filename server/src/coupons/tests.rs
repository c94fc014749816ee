//! Codes as people type them, and the prices that coupons leave.
use super::*;
use crate::catalog::parse;
use proptest::prelude::*;
use shared::{Currency, Email};

fn item(amount: i64, currency: &str) -> crate::catalog::Item {
    let text = format!(
        "[[offering]]\nsku = \"ru-course\"\nkind = \"course\"\ntitle = \"Redis\"\nsummary = \"All of it.\"\n\
         price = {{ amount = {amount}, currency = \"{currency}\" }}\nflockjay = {{ kind = \"course\", id = \"1\" }}\n"
    );
    parse("catalog.toml", &text).unwrap().find("ru-course").unwrap().clone()
}

fn coupon(discount: Discount) -> Coupon {
    Coupon {
        code: CouponCode::parse("SPRING").unwrap(),
        terms: Terms {
            shown: "SPRING".to_owned(),
            discount,
            scope: Scope::default(),
            valid_from: None,
            per_learner: None,
            domains: Default::default(),
            note: String::new(),
        },
        valid_until: None,
        limit: None,
        used: 0,
        email: None,
        pack: None,
        brings_seat: false,
        revoked: false,
    }
}

fn off(amount: i64, currency: &str) -> Discount {
    Discount::Amount(Money { amount, currency: Currency::parse(currency).unwrap() })
}

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

#[test]
fn case_spaces_and_dashes_do_not_matter() {
    for text in [
        "SPRING20",
        " spring 20 ",
        "spring-20",
        "Spring–2\u{a0}0",
        "ＳＰＲＩＮＧ２０",
        "\u{202b}SPRING\u{2067}20\u{200f}",
    ] {
        assert_eq!(CouponCode::parse(text).unwrap().as_str(), "SPRING20", "{text}");
    }
    for wrong in ["", " - ", "ÄPFEL", "A'; --", &"A".repeat(41)] {
        assert_eq!(CouponCode::parse(wrong), Err(InvalidCode), "{wrong}");
    }
}

#[test]
fn a_coupon_takes_off_a_share_or_an_amount_down_to_nothing() {
    let total =
        |discount, item| coupon(discount).price(&item, NOW).map(|price| (price.discount, price.total));
    assert_eq!(total(Discount::Percent(20), item(4900, "usd")), Ok((980, 3920)));
    assert_eq!(total(Discount::Percent(33), item(4950, "usd")), Ok((1634, 3316)));
    assert_eq!(total(Discount::Percent(10), item(5005, "jpy")), Ok((501, 4504)));
    assert_eq!(total(Discount::Percent(100), item(4900, "usd")), Ok((4900, 0)));
    assert_eq!(total(off(1000, "usd"), item(4900, "usd")), Ok((1000, 3900)));
    assert_eq!(total(off(9900, "usd"), item(4900, "usd")), Ok((4900, 0)));
    assert_eq!(total(off(1000, "eur"), item(4900, "usd")), Err(CouponRefusal::NotForThis));
    assert_eq!(total(Discount::Percent(33), item(500_000, "isk")), Ok((165_000, 335_000)));
    assert_eq!(total(Discount::Percent(33), item(4900, "isk")), Ok((1700, 3200)), "no part of a króna");
    assert_eq!(total(off(1, "kwd"), item(49_000, "kwd")), Ok((10, 48_990)));
    let least = Money { amount: 50, currency: Currency::USD };
    assert_eq!(total(Discount::Percent(99), item(4900, "usd")), Err(CouponRefusal::BelowMinimum { least }));
}

#[test]
fn a_coupon_has_its_time_its_offerings_and_its_learners() {
    let item = item(4900, "usd");
    let mut coupon = coupon(Discount::Percent(20));
    let later = NOW.plus(std::time::Duration::from_secs(1));
    coupon.terms.valid_from = Some(later);
    assert_eq!(coupon.price(&item, NOW), Err(CouponRefusal::NotYet { from: later }));
    coupon.terms.valid_from = None;
    coupon.valid_until = Some(NOW);
    assert_eq!(coupon.price(&item, NOW), Err(CouponRefusal::Expired));
    coupon.valid_until = Some(later);
    assert!(coupon.price(&item, NOW).is_ok());
    coupon.revoked = true;
    assert_eq!(coupon.price(&item, NOW), Err(CouponRefusal::Expired));
    coupon.revoked = false;
    coupon.terms.scope.kinds = vec![shared::Kind::Live];
    assert_eq!(coupon.price(&item, NOW), Err(CouponRefusal::NotForThis));
    coupon.terms.scope.kinds = vec![shared::Kind::Course];
    coupon.terms.scope.skus = ["ru-other".to_owned()].into();
    assert_eq!(coupon.price(&item, NOW), Err(CouponRefusal::NotForThis));

    let ada = Email::parse("Ada@Example.com").unwrap();
    coupon.terms.domains = ["example.com".to_owned()].into();
    assert_eq!(coupon.admit(&ada), Ok(()));
    coupon.terms.domains = ["redis.com".to_owned()].into();
    assert_eq!(coupon.admit(&ada), Err(CouponRefusal::EmailDomain));
    coupon.terms.domains.clear();
    coupon.email = Some("bob@example.com".to_owned());
    assert_eq!(coupon.admit(&ada), Err(CouponRefusal::OtherEmail));
    coupon.email = Some("ada@example.com".to_owned());
    assert_eq!(coupon.admit(&ada), Ok(()));
}

proptest! {
    #[test]
    fn no_total_is_negative_and_what_is_taken_off_adds_up(
        list in 0..99_999_999_i64,
        percent in 1..=100_i64,
        amount in 1..99_999_999_i64,
        by_share: bool,
    ) {
        let item = item(if list < 50 { 0 } else { list }, "usd");
        let discount = if by_share { Discount::Percent(percent) } else { off(amount, "usd") };
        match coupon(discount).price(&item, NOW) {
            Ok(price) => {
                prop_assert!(price.total == 0 || price.total >= 50);
                prop_assert!(price.discount >= 0);
                prop_assert_eq!(price.list - price.discount + price.tax, price.total);
                prop_assert_eq!(price.list, item.price.amount);
            }
            Err(refusal) => {
                let below = matches!(refusal, CouponRefusal::BelowMinimum { .. });
                prop_assert!(below, "{:?}", refusal);
            }
        }
    }

    #[test]
    fn a_packs_code_is_told_from_one_with_a_slip(bytes: [u8; 15], at in 0..16_usize, other in 0..32_u8) {
        let code = CouponCode::from_random(bytes);
        prop_assert!(!code.is_mistyped());
        prop_assert_eq!(CouponCode::parse(&code.to_string()), Ok(code.clone()));
        prop_assert!(!code.as_str().contains(['0', 'O', '1', 'I']));
        let other = CouponCode::from_random([other; 15]).as_str().chars().next().unwrap();
        let slip: String = code.as_str().chars().enumerate().map(|(n, c)| if n == at { other } else { c }).collect();
        let slip = CouponCode::parse(&slip).unwrap();
        prop_assert_eq!(slip.is_mistyped(), slip != code);
        let (mut lacking, mut doubled) = (code.as_str().to_owned(), code.as_str().to_owned());
        doubled.insert(at, lacking.remove(at));
        for slip in [lacking, doubled] {
            prop_assert!(CouponCode::parse(&slip).unwrap().is_mistyped(), "{}", slip);
        }
    }
}
