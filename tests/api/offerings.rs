//! Offerings, caching and the origins that may read them.
use checkout_tests::{Answer, TestApp};
use reqwest::Method;
use serde_json::{Value, json};
use shared::Timestamp;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(flavor = "multi_thread")]
async fn an_offering_is_shown_as_the_contract_says() {
    let app = TestApp::start().await;
    let course = app.get("/v1/offerings/ru-course").await.expect(200);
    assert_eq!(course.header("cache-control"), "public, max-age=2, stale-while-revalidate=30");
    let mut offering = course.json();
    let now: Timestamp =
        serde_json::from_value(offering.as_object_mut().unwrap().remove("now").unwrap()).unwrap();
    let age = redis_checkout::clock::now().as_millis();
    assert!((age - now.as_millis()).abs() < 20_000, "the server's time: {now}");
    assert_eq!(
        offering,
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
async fn what_is_kept_for_a_crowd_is_what_the_routes_answer() {
    let app = TestApp::start().await;
    let page = app.sandbox.course_url().to_owned();
    for origin in [None, Some(page.as_str()), Some("https://evil.example")] {
        let mut known = String::new();
        for tag in [None, Some("W/\"other\""), Some("\"other\", TAG"), Some("*")] {
            let ask = async |path: &str| {
                let mut request = app.request(Method::GET, path);
                if let Some(origin) = origin {
                    request = request.header("origin", origin);
                }
                if let Some(tag) = tag {
                    request = request.header("if-none-match", tag.replace("TAG", &known));
                }
                let mut answer = app.send(request).await;
                answer.headers.remove("date");
                answer.headers.remove("content-length");
                answer
            };
            // A path that is spelled differently bypasses the cache.
            let routes = ask("/v1/offerings/ru%2Dcourse").await;
            // Each answer says when it was made.
            let without_time = |answer: &Answer| {
                let mut offering = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
                offering.as_object_mut().map(|fields| fields.remove("now"));
                offering
            };
            for _ in 0..2 {
                let answer = ask("/v1/offerings/ru-course").await;
                assert_eq!(
                    (answer.status, without_time(&answer)),
                    (routes.status, without_time(&routes)),
                    "{origin:?} {tag:?}"
                );
                assert_eq!(answer.headers, routes.headers, "{origin:?} {tag:?}");
            }
            known = routes.header("etag").to_owned();
        }
    }
    let seats_left = async || app.get("/v1/offerings/ru-live").await.json()["seats"]["left"].clone();
    assert_eq!(seats_left().await, 1);
    app.open("ru-live").await;
    assert_eq!(seats_left().await, 0, "a seat that moves here is seen at once");
}

/// More connections than the server serves at a time.
const SILENT: usize = 600;

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_never_ends_its_requests_keeps_nobody_else_waiting_for_long() {
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let limit = rustix::process::Rlimit { current: most, maximum: most };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let app = TestApp::start().await;
    let address = app.base().trim_start_matches("http://").to_owned();
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        let mut connection = tokio::net::TcpStream::connect(&address).await.unwrap();
        connection.write_all(b"GET /v1/offerings/ru-course HTTP/1.1\r\nhost:").await.unwrap();
        silent.push(connection);
    }
    let answer = tokio::time::timeout(Duration::from_secs(20), app.get("/v1/offerings/ru-live")).await;
    answer.expect("an answer").expect(200);
    // The silent clients are served as soon as they finish their request.
    let mut last = silent.pop().unwrap();
    last.write_all(b" x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    last.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
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
