//! A learner's data: exported and erased in full.
use crate::cli::{reference, run};
use checkout_tests::{COURSE, TestApp, intent_of};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_is_shown_what_is_kept_of_them_and_forgotten() {
    let app = TestApp::with_teams().await;
    run(&app, &["coupons", "create", "SPRING", "--percent=10", "--as=ada"]).ok();
    let token = app.sandbox.sign_in().token("grace@example.com", "okta-7");
    let opening = json!({ "sku": COURSE, "learner_token": token, "coupon": "SPRING" });
    let own = app.post("/v1/purchases", &opening).await.expect(201).text_at("id");
    pay(&app, &own, 4410).await;
    let team = json!({ "sku": COURSE, "places": 2 });
    let team = app.post("/v1/purchases", &team).await.expect(201).text_at("id");
    pay(&app, &team, 9800).await;
    // A code of a company's pack is assigned and emailed to her.
    let arguments = [
        "coupons",
        "pack",
        "create",
        "--sku=ru-course",
        "--count=1",
        "--company=Acme",
        "--po=1",
        "--as=ada",
        "--json",
    ];
    let pack = run(&app, &arguments).json();
    let page = pack["page"].as_str().unwrap();
    let page = &page[page.find("/team/").unwrap()..];
    let assign =
        app.request(reqwest::Method::POST, page).form(&[("emails", "Grace@example.com"), ("send", "yes")]);
    app.send(assign).await.expect(200);
    app.until("an email", |sandbox| !sandbox.mailbox().emails().is_empty()).await;
    let kept = run(&app, &["learner", "export", "GRACE@example.com"]).json();
    assert_eq!(kept["purchases"].as_array().unwrap().len(), 2, "{kept}");
    assert_eq!(kept["purchases"][1]["learner"]["external_id"], "okta-7");
    let record = &kept["record"];
    assert_eq!(record["codes"].as_array().unwrap().len(), 2, "{record}");
    assert_eq!(record["letters"].as_array().unwrap().len(), 1);
    assert!(
        record["stripe_events"]
            .as_array()
            .unwrap()
            .iter()
            .any(|event| { event["body"].as_str().unwrap().contains("grace@example.com") })
    );
    assert!(app.columns_with("grace@example.com").await.len() >= 5);

    assert!(!app.is_on_sqlite() || app.bytes_with("grace@example.com"));
    let events = record["stripe_events"].as_array().unwrap().len();
    let said = run(&app, &["learner", "erase", "grace@example.com", "--as=ada", "--json"]).json();
    // Exactly what was exported is erased.
    let erased = json!({ "purchases": 2, "codes": 2, "letters": 1, "stripe_events": events });
    assert_eq!(said, erased);
    for text in ["grace@example.com", "Grace@example.com", "okta-7", "Grace Hopper"] {
        assert!(!app.bytes_with(text), "{text} is in the file");
    }
    for text in ["grace", "okta-7", "lovelace"] {
        assert_eq!(app.columns_with(text).await, Vec::<String>::new(), "{text}");
    }
    let kept = run(&app, &["learner", "export", "grace@example.com"]).json();
    assert_eq!(kept["purchases"], json!([]));
    // The payment stays on record, and so does the access.
    let paid = app.get(&format!("/v1/purchases/{own}")).await.expect(200).json();
    assert_eq!(
        (&paid["state"], &paid["price"]["total"], &paid["email"]),
        (&json!("granted"), &json!(4410), &Value::Null)
    );
    assert_eq!(app.sandbox.flockjay().active_grants().len(), 1);
    let list = run(&app, &["purchases", "export", "--json"]).json();
    assert_eq!(
        list.as_array().unwrap().iter().map(|purchase| purchase["charged"].as_i64().unwrap()).sum::<i64>(),
        14_210
    );
    // The purchase can still be refunded, and its access revoked.
    run(&app, &["purchases", "refund", &own, "--as=ada"]).ok();
    app.reaches(&own, "refunded").await;
    app.until("access taken away", |sandbox| sandbox.flockjay().active_grants().is_empty()).await;
    assert_eq!(app.columns_with("okta-7").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_known_by_every_email_and_spelling() {
    let app = TestApp::start().await;
    run(&app, &["coupons", "create", "SPRING", "--percent=10", "--as=ada"]).ok();
    // The same person at the sign-in service, where she had an older email; and as a guest, with the older one.
    for (email, name) in [("ada@work.example", "okta-9"), ("jürgen@müller.de", "okta-9")] {
        let token = app.sandbox.sign_in().token(email, name);
        let opening = json!({ "sku": COURSE, "learner_token": token, "coupon": "SPRING" });
        let id = app.post("/v1/purchases", &opening).await.expect(201).text_at("id");
        pay_as(&app, &id, email, 4410).await;
    }
    let guest = app.open(COURSE).await;
    pay_as(&app, &guest, "Ada@Work.example", 4900).await;
    let other = app.open(COURSE).await;
    pay_as(&app, &other, "else@example.com", 4900).await;
    // An event from Stripe that could not be applied.
    app.execute(
        "INSERT INTO stripe_events (id, kind, outcome, received_at, body) VALUES ('evt_stray', 'charge.failed', 'failed', 1, \
         '{\"receipt\":\"J\\u00dcRGEN@xn--mller-kva.de\"}')",
    )
    .await;
    let kept = run(&app, &["learner", "export", "JU\u{308}RGEN@MÜLLER.de"]).json();
    assert_eq!(kept["emails"], json!(["ada@work.example", "jürgen@xn--mller-kva.de"]));
    let count = |field: &Value| field.as_array().unwrap().len();
    let record = &kept["record"];
    assert_eq!((count(&kept["purchases"]), count(&record["codes"])), (3, 2), "{kept}");
    let said = run(&app, &["learner", "erase", "JU\u{308}RGEN@MÜLLER.de", "--as=ada", "--json"]).json();
    let events = count(&record["stripe_events"]);
    assert_eq!(said, json!({ "purchases": 3, "codes": 2, "letters": 1, "stripe_events": events }));
    for text in ["jürgen", "rgen@", "ada@work", "okta-9"] {
        assert_eq!(app.columns_with(text).await, Vec::<String>::new(), "{text}");
        assert!(!app.bytes_with(text), "{text} is in the file");
    }
    assert_eq!(app.get(&format!("/v1/purchases/{other}")).await.json()["email"], "e•••@example.com");
    let again = run(&app, &["learner", "erase", "jürgen@müller.de", "--as=ada"]).refused();
    assert!(again.contains("EMAIL") && again.contains("no data is stored"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_that_several_have_makes_nobody_one_with_another() {
    let app = TestApp::start().await;
    for name in ["okta-1", "okta-2"] {
        for email in ["training@acme.example", &format!("{name}@acme.example")] {
            let token = app.sandbox.sign_in().token(email, name);
            let opening = json!({ "sku": COURSE, "learner_token": token });
            let id = app.post("/v1/purchases", &opening).await.expect(201).text_at("id");
            pay_as(&app, &id, email, 4900).await;
        }
    }
    let said = run(&app, &["learner", "erase", "training@acme.example", "--as=ada", "--json"]).json();
    assert_eq!(said["purchases"], 2);
    let left = run(&app, &["learner", "export", "okta-1@acme.example"]).json();
    assert_eq!(left["emails"], json!(["okta-1@acme.example"]));
    assert_eq!(left["purchases"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_forgotten_whose_purchase_is_under_way() {
    let app = TestApp::start().await;
    let (bought, _) = app.buy(COURSE, 4900).await;
    let (id, _) = app.open_and_press_pay(COURSE, 4900).await;
    let refused = run(&app, &["learner", "erase", "ada@example.com", "--as=ada"]).refused();
    assert!(refused.contains("EMAIL") && refused.contains(&reference(&app, &id).await), "{refused}");
    assert_eq!(app.get(&format!("/v1/purchases/{bought}")).await.json()["email"], "a•••@example.com");
    app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
    app.reaches(&id, "canceled").await;
    run(&app, &["learner", "erase", "ada@example.com", "--as=ada"]).ok();
    assert!(run(&app, &["learner", "export", "nobody"]).refused().contains("EMAIL"));
    assert!(run(&app, &["learner", "erase", "ada@example.com"]).refused().contains("--as"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pressed_pay_and_left_it_to_another_is_forgotten_alone() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    let body = json!({ "email": "hedy@example.com", "name": "Hedy", "expected_total": 4900 });
    app.post(&format!("/v1/purchases/{id}/pay"), &body).await.expect(200);
    pay(&app, &id, 4900).await;
    let shown = run(&app, &["learner", "export", "hedy@example.com"]).json();
    assert_eq!(shown["purchases"][0]["pressed_pay"], true, "{shown}");
    assert!(!shown.to_string().contains("grace"), "of another nothing is told: {shown}");
    run(&app, &["learner", "erase", "hedy@example.com", "--as=ada"]).ok();
    assert_eq!(app.columns_with("hedy@").await, Vec::<String>::new());
    assert!(
        app.columns_with("grace@").await.contains(&"stripe_events.body".to_owned()),
        "what is hers stays"
    );
    assert_eq!(app.get(&format!("/v1/purchases/{id}")).await.json()["email"], "g•••@example.com");
}

async fn pay(app: &TestApp, id: &str, total: i64) {
    pay_as(app, id, "grace@example.com", total).await;
}

async fn pay_as(app: &TestApp, id: &str, email: &str, total: i64) {
    let body = json!({ "email": email, "name": "Grace Hopper", "expected_total": total });
    let answer = app.post(&format!("/v1/purchases/{id}/pay"), &body).await.expect(200);
    let intent = intent_of(&answer.text_at("client_secret"));
    app.sandbox.stripe().confirm(&intent, "4242424242424242").expect("a payment");
    app.reaches(id, "granted").await;
}
