//! A stand-in for Turnstile: a click on its button counts as human, and each response is valid once.
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::{
    Form, Json, Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fault::lock;

/// The secret that authenticates the checkout (`CHALLENGE_SECRET`).
pub const CHALLENGE_SECRET: &str = "challenge-secret";

type Used = Arc<Mutex<HashSet<String>>>;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/challenge/api.js", get(script))
        .route("/challenge/siteverify", post(verify))
        .with_state(Used::default())
}

async fn script() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, include_str!("../assets/human.js")).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    secret: String,
    response: String,
}

async fn verify(State(used): State<Used>, Form(question): Form<Question>) -> Json<Value> {
    let Question { secret, response } = question;
    let error = if secret != CHALLENGE_SECRET {
        Some("invalid-input-secret")
    } else if !response.starts_with("human-") {
        Some("invalid-input-response")
    } else if !lock(&used).insert(response) {
        Some("timeout-or-duplicate")
    } else {
        None
    };
    Json(json!({ "success": error.is_none(), "error-codes": error.into_iter().collect::<Vec<_>>() }))
}
