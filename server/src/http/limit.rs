//! Refuses who asks too often before anything is done for them.
use super::Api;
use super::extract::client_of;
use crate::error::Error;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

pub(super) async fn limit_requests(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let client = client_of(request.extensions(), request.headers(), &api);
    api.checkout.admit(&client)?;
    Ok(next.run(request).await)
}
