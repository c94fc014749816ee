//! `POST /v1/stripe/webhook`.
use super::Api;
use super::extract::read;
use crate::error::Error;
use crate::payments::BadWebhook;
use axum::extract::{Request, State};
use axum::http::StatusCode;

/// Receives one of Stripe's events. The signature is verified over the raw body.
#[utoipa::path(
    post,
    path = "/v1/stripe/webhook",
    request_body(content = String, content_type = "application/json", description = "Stripe's event, as it was signed"),
    params(("Stripe-Signature" = String, Header, description = "`t=…,v1=…`")),
    responses(
        (status = 200, description = "Kept, and applied where it is one of ours"),
        (status = 400, description = "`bad_signature`"),
    )
)]
pub(super) async fn take_stripe_webhook(
    State(api): State<Api>,
    request: Request,
) -> Result<StatusCode, Error> {
    let signature = request.headers().get("stripe-signature").and_then(|value| value.to_str().ok());
    let signature = signature.map(str::to_owned);
    let bytes = read(request).await?;
    let body = std::str::from_utf8(&bytes).map_err(|_| BadWebhook::Body)?;
    api.checkout.take_webhook(body, signature.as_deref()).await?;
    Ok(StatusCode::OK)
}
