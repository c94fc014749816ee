//! Sends nonsense to every route of the OpenAPI document: no 5xx, no hang, no leaked secret.
use checkout_tests::{Answer, COURSE, TestApp, logged};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Requests per route.
const EACH: usize = 60;
/// Timeout of an answer, long polls aside.
const TIMEOUT: Duration = Duration::from_secs(10);
const FORM: &str = "application/x-www-form-urlencoded";
const SECRETS: [&str; 4] = ["sk_test_sandbox", "whsec_sandbox", "whsec_next", "sandbox-token"];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_nonsense_and_tells_nothing() {
    let app = TestApp::start().await;
    let (id, _) = app.open_and_press_pay(COURSE, 4900).await;
    let document = app.get("/openapi.json").await.expect(200).json();
    let mut dice = Dice(0x5eed);
    let mut routes = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            // This route streams until the client hangs up. Its parameter is fuzzed with the other routes.
            if path.ends_with("/seats") {
                continue;
            }
            routes += 1;
            for _ in 0..EACH {
                let path = dice.path(path, &id);
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let mut request = app.request(method, &path).timeout(TIMEOUT);
                if operation["requestBody"].is_object() {
                    request = request
                        .header("content-type", dice.one_of(&["application/json", "text/plain", "x", FORM]));
                    let form = dice.roll(2) == 0;
                    request = request.body(if form { dice.form() } else { dice.body() });
                }
                for name in ["idempotency-key", "stripe-signature", "challenge-response", "if-none-match"] {
                    if dice.roll(4) == 0 {
                        request = request.header(name, dice.one_of(&["", "x", "*", "t=1,v1=00", "\u{7f}"]));
                    }
                }
                let answer = match request.try_clone().map(reqwest::RequestBuilder::build) {
                    // The client itself refuses to send this.
                    Some(Err(_)) | None => continue,
                    Some(Ok(_)) => app.send(request).await,
                };
                check(&path, &answer);
            }
        }
    }
    assert!(routes >= 13, "{routes}");
    let logs = logged();
    for secret in SECRETS {
        assert!(!logs.contains(secret), "{secret} was logged");
    }
    app.get("/readyz").await.expect(200);
}

fn check(path: &str, answer: &Answer) {
    assert!(answer.status < 500, "{path}: {answer:?}");
    for secret in SECRETS {
        assert!(!answer.text.contains(secret), "{path} tells {secret}: {answer:?}");
    }
    let is_page = ["/buy/", "/p/"].iter().any(|page| path.starts_with(page));
    let is_problem = answer.header("content-type") == "application/problem+json"
        || (is_page && answer.header("content-type") == "text/html; charset=utf-8");
    // The HTTP library below us refuses what isn't HTTP.
    assert!(
        answer.status < 400 || is_problem || matches!(answer.status, 400 | 414 | 431),
        "{path}: {answer:?}"
    );
}

/// Draws from a seed, so that failures are reproducible.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[usize::try_from(self.roll(all.len() as u64)).unwrap()]
    }

    /// The path with something in place of each parameter, and an arbitrary query.
    fn path(&mut self, path: &str, id: &str) -> String {
        let long = "a".repeat(3000);
        let odd =
            [id, COURSE, "x", "%00", "%ff", "..%2f..%2fetc", "%F0%9F%92%A9", "-1", "'; DROP TABLE x", &long];
        let filled: Vec<_> = path
            .split('/')
            .map(|part| if part.starts_with('{') { self.one_of(&odd).to_owned() } else { part.to_owned() })
            .collect();
        let query = self.one_of(&[
            "",
            "",
            "?wait=0",
            "?wait=-1",
            "?after=99999999999999999999",
            "?wait=%ff&after=x",
            "?&&=",
        ]);
        [filled.join("/").as_str(), query].concat()
    }

    fn form(&mut self) -> String {
        let fields = [
            "email=ada@example.com",
            "email=%00%ff",
            "name=%0a",
            "key=x",
            "key=%2e",
            "total=4900",
            "total=x",
            "&&",
            "coupon=A",
        ];
        (0..self.roll(6)).map(|_| self.one_of(&fields).to_owned()).collect::<Vec<_>>().join("&")
    }

    fn body(&mut self) -> String {
        match self.roll(8) {
            0 => String::new(),
            1 => "{".to_owned(),
            2 => "[".repeat(5000),
            3 => "\u{0}\u{1}".to_owned(),
            _ => self.object().to_string(),
        }
    }

    fn object(&mut self) -> Value {
        let names = [
            "sku",
            "coupon",
            "variant",
            "learner_token",
            "email",
            "name",
            "expected_total",
            "id",
            "type",
            "data",
            "x",
        ];
        let mut object = serde_json::Map::new();
        for _ in 0..self.roll(6) {
            let name = self.one_of(&names).to_owned();
            let value = match self.roll(9) {
                0 => Value::Null,
                1 => json!(-1),
                2 => json!(4900),
                3 => json!(1e300),
                4 => json!("x".repeat(300)),
                5 => json!("ada@example.com\u{0}"),
                6 => json!({ "object": { "id": [] } }),
                7 => json!(["ru-course"]),
                _ => json!(COURSE),
            };
            object.insert(name, value);
        }
        Value::Object(object)
    }
}
