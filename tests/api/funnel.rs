//! The funnel: views that pages report, and what learners did after that.
use checkout_tests::{COURSE, HtmlForm, PlainBrowser, TestApp, purchase_of};
use reqwest::Method;
use serde_json::{Value, json};

const TOKEN: &str = "0123456789abcdef01234567";

#[tokio::test(flavor = "multi_thread")]
async fn views_and_what_came_of_them_are_counted_by_variant() {
    let app = TestApp::with(&[&format!("--service-tokens=other-0123456789abcdef01234567,{TOKEN}")]).await;
    for (variant, count) in [("launch", 3), ("launch", 2), ("", 1), ("no-such", 9)] {
        see(&app, &json!([{ "sku": COURSE, "variant": variant, "count": count }])).await.expect(204);
    }
    see(&app, &json!([{ "sku": "ru-none", "variant": "", "count": 1 }])).await.expect(204);
    let opened = app.post("/v1/purchases", &json!({ "sku": COURSE, "variant": "launch" })).await.expect(201);
    let secret = app.press_pay(&opened.text_at("id"), 4900).await.expect(200).text_at("client_secret");
    let intent = secret.split("_secret").next().unwrap();
    app.sandbox.stripe().confirm(intent, "4242424242424242").unwrap();
    app.post("/v1/purchases", &json!({ "sku": COURSE, "variant": "launch" })).await.expect(201);
    let lines = until(&app, |lines| lines.iter().any(|line| line["seen"] == 5 && line["granted"] == 1)).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    let launch = lines.iter().find(|line| line["variant"] == "launch").unwrap();
    assert_eq!(
        (&launch["opened"], &launch["paying"], &launch["paid"]),
        (&json!(2), &json!(1), &json!(1)),
        "{launch}"
    );
    let plain = lines.iter().find(|line| line["variant"] == "default").unwrap();
    assert_eq!((&plain["seen"], &plain["opened"]), (&json!(1), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_bought_by_the_form_counts_under_the_variant_that_led_there() {
    let app = TestApp::with(&[&format!("--service-tokens={TOKEN}")]).await;
    let browser = PlainBrowser::default();
    let long = "x".repeat(300);
    for variant in ["launch", "no-such", &long, "%22%3E%3Cscript%3E"] {
        let address = format!("{}/buy/{COURSE}?variant={variant}", app.base());
        let page = browser.get(&address).await.expect(200).text;
        let known = variant == "launch";
        assert_eq!(page.contains(&format!("<redis-checkout sku=\"{COURSE}\" variant=\"launch\"")), known);
        assert_eq!(page.contains("?plain&amp;variant=launch\""), known, "{page}");
        let form = HtmlForm::find(&page, COURSE).unwrap();
        assert_eq!(form.value("variant"), if known { "launch" } else { "" });
        // The variant is still there when the form comes back.
        let page = browser.submit(&form.with("email", "ada")).await.expect(422).text;
        let form = HtmlForm::find(&page, COURSE).unwrap().with("email", "ada@example.com");
        // A variant that no page would send does no harm either.
        let form = if known { form } else { form.with("variant", variant) };
        let sent = browser.submit(&form).await.expect(303);
        let id = purchase_of(&app.sandbox, sent.header("location"));
        app.delete(&format!("/v1/purchases/{id}")).await.expect(200);
        app.reaches(&id, "canceled").await;
        let page = browser.get(&format!("{}/p/{id}", app.base())).await.expect(200).text;
        let again = if known { "?variant=launch" } else { "" };
        assert!(page.contains(&format!("href=\"{}/buy/{COURSE}{again}\">Start again", app.base())), "{page}");
    }
    let lines = until(&app, |lines| lines.len() == 2).await;
    for (variant, count) in [("launch", 1), ("default", 3)] {
        let line = lines.iter().find(|line| line["variant"] == variant).unwrap();
        assert_eq!((&line["opened"], &line["paying"]), (&json!(count), &json!(count)), "{lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_funnel_is_for_those_with_a_token() {
    let app = TestApp::with(&[&format!("--service-tokens={TOKEN}")]).await;
    app.get("/v1/funnel").await.expect_problem(401, "unauthorized");
    for wrong in ["Bearer", "Bearer ", "Bearer 0123456789abcdef01234568", TOKEN] {
        let request = app.request(Method::GET, "/v1/funnel").header("authorization", wrong);
        app.send(request).await.expect_problem(401, "unauthorized");
    }
    let request = app.request(Method::GET, "/v1/funnel?days=0").bearer_auth(TOKEN);
    app.send(request).await.expect_problem(422, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_count_of_views_is_refused_with_its_field() {
    let app = TestApp::start().await;
    for (body, code, field) in [
        (json!([{ "sku": COURSE, "variant": "", "count": 0 }]), "invalid_request", "count"),
        (json!([{ "sku": COURSE, "variant": "", "count": 1, "email": "a@b.c" }]), "invalid_request", "email"),
        (json!([{ "sku": COURSE, "count": 1 }]), "invalid_request", "variant"),
        (json!(vec![json!({ "sku": COURSE, "variant": "", "count": 1 }); 101]), "invalid_request", "body"),
    ] {
        let answer = see(&app, &body).await;
        assert!(answer.json()["detail"].as_str().unwrap_or_default().len() > 5, "{answer:?}");
        assert!(answer.text.contains(field), "{answer:?}");
        answer.expect_problem(422, code);
    }
}

async fn see(app: &TestApp, body: &Value) -> checkout_tests::Answer {
    // As `sendBeacon` sends text.
    let request = app.request(Method::POST, "/v1/funnel").header("content-type", "text/plain;charset=UTF-8");
    app.send(request.body(body.to_string())).await
}

async fn until(app: &TestApp, fits: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let ask = || app.request(Method::GET, "/v1/funnel?days=1").bearer_auth(TOKEN);
    app.answers(ask, |answer| answer.json().as_array().filter(|lines| fits(lines)).cloned()).await
}
