//! Offerings, caching and the origins that may read them.
use checkout_tests::TestApp;
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_offering_is_shown_as_the_contract_says() {
    let app = TestApp::start().await;
    let course = app.get("/v1/offerings/ru-course").await.expect(200);
    assert_eq!(course.header("cache-control"), "public, max-age=2, stale-while-revalidate=30");
    assert_eq!(
        course.json(),
        json!({
            "sku": "ru-course", "kind": "course", "title": "Redis <fundamentals>",
            "summary": "Data structures & caching.", "price": { "amount": 4900, "currency": "usd" },
            "seats": null, "sale": "open"
        })
    );
    let live = app.get("/v1/offerings/ru-live").await.expect(200).json();
    assert_eq!(live["seats"], json!({ "capacity": 1, "left": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_offering_is_not_sent_again() {
    let app = TestApp::start().await;
    let tag = app.get("/v1/offerings/ru-course").await.header("etag").to_owned();
    let again = app.request(Method::GET, "/v1/offerings/ru-course");
    let answer = app.send(again.header("if-none-match", &tag)).await.expect(304);
    assert_eq!((answer.text.as_str(), answer.header("etag")), ("", tag.as_str()));
    app.change_catalog(|text| text.replace("amount = 4900", "amount = 5900")).await;
    let again = app.request(Method::GET, "/v1/offerings/ru-course");
    let answer = app.send(again.header("if-none-match", &tag)).await.expect(200);
    assert_eq!(answer.json()["price"]["amount"], 5900);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_for_sale_says_why() {
    let app = TestApp::start().await;
    for unknown in ["/v1/offerings/ru-none", "/v1/offerings/%ff", "/buy/%ff", "/embed/card/%ff"] {
        app.get(unknown).await.expect_problem(404, "unknown_sku");
    }
    for (sku, sale, code) in
        [("ru-closed", "closed", "sale_closed"), ("ru-early", "not_open", "sale_not_open")]
    {
        let offering = app.get(&format!("/v1/offerings/{sku}")).await.expect(200).json();
        assert_eq!(offering["sale"], sale);
        app.post("/v1/purchases", &json!({ "sku": sku })).await.expect_problem(409, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_with_mistakes_leaves_the_old_one() {
    let app = TestApp::start().await;
    app.change_catalog(|text| text.replace("amount = 4900", "amount = -1")).await;
    assert_eq!(app.get("/v1/offerings/ru-course").await.expect(200).json()["price"]["amount"], 4900);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_allowed_origins_may_read_the_api() {
    let app = TestApp::start().await;
    let course_page = app.sandbox.course_url().to_owned();
    for (origin, allowed) in [(course_page.as_str(), course_page.as_str()), ("https://evil.example", "")] {
        let preflight = app
            .request(Method::OPTIONS, "/v1/purchases")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,idempotency-key");
        assert_eq!(app.send(preflight).await.header("access-control-allow-origin"), allowed);
        let get = app.request(Method::GET, "/v1/offerings/ru-course").header("origin", origin);
        let answer = app.send(get).await.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        let nothing = app.request(Method::GET, "/v1/nothing").header("origin", origin);
        let answer = app.send(nothing).await.expect_problem(404, "unknown_route");
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "a page reads why, too");
    }
}
