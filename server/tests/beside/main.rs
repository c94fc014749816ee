//! The previous release and this one, side by side on one database during a rolling upgrade: whichever answers,
//! purchases go on. `cargo xtask test` builds the previous release and names its program in `PREVIOUS_RELEASE`.
mod pair;

use pair::{Pair, Which};
use reqwest::Method;
use serde_json::{Value, json};

const GOOD: &str = "4242424242424242";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the release before, which cargo xtask test builds"]
async fn purchases_go_on_while_this_release_takes_the_place_of_the_one_before() {
    let mut pair = Pair::start_old().await;
    let early: Vec<_> = [0, 1, 2, 3].map(|n| format!("early{n}@example.com")).to_vec();
    let mut purchases = Vec::new();
    for (n, email) in early.iter().enumerate() {
        let id = pair.open(Which::Old, "ru-course").await;
        // One is held, one is being paid, and two already have access.
        if n > 0 {
            let intent = pair.press_pay(Which::Old, &id, email).await;
            if n > 1 {
                pair.pay(&intent);
                pair.reaches(Which::Old, &id, "granted").await;
            }
            purchases.push((id, email.clone(), Some(intent), n > 1));
        } else {
            purchases.push((id, email.clone(), None, false));
        }
    }
    pair.start_new().await;
    // Purchases begun on the old release continue on the new one, and the other way round.
    for (id, email, intent, is_paid) in &purchases {
        if *is_paid {
            continue;
        }
        let intent = match intent {
            Some(intent) => intent.clone(),
            None => pair.press_pay(Which::New, id, email).await,
        };
        pair.pay(&intent);
        pair.reaches(Which::Old, id, "granted").await;
    }
    for n in 0..12 {
        let (first, second) = if n % 2 == 0 { (Which::Old, Which::New) } else { (Which::New, Which::Old) };
        pair.hears_of_stripe(if n % 4 < 2 { first } else { second });
        let email = format!("side{n}@example.com");
        let id = pair.open(first, "ru-course").await;
        let intent = pair.press_pay(second, &id, &email).await;
        pair.pay(&intent);
        pair.reaches(first, &id, "granted").await;
        purchases.push((id, email, Some(intent), true));
    }
    let seat = pair.open(Which::Old, "ru-live").await;
    let (status, answer) =
        pair.ask(Which::New, Method::POST, "/v1/purchases", Some(&json!({ "sku": "ru-live" }))).await;
    assert_eq!((status, &answer["code"]), (409, &json!("sold_out")), "the one seat is the other's");
    let (status, _) = pair.ask(Which::New, Method::DELETE, &format!("/v1/purchases/{seat}"), None).await;
    assert_eq!(status, 200);
    pair.stop_old();
    pair.hears_of_stripe(Which::New);
    // A purchase can be refunded whichever release made it, and the books are right.
    for (id, ..) in &purchases[..6] {
        pair.operate(&["purchases", "refund", id, "--as=ada"]);
        pair.reaches(Which::New, id, "refunded").await;
    }
    for (id, email, ..) in &purchases {
        let shown = pair.operate(&["purchases", "list", "--email", email, "--json"]);
        assert!(shown.contains(id.as_str()), "{email}: {shown}");
    }
    let report: Value =
        serde_json::from_str(&pair.operate(&["reconcile", "--as=ada", "--json"])).expect("JSON");
    assert_eq!(report["findings"], json!([]));
    let stripe = pair.app.sandbox.stripe();
    assert_eq!((stripe.charges_succeeded().len(), stripe.refunds().len()), (purchases.len(), 6));
    assert_eq!(pair.app.sandbox.flockjay().active_grants().len(), purchases.len() - 6);
}
