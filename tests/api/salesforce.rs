//! Purchases in Salesforce: one record each, linked to its learner, and never delaying the grant.
use checkout_tests::{Answer, COURSE, Setup, TestApp, intent_of};
use redis_checkout::account::DEFAULT_FIELDS;
use serde_json::{Value, json};

async fn app(flags: &[&str]) -> TestApp {
    let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
    TestApp::set_up(Setup { flags, tells_salesforce: true, leaves_work: true, ..Setup::default() }).await
}

/// Buys the course with this email, signed in if there is a token; returns the purchase's id and reference.
async fn buy(app: &TestApp, email: &str, token: Option<&str>) -> (String, String) {
    let opening = json!({ "sku": COURSE, "learner_token": token });
    let opened = app.post("/v1/purchases", &opening).await.expect(201);
    let (id, reference) = (opened.text_at("id"), opened.text_at("reference"));
    let pay = json!({ "email": email, "name": "Ada", "expected_total": 4900 });
    let secret =
        app.post(&format!("/v1/purchases/{id}/pay"), &pay).await.expect(200).text_at("client_secret");
    app.sandbox.stripe().confirm(&intent_of(&secret), "4242424242424242").expect("a payment");
    app.reaches(&id, "granted").await;
    (id, reference)
}

/// Waits until `field` of the record is `value`, and returns the record.
async fn record(app: &TestApp, reference: &str, field: &str, value: Value) -> Value {
    let has = |record: &Value| record[field] == value;
    app.until(&format!("{field} {value}"), |sandbox| {
        sandbox.salesforce().record(reference).is_some_and(|found| has(&found))
    })
    .await;
    app.sandbox.salesforce().record(reference).expect("a record")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_one_record_of_its_learners_contact() {
    let app = app(&[]).await;
    let salesforce = app.sandbox.salesforce();
    let by_id = salesforce.add_contact("old@example.com", "okta-1");
    let by_email = salesforce.add_contact("o'brien@example.com", "crm-2");
    for _ in 0..2 {
        salesforce.add_contact("twins@example.com", "");
    }
    let token = app.sandbox.sign_in().token("ada@example.com", "okta-1");
    let (id, reference) = buy(&app, "ada@example.com", Some(&token)).await;
    let granted = record(&app, &reference, "Status__c", json!("granted")).await;
    for (field, value) in [
        ("Contact__c", json!(by_id)),
        ("Learner_Email__c", json!("ada@example.com")),
        ("Learner_External_Id__c", json!("okta-1")),
        ("SKU__c", json!(COURSE)),
        ("Kind__c", json!("course")),
        ("Entitled__c", json!(true)),
        ("Currency__c", json!("USD")),
        ("Total__c", json!(49.0)),
        ("Charged__c", json!(49.0)),
        ("Refunded__c", json!(0.0)),
        ("Coupon__c", Value::Null),
    ] {
        assert_eq!(granted[field], value, "{field}");
    }
    for (email, contact) in [
        ("O'Brien@example.com", json!(by_email)),
        ("twins@example.com", Value::Null),
        ("nobody@example.com", Value::Null),
    ] {
        let (_, reference) = buy(&app, email, None).await;
        assert_eq!(
            record(&app, &reference, "Status__c", json!("granted")).await["Contact__c"],
            contact,
            "{email}"
        );
    }
    assert_eq!(salesforce.signed_in(), 1);
    // A contact that a person has chosen stays.
    let (_, unknown) = buy(&app, "nobody@example.com", None).await;
    record(&app, &unknown, "Status__c", json!("granted")).await;
    salesforce.link(&unknown, &by_email);
    let intents = app.sandbox.stripe().intents();
    let paid = intents.iter().find(|intent| intent["metadata"].to_string().contains(&unknown)).unwrap();
    app.sandbox.stripe().refund(paid["id"].as_str().unwrap(), None).unwrap();
    assert_eq!(record(&app, &unknown, "Refunded__c", json!(49.0)).await["Contact__c"], json!(by_email));
    let paid = intents.iter().find(|intent| intent["metadata"].to_string().contains(&reference)).unwrap();
    let intent = paid["id"].as_str().unwrap();
    app.sandbox.stripe().refund(intent, None).unwrap();
    app.reaches(&id, "refunded").await;
    let refunded = record(&app, &reference, "Refunded__c", json!(49.0)).await;
    assert_eq!((&refunded["Entitled__c"], &refunded["Access_URL__c"]), (&json!(false), &Value::Null));
    assert!(refunded["Version__c"].as_i64() > granted["Version__c"].as_i64());
    app.outbox_is(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_waited_for_and_holds_up_no_grant() {
    let app = app(&[]).await;
    let salesforce = app.sandbox.salesforce();
    salesforce.is_down(true);
    let (_, first) = buy(&app, "ada@example.com", None).await;
    salesforce.is_down(false);
    record(&app, &first, "Status__c", json!("granted")).await;
    // An expired token is renewed, and a locked record is retried.
    salesforce.end_tokens();
    salesforce.lock_rows(2);
    let (_, second) = buy(&app, "ada@example.com", None).await;
    record(&app, &second, "Status__c", json!("granted")).await;
    assert_eq!(salesforce.signed_in(), 2);
    app.outbox_is(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_the_days_requests_are_left_to_others() {
    let app = app(&[]).await;
    let salesforce = app.sandbox.salesforce();
    salesforce.limit(13_500, 15_000);
    let (_, reference) = buy(&app, "ada@example.com", None).await;
    record(&app, &reference, "Status__c", json!("granted")).await;
    let used = salesforce.used();
    buy(&app, "grace@example.com", None).await;
    app.outbox_is(1, 0).await;
    assert_eq!(salesforce.used(), used);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_not_there_needs_a_person_and_is_named() {
    let app = app(&["--salesforce-fields=state=Stage__c,coupon="]).await;
    let (id, reference) = buy(&app, "ada@example.com", None).await;
    app.outbox_is(0, 1).await;
    let failed = |answer: &Answer| {
        let purchase = answer.json();
        let mut steps = purchase["timeline"].as_array().unwrap().iter();
        steps.any(|step| step["step"] == "account" && step["state"] == "failed").then_some(())
    };
    app.answers(|| app.request(reqwest::Method::GET, &format!("/v1/purchases/{id}")), failed).await;
    assert!(app.sandbox.salesforce().record(&reference).is_none());
    assert!(checkout_tests::logged().contains("INVALID_FIELD (Stage__c)"));
}

#[test]
fn the_object_that_is_described_has_every_field() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let read = |file: &str| std::fs::read_to_string(docs.join(file)).unwrap();
    let (described, object) = (read("salesforce.md"), read("salesforce/objects/Training_Purchase__c.object"));
    for (ours, field) in DEFAULT_FIELDS {
        assert!(
            described.contains(&format!("`{ours}`")) && described.contains(&format!("`{field}`")),
            "{ours}"
        );
        let elsewhere = ["object", "contact_external_id"].contains(&ours);
        assert!(elsewhere || object.contains(&format!("<fullName>{field}</fullName>")), "{field}");
    }
    assert_eq!(object.matches("<fields>").count(), DEFAULT_FIELDS.len() - 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_refused_loses_no_purchase() {
    let app = app(&[]).await;
    let long = format!("{}@{}.example.com", "a".repeat(60), "b".repeat(40));
    let (_, reference) = buy(&app, &long, None).await;
    let kept = record(&app, &reference, "Status__c", json!("granted")).await;
    assert_eq!(kept["Learner_Email__c"], json!(long), "a text of 254");
    app.sandbox.salesforce().has_email_field();
    for email in [long.as_str(), "jürgen@müller.example"] {
        let (_, reference) = buy(&app, email, None).await;
        let kept = record(&app, &reference, "Status__c", json!("granted")).await;
        assert_eq!(kept.get("Learner_Email__c").unwrap_or(&Value::Null), &Value::Null, "{email}");
        assert_eq!(kept["SKU__c"], json!(COURSE));
    }
}
