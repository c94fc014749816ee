//! Stripe.js and the pages that it frames.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;

use super::Stripe;

/// Any page may embed the frames, and they load only their own files.
const FRAME_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                            base-uri 'none'; form-action 'none'";

pub(crate) fn routes(stripe: Stripe) -> Router {
    Router::new()
        .route("/v3", get(stripe_js))
        .route("/v3/", get(stripe_js))
        .route("/v3/{file}", get(file))
        .route("/v3/authenticate", post(authenticate))
        .with_state(stripe)
}

async fn stripe_js() -> Response {
    script(include_str!("../../assets/stripe.js"))
}

async fn file(Path(file): Path<String>) -> Response {
    match file.as_str() {
        "payment-element.html" => page(include_str!("../../assets/payment-element.html")),
        "payment-element.js" => script(include_str!("../../assets/payment-element.js")),
        "challenge.html" => page(include_str!("../../assets/challenge.html")),
        "bank.html" => page(include_str!("../../assets/bank.html")),
        "hosted.css" => {
            ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../assets/hosted.css"))
                .into_response()
        }
        // The part of Stripe.js that it loads later.
        "chunk.js" => script("'use strict';\n"),
        "challenge.js" => script(include_str!("../../assets/challenge.js")),
        "frame.css" => {
            ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../assets/frame.css"))
                .into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The outcome of the learner's step, sent by the page that asked for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    payment_intent: String,
    client_secret: String,
    pass: bool,
}

async fn authenticate(State(stripe): State<Stripe>, Json(step): Json<Step>) -> Response {
    match stripe.authenticate(&step.payment_intent, &step.client_secret, step.pass) {
        Ok(intent) => Json(json!({ "status": intent["status"] })).into_response(),
        // A decline by the bank ends the step too; the waiting page reads it from the intent.
        Err(error) if error.status() == 402 => {
            Json(json!({ "status": "requires_payment_method" })).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, Json(error.body())).into_response(),
    }
}

fn script(text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        // Lets cross-origin isolated pages load it.
        (header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    (headers, text).into_response()
}

fn page(text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, FRAME_POLICY),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    (headers, text).into_response()
}
