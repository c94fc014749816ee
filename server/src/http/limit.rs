//! Refuses who asks too often before anything is done for them.
use super::Api;
use super::extract::network_of;
use crate::error::Error;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;

pub(super) async fn limit_requests(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    if let Some(ConnectInfo(peer)) = request.extensions().get() {
        api.checkout.admit(network_of(*peer, request.headers(), &api))?;
    }
    Ok(next.run(request).await)
}
