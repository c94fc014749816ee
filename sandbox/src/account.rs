//! The account receiver: accepts signed messages about purchases, strictly per Standard Webhooks, and shows what each
//! learner has.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::html::escape;

/// The secret that signs messages, until [`Accounts::change_secret`] replaces it.
pub const ACCOUNT_SECRET: &str = "whsec_c2FuZGJveC1hY2NvdW50LXN5c3RlbQ==";

/// Seconds by which a message's timestamp may differ from our clock.
const TOLERANCE: i64 = 300;

/// Inspects the account receiver and injects faults.
#[derive(Clone, Debug)]
pub struct Accounts(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    secret: String,
    messages: Vec<AccountMessage>,
    known: HashSet<String>,
    status: Option<StatusCode>,
    delay: Duration,
}

/// A message as received, one for each id.
#[derive(Clone, Debug)]
pub struct AccountMessage {
    pub id: String,
    /// Such as `purchase.granted`.
    pub kind: String,
    /// The purchase.
    pub data: Value,
    /// How often it was received.
    pub times: usize,
}

impl Default for Accounts {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Inner {
            secret: ACCOUNT_SECRET.to_owned(),
            messages: Vec::new(),
            known: HashSet::new(),
            status: None,
            delay: Duration::ZERO,
        })))
    }
}

impl Accounts {
    /// The accepted messages, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<AccountMessage> {
        self.lock().messages.clone()
    }

    /// Answers with this status until it is set to `None`; with a success status, messages are still accepted.
    pub fn answer(&self, status: Option<u16>) {
        self.lock().status = status.and_then(|status| StatusCode::from_u16(status).ok());
    }

    /// Delays every answer by `delay`.
    pub fn take_long(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Accepts only messages signed with `secret` from now on.
    pub fn change_secret(&self, secret: &str) {
        secret.clone_into(&mut self.lock().secret);
    }

    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route("/account", get(page))
            .route("/account/webhook", post(take))
            .with_state(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take(State(accounts): State<Accounts>, headers: HeaderMap, body: Bytes) -> Response {
    let (secret, status, delay) = {
        let inner = accounts.lock();
        (inner.secret.clone(), inner.status, inner.delay)
    };
    tokio::time::sleep(delay).await;
    if let Some(status) = status.filter(|status| !status.is_success()) {
        return status.into_response();
    }
    match read(&secret, &headers, &body) {
        Ok((id, kind, data)) => {
            let mut inner = accounts.lock();
            if inner.known.insert(id.clone()) {
                inner.messages.push(AccountMessage { id, kind, data, times: 1 });
            } else if let Some(known) = inner.messages.iter_mut().find(|known| known.id == id) {
                known.times += 1;
            }
            status.unwrap_or(StatusCode::NO_CONTENT).into_response()
        }
        Err(wrong) => (StatusCode::BAD_REQUEST, wrong).into_response(),
    }
}

/// Verifies that a message is signed with `secret`, and returns its id, type and data.
fn read(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<(String, String, Value), &'static str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let id = header("webhook-id").filter(|id| !id.is_empty()).ok_or("no webhook-id")?;
    let time = header("webhook-timestamp").ok_or("no webhook-timestamp")?;
    let seconds: i64 = time.parse().map_err(|_| "webhook-timestamp is no number of seconds")?;
    if (crate::stripe::now() - seconds).abs() > TOLERANCE {
        return Err("webhook-timestamp is too old or too new");
    }
    let key = secret.strip_prefix("whsec_").and_then(|key| BASE64_STANDARD.decode(key).ok());
    let key = key.ok_or("the secret is no secret")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| "the secret is no key")?;
    mac.update(format!("{id}.{time}.").as_bytes());
    mac.update(body);
    let signed = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    let signatures = header("webhook-signature").ok_or("no webhook-signature")?;
    if !signatures.split(' ').any(|signature| signature == signed) {
        return Err("no signature fits");
    }
    let message: Value = serde_json::from_slice(body).map_err(|_| "the body is no JSON")?;
    let kind = message["type"].as_str().ok_or("the body has no type")?.to_owned();
    let data = message["data"].clone();
    if message["timestamp"].as_str().is_none() || !data.is_object() {
        return Err("the body has no timestamp or no data");
    }
    if data["version"].as_i64().is_none() || data["reference"].as_str().is_none() {
        return Err("the data has no version or no reference");
    }
    Ok((id.to_owned(), kind, data))
}

/// Shows each learner's purchases at their newest version, with the messages received about each.
async fn page(State(accounts): State<Accounts>) -> Html<String> {
    let mut learners = BTreeMap::<String, BTreeMap<String, (Value, Vec<String>)>>::new();
    for AccountMessage { kind, data, .. } in accounts.messages() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let purchases = learners.entry(text(&data["learner"]["email"])).or_default();
        let (newest, history) = purchases.entry(text(&data["reference"])).or_default();
        history.push(format!("{kind} (version {})", data["version"]));
        if newest["version"].as_i64() < data["version"].as_i64() {
            *newest = data;
        }
    }
    let purchase = |(reference, (newest, history)): (&String, &(Value, Vec<String>))| {
        let said = |name: &str| escape(newest[name].as_str().unwrap_or_default());
        let history: String = history.iter().map(|line| format!("<li>{}</li>", escape(line))).collect();
        format!(
            "<h3>{} – {}</h3><p>{}</p><ol>{history}</ol>",
            said("title"),
            said("state"),
            escape(reference)
        )
    };
    let learner = |(email, purchases): (&String, &BTreeMap<String, (Value, Vec<String>)>)| {
        let purchases: String = purchases.iter().map(purchase).collect();
        format!("<article><h2>{}</h2>{purchases}</article>", escape(email))
    };
    let all: String = learners.iter().map(learner).collect();
    let none = if all.is_empty() { "<p>Nobody has bought anything yet.</p>" } else { "" };
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Accounts</title>\
         <link rel=\"stylesheet\" href=\"/course.css\"><main class=\"letters\"><h1>Learners' accounts</h1>{none}{all}</main></html>"
    ))
}
