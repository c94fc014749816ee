//! Purchases as Orb invoices: one each, already paid, with refunds as credit notes.
use checkout_tests::{COURSE, Setup, TestApp};
use sandbox::stripe::DisputeStatus;
use serde_json::{Value, json};

async fn app() -> TestApp {
    TestApp::set_up(Setup { tells_orb: true, leaves_work: true, ..Setup::default() }).await
}

/// The customer that Ada's trainings in dollars are billed to.
const TRAININGS: &str = "redis-university:usd:ada@example.com";

fn balance(app: &TestApp, external_id: &str) -> String {
    let customers = app.sandbox.orb().customers();
    let customer = customers.iter().find(|customer| customer["external_customer_id"] == external_id);
    customer.unwrap()["balance"].as_str().unwrap().to_owned()
}

async fn invoice(app: &TestApp, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    app.until(what, |sandbox| sandbox.orb().invoices().first().is_some_and(&fits)).await;
    app.outbox_is(0, 0).await;
    let [invoice] = &app.sandbox.orb().invoices()[..] else { panic!("{:?}", app.sandbox.orb().invoices()) };
    invoice.clone()
}

fn credited(invoice: &Value) -> Vec<&str> {
    invoice["credit_notes"].as_array().unwrap().iter().map(|note| note["total"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_an_invoice_that_is_paid_and_refunds_are_credit() {
    let app = app().await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    let paid = invoice(&app, "a paid invoice", |invoice| invoice["status"] == "paid").await;
    assert_eq!((&paid["total"], &paid["currency"]), (&json!("49.00"), &json!("USD")));
    assert_eq!(
        (&paid["payment"]["external_id"], &paid["auto_collection"]["enabled"]),
        (&json!(intent), &json!(false))
    );
    assert_eq!(paid["customer"]["external_customer_id"], TRAININGS);
    assert_eq!(app.sandbox.orb().customers()[0]["auto_collection"], false);
    app.sandbox.stripe().refund(&intent, Some(1000)).unwrap();
    let notes = |count| move |invoice: &Value| credited(invoice).len() == count;
    assert_eq!(credited(&invoice(&app, "a credit note", notes(1)).await), ["10.00"]);
    app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&id, "refunded").await;
    // Orb is notified of the refund and of the end of access, and credits once.
    assert_eq!(credited(&invoice(&app, "another", notes(2)).await), ["10.00", "39.00"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_and_keys_that_are_forgotten_make_no_second_invoice() {
    let app = app().await;
    app.sandbox.orb().lose_answers(6);
    let (id, intent) = app.buy(COURSE, 4900).await;
    invoice(&app, "a paid invoice", |invoice| invoice["status"] == "paid").await;
    app.sandbox.orb().forget_keys();
    app.sandbox.orb().lose_answers(3);
    app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&id, "refunded").await;
    let refunded =
        invoice(&app, "a credit note", |invoice| !invoice["credit_notes"].as_array().unwrap().is_empty())
            .await;
    assert_eq!(credited(&refunded), ["49.00"]);
    assert_eq!(app.sandbox.orb().customers().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_is_one_customer_and_what_costs_nothing_is_no_invoice() {
    let app = app().await;
    let id = app.open("ru-free").await;
    app.press_pay(&id, 0).await.expect(200);
    app.reaches(&id, "granted").await;
    for _ in 0..4 {
        app.buy(COURSE, 4900).await;
    }
    app.until("four invoices", |sandbox| {
        sandbox.orb().invoices().iter().filter(|invoice| invoice["status"] == "paid").count() == 4
    })
    .await;
    app.outbox_is(0, 0).await;
    assert_eq!((app.sandbox.orb().customers().len(), app.sandbox.orb().invoices().len()), (1, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_purchases_of_a_new_customer_at_once_need_nobody() {
    let app = app().await;
    for _ in 0..4 {
        tokio::join!(app.buy(COURSE, 4900), app.buy(COURSE, 4900), app.buy(COURSE, 4900));
    }
    app.until("twelve invoices", |sandbox| {
        sandbox.orb().invoices().iter().filter(|invoice| invoice["status"] == "paid").count() == 12
    })
    .await;
    app.outbox_is(0, 0).await;
    assert_eq!(app.sandbox.orb().customers().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bank_has_taken_back_is_credited() {
    let app = app().await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    invoice(&app, "a paid invoice", |invoice| invoice["status"] == "paid").await;
    let dispute = app.sandbox.stripe().open_dispute(&intent).unwrap();
    let dispute = dispute["id"].as_str().unwrap();
    app.sandbox.stripe().move_dispute(dispute, DisputeStatus::Lost).unwrap();
    app.reaches(&id, "refunded").await;
    let credit = |invoice: &Value| credited(invoice) == ["49.00"];
    invoice(&app, "a credit note", credit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_back_to_the_card_lowers_no_later_invoice() {
    let app = app().await;
    let (id, intent) = app.buy(COURSE, 4900).await;
    invoice(&app, "a paid invoice", |invoice| invoice["status"] == "paid").await;
    app.sandbox.orb().lose_answers(2);
    app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&id, "refunded").await;
    invoice(&app, "a credit note", |invoice| credited(invoice) == ["49.00"]).await;
    assert_eq!(balance(&app, TRAININGS), "0.00");
    let (again, _) = app.buy(COURSE, 4900).await;
    app.until("another paid invoice", |sandbox| {
        sandbox.orb().invoices().get(1).is_some_and(|invoice| invoice["status"] == "paid")
    })
    .await;
    app.outbox_is(0, 0).await;
    let second = app.sandbox.orb().invoices()[1].clone();
    assert_eq!((&second["amount_due"], &second["total"]), (&json!("49.00"), &json!("49.00")), "{again}");
    assert!(second["payment"]["external_id"].is_string());
    assert_eq!(balance(&app, TRAININGS), "0.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_company_is_billed_as_is_left_alone() {
    let app = app().await;
    app.sandbox.orb().bills("ada@example.com", "EUR");
    app.sandbox.orb().adjust("ada@example.com", "increment", "20.00");
    let (id, intent) = app.buy(COURSE, 4900).await;
    let paid = invoice(&app, "a paid invoice", |invoice| invoice["status"] == "paid").await;
    assert_eq!((&paid["amount_due"], &paid["currency"]), (&json!("49.00"), &json!("USD")));
    app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&id, "refunded").await;
    invoice(&app, "a credit note", |invoice| credited(invoice) == ["49.00"]).await;
    assert_eq!((balance(&app, "ada@example.com"), balance(&app, TRAININGS)), ("20.00".into(), "0.00".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_of_an_earlier_release_is_credited_and_its_customer_keeps_the_balance() {
    let app = app().await;
    let orb = app.sandbox.orb();
    orb.bills("ada@example.com", "USD");
    orb.sync(false);
    orb.is_down(true);
    let (id, intent) = app.buy(COURSE, 4900).await;
    let reference = app.get(&format!("/v1/purchases/{id}")).await.expect(200).text_at("reference");
    orb.invoice("ada@example.com", "49.00", "USD", &reference);
    orb.adjust("ada@example.com", "increment", "20.00");
    orb.is_down(false);
    app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&id, "refunded").await;
    invoice(&app, "a credit note", |invoice| credited(invoice) == ["49.00"]).await;
    assert_eq!(balance(&app, "ada@example.com"), "20.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_issued_once_orb_lets_it() {
    let app = app().await;
    app.sandbox.orb().grace(std::time::Duration::from_secs(2));
    app.buy(COURSE, 4900).await;
    let paid = invoice(&app, "a paid invoice", |invoice| invoice["status"] == "paid").await;
    assert_eq!(paid["amount_due"], "49.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_and_purchases_at_once_leave_no_balance() {
    let app = app().await;
    let mut intents = Vec::new();
    for _ in 0..4 {
        intents.push(app.buy(COURSE, 4900).await);
    }
    let refunds = async {
        for (_, intent) in &intents {
            app.sandbox.stripe().refund(intent, None).unwrap();
        }
        for (id, _) in &intents {
            app.reaches(id, "refunded").await;
        }
    };
    tokio::join!(refunds, app.buy(COURSE, 4900), app.buy(COURSE, 4900), app.buy(COURSE, 4900));
    app.until("seven paid invoices, four of them credited", |sandbox| {
        let invoices = sandbox.orb().invoices();
        let paid = invoices.iter().filter(|invoice| invoice["status"] == "paid").count();
        let credited = invoices.iter().filter(|invoice| credited(invoice) == ["49.00"]).count();
        (paid, credited) == (7, 4)
    })
    .await;
    app.outbox_is(0, 0).await;
    for invoice in app.sandbox.orb().invoices() {
        assert_eq!(invoice["amount_due"], "49.00", "what was credited lowers no other's: {invoice}");
        assert!(invoice["payment"]["external_id"].is_string(), "{invoice}");
    }
    assert_eq!(balance(&app, TRAININGS), "0.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_instance_credits_meanwhile_is_given_back() {
    let app = app().await;
    let orb = app.sandbox.orb();
    let (id, intent) = app.buy(COURSE, 4900).await;
    invoice(&app, "a paid invoice", |invoice| invoice["status"] == "paid").await;
    // The balance changes after the server has read it and before the invoice is issued.
    orb.credits_before_issuing("10.00");
    app.buy(COURSE, 4900).await;
    app.until("another paid invoice", |sandbox| {
        sandbox.orb().invoices().get(1).is_some_and(|invoice| invoice["status"] == "paid")
    })
    .await;
    app.outbox_is(0, 0).await;
    assert_eq!(orb.invoices()[1]["amount_due"], "39.00");
    assert_eq!(balance(&app, TRAININGS), "0.00");
    app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&id, "refunded").await;
    app.until("the rest of the credit", |sandbox| {
        credited(&sandbox.orb().invoices()[0]) == ["10.00", "39.00"]
    })
    .await;
    app.outbox_is(0, 0).await;
    assert_eq!(balance(&app, TRAININGS), "0.00");
}
