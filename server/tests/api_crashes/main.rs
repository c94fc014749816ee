//! Kills the real process at every step of a purchase and restarts it: nothing is lost, nothing is done twice.
mod process;

use process::Process;
use redis_checkout::fault_injection::Step;
use reqwest::Method;
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Arc;
use tokio::sync::Semaphore;

const GOOD: &str = "4242424242424242";
/// The commands that the outbox carries out in the story below.
const COMMANDS: [&str; 5] = ["ask_stripe", "cancel_intent", "create_grant", "create_refund", "revoke_grant"];
/// Concurrent processes; most of them wait for a lease to expire.
const AT_ONCE: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_it_loses_nothing_and_does_nothing_twice() {
    let steps = Step::ALL.into_iter().flat_map(|step| {
        let commands: &[&str] = if step.is_of_outbox() { &COMMANDS } else { &[""] };
        commands.iter().map(move |command| format!("{} {command}", step.name()).trim_end().to_owned())
    });
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let stories = steps.map(|step| {
        let slots = slots.clone();
        let story = async move {
            let _slot = slots.acquire().await.expect("a slot");
            live_through(&step).await;
        };
        tokio::spawn(story)
    });
    for story in stories.collect::<Vec<_>>() {
        if let Err(failed) = story.await {
            std::panic::resume_unwind(failed.into_panic());
        }
    }
}

/// Buys and refunds a seat, holds one with a coupon for a while and cancels it, then buys one on Stripe's page, in one
/// life or in two.
async fn live_through(step: &str) {
    let mut process = Process::start(step).await;
    operate(&process, &["coupons", "create", "TEN", "--percent=10", "--as=ada"]);
    let id = open(&mut process).await;
    let intent = press_pay(&mut process, &id).await;
    process.app.sandbox.stripe().confirm(&intent, GOOD).expect("a payment");
    process.ask(Method::POST, &format!("/v1/purchases/{id}/refresh"), None).await;
    process.reaches(&id, "granted").await;
    operate(&process, &["purchases", "refund", &id, "--as=ada"]);
    process.reaches(&id, "refunded").await;
    process.until("access taken away", |app| app.sandbox.flockjay().active_grants().is_empty()).await;

    let canceled = open(&mut process).await;
    let path = format!("/v1/purchases/{canceled}");
    for (coupon, total) in [(json!("TEN"), 44100), (Value::Null, 49000)] {
        let (status, changed) = process.ask(Method::PATCH, &path, Some(&json!({ "coupon": coupon }))).await;
        assert_eq!((status, &changed["price"]["total"]), (200, &json!(total)), "{step}: {changed}");
    }
    press_pay(&mut process, &canceled).await;
    process.ask(Method::DELETE, &path, None).await;
    process.reaches(&canceled, "canceled").await;
    let coupon = operate(&process, &["coupons", "show", "TEN", "--json"]);
    assert_eq!(coupon["used"], 0, "{step}: {coupon}");

    let fields = [("email", "ada@example.com"), ("key", "one")];
    let address = process.submit("/buy/ru-live", &fields).await;
    let hosted = checkout_tests::purchase_of(&process.app.sandbox, &address);
    let session = address.rsplit('/').next().expect("a session").to_owned();
    process.app.sandbox.stripe().pay_session(&session, GOOD).expect("a payment");
    process.reaches(&hosted, "granted").await;
    assert_eq!(process.app.sandbox.stripe().sessions().len(), 1, "{step}");

    let stripe = process.app.sandbox.stripe().clone();
    let statuses: Vec<_> = stripe.intents().iter().map(|intent| intent["status"].clone()).collect();
    assert_eq!(statuses, ["succeeded", "canceled", "succeeded"], "{step}");
    let charged: Vec<_> = stripe.charges_succeeded().iter().map(|charge| charge["amount"].clone()).collect();
    let returned: Vec<_> = stripe.refunds().iter().map(|refund| refund["amount"].clone()).collect();
    assert_eq!((charged, returned), (vec![json!(49000); 2], vec![json!(49000)]), "{step}");
    assert_eq!(process.app.sandbox.flockjay().grants().len(), 2, "{step}");
    let (_, offering) = process.ask(Method::GET, "/v1/offerings/ru-live", None).await;
    assert_eq!(offering["seats"]["left"], 0, "{step}");
    process.until("it was killed", |_| true).await;
    assert_eq!(process.deaths, 1, "{step} was never reached");
}

async fn open(process: &mut Process) -> String {
    let before = process.app.sandbox.stripe().intents().len();
    let variant = format!("the {before}th");
    let request = json!({ "sku": "ru-live", "variant": variant });
    let (status, opened) = process.ask(Method::POST, "/v1/purchases", Some(&request)).await;
    assert_eq!(status, 201, "{opened}");
    text(&opened, "id")
}

/// Returns the payment intent's id.
async fn press_pay(process: &mut Process, id: &str) -> String {
    let request = json!({ "email": "ada@example.com", "expected_total": 49000 });
    let (status, answer) =
        process.ask(Method::POST, &format!("/v1/purchases/{id}/pay"), Some(&request)).await;
    assert_eq!(status, 200, "{answer}");
    checkout_tests::intent_of(&text(&answer, "client_secret"))
}

/// Runs an operator's subcommand, and returns the JSON that it prints, if any.
fn operate(process: &Process, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redis-checkout"));
    let said = command.args(arguments).envs(process.app.for_operators()).output().expect("the binary runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).unwrap_or(Value::Null)
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}")).to_owned()
}
