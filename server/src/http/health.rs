//! `GET /healthz` and `GET /readyz`.
use super::Api;
use crate::error::Error;
use axum::extract::State;
use shared::Problem;

/// The process runs.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "It runs")))]
pub(super) async fn healthz() -> &'static str {
    "ok"
}

/// The database answers, so that requests can be served.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, description = "Ready"),
        (status = 503, body = Problem, description = "`unavailable`", content_type = "application/problem+json"),
    )
)]
pub(super) async fn readyz(State(api): State<Api>) -> Result<&'static str, Error> {
    api.checkout.ready().await?;
    Ok("ready")
}
