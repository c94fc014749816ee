//! Whatever coupons come and go, the button, the price that the server accepts, Stripe's charge and the receipt show
//! one total.
use checkout_tests::{COURSE, TestApp, intent_of, percent_off};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use redis_checkout::coupons::Discount;
use reqwest::Method;
use serde_json::{Value, json};
use shared::{Currency, Money};

/// Purchases to try.
const CASES: usize = 24;

/// A coupon, and each step that a learner takes with it before Pay: applying it (true) or removing it (false).
fn any_case() -> impl Strategy<Value = (Discount, Vec<bool>)> {
    let currency = Currency::parse("usd").unwrap();
    let discount = prop_oneof![
        (1..=100_i64).prop_map(Discount::Percent),
        (1..6000_i64).prop_map(move |amount| Discount::Amount(Money { amount, currency })),
    ];
    (discount, prop::collection::vec(prop::bool::weighted(0.7), 0..4))
}

fn total(price: &Value) -> i64 {
    let part = |name: &str| price[name].as_i64().unwrap_or_else(|| panic!("no {name}: {price}"));
    let total = part("total");
    assert!(total == 0 || total >= 50, "less than can be charged: {price}");
    assert_eq!(part("list") - part("discount") + part("tax"), total, "{price}");
    total
}

#[tokio::test(flavor = "multi_thread")]
async fn one_total_is_shown_charged_and_on_the_receipt() {
    let app = TestApp::start().await;
    let mut runner = TestRunner::deterministic();
    for n in 0..CASES {
        let (discount, steps) = any_case().new_tree(&mut runner).unwrap().current();
        let code = format!("CASE{n}");
        let mut coupon = percent_off(&code, 1);
        coupon.terms.discount = discount;
        app.add_coupon(&coupon).await;
        let opened = app.post("/v1/purchases", &json!({ "sku": COURSE })).await.expect(201).json();
        let id = opened["id"].as_str().unwrap();
        let mut shown = total(&opened["price"]);
        for applies in &steps {
            let body = json!({ "coupon": applies.then_some(&code) });
            let answer =
                app.send(app.request(Method::PATCH, &format!("/v1/purchases/{id}")).json(&body)).await;
            // A coupon that leaves too little to charge is refused, and the price stays.
            if answer.status == 200 {
                shown = total(&answer.json()["price"]);
            }
        }
        // A total other than the one shown is not charged.
        app.press_pay(id, shown + 1).await.expect_problem(409, "price_changed");
        let paying = app.press_pay(id, shown).await.expect(200).json();
        if shown > 0 {
            let intent = intent_of(paying["client_secret"].as_str().unwrap());
            assert_eq!(total(&paying["price"]), shown);
            let charged = app.sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
            assert_eq!(charged["amount_received"], shown, "{discount:?} {steps:?}");
        } else {
            assert!(paying["client_secret"].is_null(), "nothing is due: {paying}");
        }
        let granted = app.reaches(id, "granted").await;
        assert_eq!(total(&granted["price"]), shown, "{discount:?} {steps:?}");
        let receipt = app.get(&format!("/p/{id}")).await.expect(200).text;
        // Formatted as on the widget's button.
        let due = Money { amount: shown, currency: Currency::parse("usd").unwrap() };
        let said = format!("<dd>{}</dd>", widget::locales().english().amount(due));
        assert!(receipt.contains(&said), "{said}: {receipt}");
    }
    let charged = app.sandbox.stripe().charges_succeeded();
    assert!(charged.len() < CASES && !charged.is_empty(), "some cost nothing, and not all");
}
