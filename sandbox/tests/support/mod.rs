//! Shared by the tests: a sandbox, a client, and a checkout that only receives webhooks.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses its own part")]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, Ordering},
};

use axum::{Router, http::HeaderMap, http::StatusCode, routing::post};
use sandbox::{Options, Sandbox};
use serde_json::Value;

pub async fn start() -> Sandbox {
    Sandbox::start(Options::default()).await.unwrap()
}

/// Calls the Stripe stand-in as a merchant's backend does.
pub struct Api {
    base: String,
    client: reqwest::Client,
}

pub struct Answer {
    pub status: u16,
    pub replayed: bool,
    pub body: Value,
}

impl Answer {
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap().to_owned()
    }

    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

impl Api {
    pub fn new(sandbox: &Sandbox) -> Self {
        Self { base: sandbox.stripe_url().to_owned(), client: reqwest::Client::new() }
    }

    pub async fn post(&self, path: &str, form: &str) -> Answer {
        self.try_post(path, form, None).await.unwrap()
    }

    pub async fn post_with_key(&self, path: &str, form: &str, key: &str) -> Answer {
        self.try_post(path, form, Some(key)).await.unwrap()
    }

    pub async fn try_post(&self, path: &str, form: &str, key: Option<&str>) -> reqwest::Result<Answer> {
        let mut request = self
            .client
            .post(format!("{}{path}", self.base))
            .bearer_auth("sk_test_sandbox")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form.to_owned());
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        answer(request.send().await?).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.base)).bearer_auth("sk_test_sandbox");
        answer(request.send().await.unwrap()).await.unwrap()
    }

    pub async fn intent(&self) -> String {
        self.post("/v1/payment_intents", "amount=4900&currency=usd").await.id()
    }
}

async fn answer(response: reqwest::Response) -> reqwest::Result<Answer> {
    Ok(Answer {
        status: response.status().as_u16(),
        replayed: response.headers().contains_key("idempotent-replayed"),
        body: serde_json::from_str(&response.text().await?).unwrap_or_default(),
    })
}

/// Accepts webhooks, or refuses them with the status set by [`Self::answer_with`].
#[derive(Clone, Default)]
pub struct Receiver {
    pub received: Arc<Mutex<Vec<(String, String)>>>,
    status: Arc<AtomicU16>,
}

impl Receiver {
    /// Returns the receiver and the URL of the checkout it plays.
    pub async fn start() -> (Self, String) {
        let receiver = Self::default();
        receiver.answer_with(200);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().route("/v1/stripe/webhook", {
            let receiver = receiver.clone();
            post(move |headers: HeaderMap, body: String| async move {
                let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
                receiver.received.lock().unwrap().push((signature, body));
                StatusCode::from_u16(receiver.status.load(Ordering::SeqCst)).unwrap()
            })
        });
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (receiver, url)
    }

    pub fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub fn types(&self) -> Vec<String> {
        let received = self.received.lock().unwrap();
        let type_of =
            |body: &str| serde_json::from_str::<Value>(body).unwrap()["type"].as_str().unwrap().to_owned();
        received.iter().map(|(_, body)| type_of(body)).collect()
    }
}
