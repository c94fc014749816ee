//! Codes emailed to the learners that they are assigned to.
use crate::cli::run;
use checkout_tests::{Answer, COURSE, TestApp, logged};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn each_is_sent_their_code_once_and_can_use_it() {
    let app = TestApp::start().await;
    let pack = create(&app, 3);
    let form = [("emails", "Ada@example.com, grace@example.com"), ("send", "yes")];
    hand_out(&app, &pack, "?lang=de", &form).await.expect(200);
    hand_out(&app, &pack, "?lang=de", &form).await.expect(200);
    app.until("two emails", |sandbox| sandbox.mailbox().emails().len() == 2).await;
    let emails = app.sandbox.mailbox().emails();
    let email = emails.iter().find(|email| email.to == "ada@example.com").expect("Ada's");
    assert_eq!(email.from, "university@redis.example");
    assert!(
        email.subject.starts_with("Acme & Söhne hat") && email.text.contains("Acme & Söhne"),
        "{email:?}"
    );
    let code = code_of(&app, &pack, "ada@example.com");
    assert!(email.text.contains(&format!("/buy/{COURSE}?coupon={code}&lang=de")), "{email:?}");
    let id =
        app.post("/v1/purchases", &json!({ "sku": COURSE, "coupon": code })).await.expect(201).text_at("id");
    app.press_pay(&id, 0).await.expect(200);
    app.reaches(&id, "granted").await;
    shows(&app, &pack, "gemailt", 2).await;
    let shown = show(&app, &pack);
    let sent = shown["codes"].as_array().unwrap().iter().filter(|code| code["mail"] == "sent").count();
    assert_eq!((sent, app.sandbox.mailbox().emails().len()), (2, 2), "once each");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pays_for_what_their_address_has_is_told_there_and_nowhere_else() {
    let app = TestApp::start().await;
    let pay = async |email: &str| {
        let opened = app.post("/v1/purchases", &json!({ "sku": COURSE })).await.expect(201);
        let path = format!("/v1/purchases/{}/pay", opened.text_at("id"));
        let body = json!({ "email": email, "expected_total": 4900 });
        let request = app.request(Method::POST, &path).header("accept-language", "de");
        app.send(request.json(&body)).await.expect(200).json()
    };
    let told = |answer: &Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let first = pay("grace@example.com").await;
    let (id, _) = app.buy(COURSE, 4900).await;
    assert!(app.sandbox.mailbox().emails().is_empty(), "nobody has anything twice");
    // The email is recognized in any spelling.
    assert_eq!(told(&pay("ADA@example.com").await), told(&first), "a stranger learns nothing");
    app.until("the email", |sandbox| !sandbox.mailbox().emails().is_empty()).await;
    // Only one email a day, however often the learner owns it.
    app.buy(COURSE, 4900).await;
    pay("ada@example.com").await;
    pay("grace@example.com").await;
    app.outbox_is(0, 0).await;
    let emails = app.sandbox.mailbox().emails();
    let [email] = &emails[..] else { panic!("{emails:?}") };
    assert_eq!(email.to, "ada@example.com");
    assert!(email.subject.ends_with("haben bereits: Redis <fundamentals>"), "{email:?}");
    assert!(email.text.contains(&format!("/p/{id}?lang=de")), "{email:?}");
    let exported = run(&app, &["learner", "export", "ada@example.com"]).json();
    let reference = app.get(&format!("/v1/purchases/{id}")).await.text_at("reference");
    assert_eq!(exported["record"]["letters"][0]["purchase"], reference);
    // A refunded purchase is not theirs any more.
    for charge in app.sandbox.stripe().charges_succeeded() {
        app.sandbox.stripe().refund(charge["payment_intent"].as_str().unwrap(), None).unwrap();
    }
    app.reaches(&id, "refunded").await;
    app.outbox_is(0, 0).await;
    app.execute("UPDATE mails SET created_at = 0").await;
    pay("ada@example.com").await;
    let silent = TestApp::with(&["--smtp-url=", "--smtp-from="]).await;
    silent.buy(COURSE, 4900).await;
    silent.buy(COURSE, 4900).await;
    assert!(silent.columns_with("ada@example.com").await.iter().all(|column| !column.starts_with("mails")));
    assert_eq!(app.sandbox.mailbox().emails().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_waits_for_a_mail_server_that_is_away_and_is_dropped_where_its_code_is_given_away() {
    let app = TestApp::start().await;
    let pack = create(&app, 2);
    app.sandbox.mailbox().set_away(true);
    let form = [("emails", "ada@example.com grace@example.com"), ("send", "yes")];
    hand_out(&app, &pack, "", &form).await.expect(200);
    shows(&app, &pack, "being emailed", 2).await;
    let code = code_of(&app, &pack, "ada@example.com");
    let form = [("code", code.as_str()), ("email", "alan@example.com"), ("send", "yes")];
    hand_out(&app, &pack, "", &form).await.expect(200);
    app.sandbox.mailbox().set_away(false);
    app.until("two emails", |sandbox| sandbox.mailbox().emails().len() == 2).await;
    let mut to: Vec<_> = app.sandbox.mailbox().emails().into_iter().map(|email| email.to).collect();
    to.sort();
    assert_eq!(to, ["alan@example.com", "grace@example.com"]);
    shows(&app, &pack, ">emailed", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_press_twice_is_one_email_and_a_page_is_no_mail_relay() {
    let app = TestApp::start().await;
    let pack = create(&app, 1);
    hand_out(&app, &pack, "", &[("emails", "ada@example.com"), ("send", "yes")]).await.expect(200);
    let code = code_of(&app, &pack, "ada@example.com");
    let give = async |email: &str| {
        let form = [("code", code.as_str()), ("email", email), ("send", "yes")];
        hand_out(&app, &pack, "", &form).await
    };
    for _ in 0..2 {
        give("Grace@example.com").await.expect(200);
    }
    give("alan@example.com").await.expect(200);
    let refused = give("eve@example.com").await.expect(429);
    assert!(refused.text.contains("alan@example.com"), "it is kept for whom it was: {refused:?}");
    app.until("the last email", |sandbox| {
        sandbox.mailbox().emails().iter().any(|email| email.to == "alan@example.com")
    })
    .await;
    let emails = app.sandbox.mailbox().emails();
    assert!(emails.iter().filter(|email| email.to == "Grace@example.com").count() <= 1 && emails.len() <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_pays_by_card_is_named_in_emails_by_address_alone() {
    let app = TestApp::with_teams().await;
    let opened = app.post("/v1/purchases", &json!({ "sku": COURSE, "places": 2 })).await.expect(201);
    let id = opened.text_at("id");
    let pay =
        json!({ "email": "ada@example.com", "name": "URGENT http://evil.example", "expected_total": 9800 });
    let secret =
        app.post(&format!("/v1/purchases/{id}/pay"), &pay).await.expect(200).text_at("client_secret");
    app.sandbox.stripe().confirm(&checkout_tests::intent_of(&secret), "4242424242424242").expect("a payment");
    let page = json!({ "page": app.reaches(&id, "granted").await["access_url"] });
    hand_out(&app, &page, "", &[("emails", "grace@example.com"), ("send", "yes")]).await.expect(200);
    app.until("the email", |sandbox| !sandbox.mailbox().emails().is_empty()).await;
    let email = &app.sandbox.mailbox().emails()[0];
    assert!(
        email.text.starts_with("ada@example.com has enrolled you") && !email.text.contains("evil"),
        "{email:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_refused_is_seen_on_the_page_and_holds_up_no_other() {
    let app = TestApp::start().await;
    let pack = create(&app, 2);
    app.sandbox.mailbox().refuse("nobody@example.com");
    let form = [("emails", "nobody@example.com grace@example.com"), ("send", "yes")];
    hand_out(&app, &pack, "", &form).await.expect(200);
    shows(&app, &pack, "email not delivered", 1).await;
    shows(&app, &pack, ">emailed", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_away_for_good_calls_a_person() {
    let app = TestApp::with(&["--retry-hours=0.0003"]).await;
    let pack = create(&app, 1);
    app.sandbox.mailbox().set_away(true);
    hand_out(&app, &pack, "", &[("emails", "ada@example.com"), ("send", "yes")]).await.expect(200);
    shows(&app, &pack, "email not delivered", 1).await;
    assert!(logged().contains("gave up sending an email"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_unasked_or_without_a_mail_server() {
    let app = TestApp::start().await;
    let pack = create(&app, 1);
    let page = hand_out(&app, &pack, "", &[("emails", "ada@example.com")]).await.expect(200).text;
    assert!(page.contains("name=\"send\"") && !page.contains("emailed"), "{page}");
    assert_eq!(show(&app, &pack)["codes"][0]["mail"], Value::Null);
    let app = TestApp::with(&["--smtp-url=", "--smtp-from="]).await;
    let pack = create(&app, 1);
    let form = [("emails", "ada@example.com"), ("send", "yes")];
    let page = hand_out(&app, &pack, "", &form).await.expect(200).text;
    assert!(!page.contains("name=\"send\"") && page.contains("ada@example.com"), "{page}");
    assert_eq!(show(&app, &pack)["codes"][0]["mail"], Value::Null);
}

fn create(app: &TestApp, count: usize) -> Value {
    let count = format!("--count={count}");
    let pack = ["coupons", "pack", "create", "--company=Acme & Söhne", "--po=4711", "--as=ada", "--json"];
    run(app, &[&pack[..], &["--sku=ru-course", count.as_str()]].concat()).json()
}

fn show(app: &TestApp, pack: &Value) -> Value {
    run(app, &["coupons", "pack", "show", pack["pack"].as_str().expect("a name"), "--json"]).json()
}

fn code_of(app: &TestApp, pack: &Value, email: &str) -> String {
    let shown = show(app, pack);
    let code = shown["codes"].as_array().expect("codes").iter().find(|code| code["email"] == email);
    code.expect("a code")["code"].as_str().expect("a code").to_owned()
}

fn path(pack: &Value) -> &str {
    let address = pack["page"].as_str().expect("an address");
    &address[address.find("/team/").expect("a team's page")..]
}

async fn hand_out(app: &TestApp, pack: &Value, query: &str, fields: &[(&str, &str)]) -> Answer {
    let request = app.request(Method::POST, &format!("{}{query}", path(pack)));
    app.send(request.form(fields)).await
}

/// Waits until the pack's page shows `text` this many times, in German if the text is German.
async fn shows(app: &TestApp, pack: &Value, text: &str, times: usize) {
    let query = if text == "gemailt" { "?lang=de" } else { "" };
    let page = format!("{}{query}", path(pack));
    let says = |answer: &Answer| (answer.text.matches(text).count() == times).then_some(());
    app.answers(|| app.request(Method::GET, &page), says).await;
}
