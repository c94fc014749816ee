//! `GET /healthz` and `GET /readyz`.
use super::Api;
use super::problem::problem;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::{Code, Problem};
use utoipa::ToSchema;

/// The reason why an instance is not ready.
#[derive(Serialize, ToSchema)]
struct NotReady {
    #[serde(flatten)]
    problem: Problem,
    /// `database` if it can't be written to, `clock` if this machine's is wrong, and the names of background loops that
    /// have fallen silent.
    waiting: Vec<String>,
}

/// Reports that the process is running.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "It runs")))]
pub(super) async fn healthz() -> &'static str {
    "ok"
}

/// Reports whether the database can be written to, the clock is right, and all background loops are alive.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, description = "Ready"),
        (
            status = 503, body = NotReady, content_type = "application/problem+json",
            description = "`unavailable`, and what is waited for"
        ),
    )
)]
pub(super) async fn readyz(State(api): State<Api>) -> Response {
    let waiting = api.checkout.waits_for().await;
    if waiting.is_empty() {
        return "ready".into_response();
    }
    let detail = format!("This instance waits for: {}.", waiting.join(", "));
    let problem = problem(503, Code::Unavailable, "Not ready", detail);
    let headers = [
        (header::CONTENT_TYPE, "application/problem+json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::RETRY_AFTER, "5"),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, Json(NotReady { problem, waiting })).into_response()
}
