//! The controls of the Stripe and FlockJay stand-ins over HTTP, for people and other processes.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    flockjay::{FlockJay, FlockJayFault, Resource},
    stripe::{ApiError, DisputeStatus, Stripe, StripeFault, WebhookFault},
};

/// The state the control routes act on.
#[derive(Clone, Debug)]
pub(crate) struct Controls {
    pub(crate) stripe: Stripe,
    pub(crate) flockjay: FlockJay,
}

/// A fault and its target service.
#[derive(Deserialize)]
#[serde(tag = "target", rename_all = "snake_case")]
enum AnyFault {
    Stripe(StripeFault),
    Webhooks(WebhookFault),
    Flockjay(FlockJayFault),
}

/// An action on a payment by someone other than the checkout.
#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
enum Act {
    Confirm { card: String },
    Authenticate { pass: bool },
    Settle { succeeds: bool },
    Refund { amount: Option<i64> },
    Cancel,
    Dispute,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveDispute {
    status: DisputeStatus,
}

#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
enum WebhooksAct {
    Pause,
    Resume,
    Redeliver { event: String },
}

/// The resources that exist; `null` means that all of them do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    only: Option<Vec<Resource>>,
}

pub(crate) fn routes(controls: Controls) -> Router {
    Router::new()
        .route("/_sandbox/health", get(health))
        .route("/_sandbox/state", get(state))
        .route("/_sandbox/faults", get(list_faults).post(add_fault).delete(clear_faults))
        .route("/_sandbox/webhooks", post(act_on_webhooks))
        .route("/_sandbox/resources", post(set_resources))
        .route("/_sandbox/intents/{id}", post(act_on_intent))
        .route("/_sandbox/refunds/{id}/settle", post(settle_refund))
        .route("/_sandbox/disputes/{id}", post(move_dispute))
        .with_state(controls)
}

async fn health() -> Json<Value> {
    Json(json!({ "ok": true }))
}

async fn state(State(controls): State<Controls>) -> Json<Value> {
    let Controls { stripe, flockjay } = controls;
    Json(json!({
        "stripe": {
            "intents": stripe.intents(), "charges": stripe.charges(), "refunds": stripe.refunds(),
            "disputes": stripe.disputes(), "deliveries": stripe.deliveries(), "requests": stripe.requests(),
        },
        "flockjay": { "grants": flockjay.grants(), "calls": flockjay.calls() },
    }))
}

async fn list_faults(State(controls): State<Controls>) -> Json<Value> {
    Json(json!({
        "stripe": controls.stripe.faults(), "webhooks": controls.stripe.webhook_faults(),
        "flockjay": controls.flockjay.faults(),
    }))
}

async fn add_fault(State(controls): State<Controls>, Json(fault): Json<AnyFault>) -> StatusCode {
    match fault {
        AnyFault::Stripe(fault) => controls.stripe.fault(fault),
        AnyFault::Webhooks(fault) => controls.stripe.webhook_fault(fault),
        AnyFault::Flockjay(fault) => controls.flockjay.fault(fault),
    }
    StatusCode::CREATED
}

async fn clear_faults(State(controls): State<Controls>) -> StatusCode {
    controls.stripe.clear_faults();
    controls.flockjay.clear_faults();
    StatusCode::NO_CONTENT
}

async fn act_on_webhooks(State(controls): State<Controls>, Json(act): Json<WebhooksAct>) -> Response {
    match act {
        WebhooksAct::Pause => controls.stripe.pause_webhooks(),
        WebhooksAct::Resume => controls.stripe.resume_webhooks(),
        WebhooksAct::Redeliver { event } => {
            return match controls.stripe.redeliver(&event).await {
                Ok(status) => Json(json!({ "status": status })).into_response(),
                Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
            };
        }
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn set_resources(State(controls): State<Controls>, Json(known): Json<Known>) -> StatusCode {
    match known.only {
        Some(only) => controls.flockjay.only_resources(only),
        None => controls.flockjay.all_resources(),
    }
    StatusCode::NO_CONTENT
}

async fn act_on_intent(
    State(controls): State<Controls>,
    Path(id): Path<String>,
    Json(act): Json<Act>,
) -> Response {
    let stripe = &controls.stripe;
    answer(match act {
        Act::Confirm { card } => stripe.confirm(&id, &card),
        Act::Authenticate { pass } => stripe.complete_3ds(&id, pass),
        Act::Settle { succeeds } => stripe.settle(&id, succeeds),
        Act::Refund { amount } => stripe.refund(&id, amount),
        Act::Cancel => stripe.cancel(&id),
        Act::Dispute => stripe.open_dispute(&id),
    })
}

async fn settle_refund(State(controls): State<Controls>, Path(id): Path<String>) -> Response {
    answer(controls.stripe.settle_refund(&id))
}

async fn move_dispute(
    State(controls): State<Controls>,
    Path(id): Path<String>,
    Json(step): Json<MoveDispute>,
) -> Response {
    answer(controls.stripe.move_dispute(&id, step.status))
}

fn answer(result: Result<Value, ApiError>) -> Response {
    match result {
        Ok(object) => Json(object).into_response(),
        Err(error) => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, Json(error.body())).into_response()
        }
    }
}
