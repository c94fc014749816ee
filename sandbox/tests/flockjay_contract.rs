//! The FlockJay stand-in follows the contract, the course page sends its policy, and faults can be set over HTTP.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use sandbox::{ErrorBody, Fault, FlockJayOperation, Misbehaviour, Sandbox};
use serde_json::{Value, json};
use support::start;

struct Reply {
    status: u16,
    content_type: String,
    retry_after: Option<String>,
    body: String,
}

async fn call(sandbox: &Sandbox, method: &str, path: &str, body: Option<Value>) -> reqwest::Result<Reply> {
    let url = format!("{}{path}", sandbox.flockjay_url());
    let mut request = reqwest::Client::new()
        .request(method.parse().unwrap(), url)
        .timeout(std::time::Duration::from_millis(500))
        .header("Authorization", "Token sandbox-token");
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await?;
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    Ok(Reply {
        status: response.status().as_u16(),
        content_type: header("content-type").unwrap_or_default(),
        retry_after: header("retry-after"),
        body: response.text().await?,
    })
}

fn wanted(email: &str) -> Value {
    json!({
        "learner": { "email": email, "name": "Ada", "external_id": null },
        "resource": { "kind": "course", "id": "<42>" },
        "reference": "RU-7K3M-92QF",
    })
}

#[tokio::test]
async fn a_grant_is_made_once_and_revoked_once() {
    let sandbox = start().await;
    let put = |email: &str| call(&sandbox, "PUT", "/grants/p1", Some(wanted(email)));
    let first = put("ada@example.com").await.unwrap();
    assert_eq!(first.status, 201);
    let access_url =
        serde_json::from_str::<Value>(&first.body).unwrap()["access_url"].as_str().unwrap().to_owned();
    assert_eq!(put("ada@example.com").await.unwrap().status, 200);
    let conflict = put("bob@example.com").await.unwrap();
    assert_eq!((conflict.status, conflict.content_type.as_str()), (409, "application/json"));
    let page = reqwest::get(&access_url).await.unwrap().text().await.unwrap();
    assert!(page.contains("You’re in: Course &lt;42&gt;"), "{page}");
    assert_eq!(call(&sandbox, "DELETE", "/grants/p1", None).await.unwrap().status, 204);
    let gone = call(&sandbox, "DELETE", "/grants/p1", None).await.unwrap();
    assert_eq!(gone.status, 404);
    assert!(gone.content_type.starts_with("text/html"));
    assert_eq!(reqwest::get(&access_url).await.unwrap().status(), 403);
    assert!(sandbox.flockjay().active_grants().is_empty());
    assert_eq!(sandbox.flockjay().calls().len(), 5);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_is_malformed_or_unknown_is_refused() {
    let sandbox = start().await;
    let mut extra = wanted("ada@example.com");
    extra["colour"] = json!("red");
    assert_eq!(call(&sandbox, "PUT", "/grants/p1", Some(extra)).await.unwrap().status, 400);
    assert_eq!(call(&sandbox, "PUT", "/grants/p1", Some(wanted("nobody"))).await.unwrap().status, 400);
    assert_eq!(call(&sandbox, "PUT", "/grants/p1", None).await.unwrap().status, 415);
    let url = format!("{}/resources/course/42", sandbox.flockjay_url());
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 401);
    assert_eq!(call(&sandbox, "GET", "/resources/course/42", None).await.unwrap().status, 200);
    sandbox.flockjay().remove_resource("course", "42");
    assert_eq!(call(&sandbox, "GET", "/resources/course/42", None).await.unwrap().status, 404);
    sandbox.flockjay().only_resources([]);
    assert_eq!(
        call(&sandbox, "PUT", "/grants/p1", Some(wanted("ada@example.com"))).await.unwrap().status,
        404
    );
    sandbox.shutdown().await;
}

#[tokio::test]
async fn faults_spoil_as_many_calls_as_they_say() {
    let sandbox = start().await;
    let put = || call(&sandbox, "PUT", "/grants/p1", Some(wanted("ada@example.com")));
    let spoil = |misbehaviour| {
        sandbox.flockjay().fault(Fault::new(misbehaviour).on(FlockJayOperation::Grant).times(1));
    };
    spoil(Misbehaviour::Status { status: 500, body: ErrorBody::Empty, retry_after: None, after_work: false });
    spoil(Misbehaviour::throttled(7));
    spoil(Misbehaviour::Close { after_work: false });
    spoil(Misbehaviour::Hang { after_work: false });
    let empty = put().await.unwrap();
    assert_eq!((empty.status, empty.body.as_str()), (500, ""));
    assert_eq!(put().await.unwrap().retry_after.as_deref(), Some("7"));
    assert!(put().await.is_err());
    assert!(put().await.is_err_and(|error| error.is_timeout()));
    assert!(sandbox.flockjay().grants().is_empty());
    spoil(Misbehaviour::error_after(502));
    spoil(Misbehaviour::Garbage);
    assert_eq!(put().await.unwrap().status, 502);
    assert!(put().await.unwrap().content_type.starts_with("text/html"));
    assert_eq!(put().await.unwrap().status, 200, "the work of the first was done");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn faults_are_set_and_cleared_over_http() {
    let sandbox = start().await;
    let client = reqwest::Client::new();
    let url = format!("{}/_sandbox/faults", sandbox.stripe_url());
    for fault in [
        json!({ "target": "stripe", "misbehaviour": { "kind": "close", "after_work": true }, "on": "create_intent" }),
        json!({ "target": "webhooks", "misdelivery": { "kind": "duplicate", "copies": 2 }, "times": 4 }),
        json!({ "target": "flockjay", "misbehaviour": { "kind": "status", "status": 429, "retry_after": 2 } }),
    ] {
        assert_eq!(client.post(&url).json(&fault).send().await.unwrap().status(), 201, "{fault}");
    }
    let typo = json!({ "target": "stripe", "misbehaviour": { "kind": "down" }, "time": 4 });
    assert_eq!(client.post(&url).json(&typo).send().await.unwrap().status(), 422);
    assert_eq!(sandbox.flockjay().faults().len(), 1);
    assert_eq!(client.delete(&url).send().await.unwrap().status(), 204);
    assert!(sandbox.stripe().faults().is_empty() && sandbox.flockjay().faults().is_empty());
    let health = format!("{}/_sandbox/health", sandbox.flockjay_url());
    assert_eq!(reqwest::get(health).await.unwrap().status(), 200);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn the_course_page_escapes_its_query_and_sends_the_policy() {
    let sandbox = start().await;
    sandbox.connect("http://127.0.0.1:8080/");
    let url = format!("{}/courses/ru-x?theme=dark&coupon=%22%3E%3Cscript%3E", sandbox.course_url());
    let response = reqwest::get(url).await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let stripe = sandbox.stripe_url();
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; script-src http://127.0.0.1:8080 {stripe} 'wasm-unsafe-eval'; style-src \
             http://127.0.0.1:8080 'self'; connect-src http://127.0.0.1:8080 {stripe}; frame-src {stripe}; \
             img-src 'self' data:; base-uri 'none'; form-action 'self'"
        )
    );
    let page = response.text().await.unwrap();
    assert!(page.contains("<script async src=\"http://127.0.0.1:8080/embed/v1.js\"></script>"));
    assert!(page.contains(
        "<redis-checkout sku=\"ru-x\" theme=\"dark\" coupon=\"&quot;&gt;&lt;script&gt;\">\
         <a href=\"http://127.0.0.1:8080/buy/ru-x\">Enroll</a></redis-checkout>"
    ));
    sandbox.shutdown().await;
}
