//! The routes of a purchase: open, pay, refresh, extend, status and cancel.
use super::Api;
use super::extract::{Body, Id};
use super::pages::Language;
use super::query::{FromQuery, Query, QueryString};
use crate::abuse::Client;
use crate::checkout::PayContext;
use crate::error::Error;
use crate::purchase::Purchase;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use shared::{ChangePurchase, OpenPurchase, Opened, Pay, PayAnswer, PurchaseView, Timestamp};
use std::time::Duration;

/// The header with the answer to a challenge.
pub(super) const CHALLENGE_RESPONSE: header::HeaderName =
    header::HeaderName::from_static("challenge-response");

/// The purchase as a browser may see it. A team's access URL is the page of its codes.
async fn shown(api: &Api, purchase: &Purchase) -> Result<PurchaseView, Error> {
    let mut view = purchase.view();
    view.seconds_left = view.hold_expires_at.map(|until| seconds_left(api, until));
    if let Some(team) = api.checkout.codes_bought(purchase).await? {
        view.access_url = Some(api.site.links().team(&team.pack.key, ""));
    }
    Ok(view)
}

fn seconds_left(api: &Api, until: Timestamp) -> i64 {
    i64::try_from(until.since(api.checkout.now()).as_secs()).unwrap_or(i64::MAX)
}

pub(super) const NO_STORE: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// Opens a purchase and holds its seat.
#[utoipa::path(
    post,
    path = "/v1/purchases",
    request_body = OpenPurchase,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[\t -~]+$", description = "The same key with the same body replays the answer")),
    responses(
        (status = 201, body = Opened, description = "The new purchase, or the one that the same key has opened"),
        (status = 404, description = "`unknown_sku`"),
        (status = 409, description = "`sold_out`, `sale_not_open`, `sale_closed`, `sale_paused`, `idempotency_key_reused`"),
        (status = 415, description = "`unsupported_media_type`"),
        (status = 422, description = "`invalid_request`, `coupon_unknown`, `coupon_expired`, `coupon_used_up`, `coupon_not_for_this`; `reason` says more"),
    )
)]
pub(super) async fn open_purchase(
    State(api): State<Api>,
    client: Client,
    Body(request, key): Body<OpenPurchase>,
) -> Result<impl IntoResponse, Error> {
    let key = key.map(|key| key.of(&client));
    let opened = api.checkout.open_purchase(request, key, &client).await?;
    Ok((StatusCode::CREATED, NO_STORE, Json(opened)))
}

/// Finds the newest purchase that already gives a signed-in learner access to the offering.
#[utoipa::path(
    post,
    path = "/v1/purchases/mine",
    request_body(content = OpenPurchase, description = "What would be opened: of it the SKU and the token count"),
    responses(
        (status = 200, body = PurchaseView, description = "The purchase"),
        (status = 204, description = "There is none"),
        (status = 415, description = "`unsupported_media_type`"),
        (status = 422, description = "`invalid_request`: the token is refused, and `detail` says why"),
        (status = 503, description = "`unavailable`"),
    )
)]
pub(super) async fn my_purchase(
    State(api): State<Api>,
    Body(request, _): Body<OpenPurchase>,
) -> Result<impl IntoResponse, Error> {
    Ok(match api.checkout.learners_purchase(&request).await? {
        Some(purchase) => (NO_STORE, Json(shown(&api, &purchase).await?)).into_response(),
        None => (NO_STORE, StatusCode::NO_CONTENT).into_response(),
    })
}

/// Creates or updates the payment intent, and returns what Stripe.js needs to confirm it.
#[utoipa::path(
    post,
    path = "/v1/purchases/{id}/pay",
    request_body = Pay,
    params(
        ("id" = String, Path, description = "The purchase"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[\t -~]+$", description = "With another body than before: 409"),
        ("Challenge-Response" = Option<String>, Header, description = "The answer to the `challenge` of a 429")
    ),
    responses(
        (status = 200, body = PayAnswer, description = "How to confirm the payment, or that nothing is due"),
        (status = 404, description = "`unknown_purchase`"),
        (status = 409, description = "`price_changed`, `hold_expired`, `purchase_ended`, `idempotency_key_reused`"),
        (status = 415, description = "`unsupported_media_type`"),
        (status = 422, description = "`invalid_email`, `invalid_request`, `coupon_email_domain`, `coupon_used_up`, `payment_refused`, `amount_too_small`"),
        (status = 502, description = "`payments_unavailable`"),
    )
)]
pub(super) async fn pay_purchase(
    State(api): State<Api>,
    Id(id): Id,
    client: Client,
    language: Language,
    headers: HeaderMap,
    Body(request, key): Body<Pay>,
) -> Result<impl IntoResponse, Error> {
    let challenge_answer = headers.get(CHALLENGE_RESPONSE).and_then(|answer| answer.to_str().ok());
    let context = PayContext {
        client,
        challenge_answer: challenge_answer.map(str::to_owned),
        lang: language.for_emails(&api),
    };
    let answer: PayAnswer = api.checkout.pay(&id, request, key, &context).await?;
    Ok((NO_STORE, Json(answer)))
}

/// Applies or removes a coupon, and returns the purchase with its new price.
#[utoipa::path(
    patch,
    path = "/v1/purchases/{id}",
    request_body = ChangePurchase,
    params(("id" = String, Path, description = "The purchase")),
    responses(
        (status = 200, body = PurchaseView, description = "The purchase"),
        (status = 404, description = "`unknown_purchase`"),
        (status = 409, description = "`hold_expired`, `purchase_ended`, `sold_out` where the seat came with the coupon that is taken off"),
        (status = 415, description = "`unsupported_media_type`"),
        (status = 422, description = "`invalid_request`, `coupon_unknown`, `coupon_expired`, `coupon_used_up`, `coupon_not_for_this`, `coupon_email_domain`; `reason` says more"),
    )
)]
pub(super) async fn change_purchase(
    State(api): State<Api>,
    Id(id): Id,
    client: Client,
    Body(request, _): Body<ChangePurchase>,
) -> Result<impl IntoResponse, Error> {
    let purchase = api.checkout.change_coupon(&id, request.coupon.as_deref(), &client).await?;
    Ok((NO_STORE, Json(shown(&api, &purchase).await?)))
}

/// Asks Stripe about the payment, because the browser says that something has happened.
#[utoipa::path(
    post,
    path = "/v1/purchases/{id}/refresh",
    params(("id" = String, Path, description = "The purchase")),
    responses(
        (status = 200, body = PurchaseView, description = "The purchase"),
        (status = 404, description = "`unknown_purchase`"),
        (status = 422, description = "`payment_refused`: Stripe has no such payment"),
        (status = 502, description = "`payments_unavailable`"),
    )
)]
pub(super) async fn refresh_purchase(
    State(api): State<Api>,
    Id(id): Id,
    client: Client,
) -> Result<impl IntoResponse, Error> {
    let purchase = api.checkout.refresh(&id, &client).await?;
    Ok((NO_STORE, Json(shown(&api, &purchase).await?)))
}

/// Adds 300 seconds, once, to a hold that has less than 60 left. The time to pay, which begins with the first press of
/// Pay, is extended in the same way.
#[utoipa::path(
    post,
    path = "/v1/purchases/{id}/extend",
    params(("id" = String, Path, description = "The purchase")),
    responses(
        (status = 200, body = PurchaseView, description = "The purchase, with its new `hold_expires_at`"),
        (status = 404, description = "`unknown_purchase`"),
        (status = 409, description = "`hold_expired`, `already_extended`, `hold_not_ending`, `purchase_ended`"),
    )
)]
pub(super) async fn extend_purchase(
    State(api): State<Api>,
    Id(id): Id,
    client: Client,
) -> Result<impl IntoResponse, Error> {
    let purchase = api.checkout.extend(&id, &client).await?;
    Ok((NO_STORE, Json(shown(&api, &purchase).await?)))
}

/// How to wait for a change of a purchase.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WaitQuery {
    /// Seconds to wait for a version above `after`; more than 30 count as 30.
    #[param(minimum = 0, maximum = 4_294_967_295_u64)]
    wait: Option<u64>,
    /// The version that the client knows.
    after: Option<i64>,
}

impl FromQuery for WaitQuery {
    fn from_query(query: &QueryString<'_>) -> Result<Self, Error> {
        Ok(Self { wait: query.number("wait")?, after: query.number("after")? })
    }
}

/// Shows the state of a purchase. With `wait`, answers as soon as its version is above `after`.
#[utoipa::path(
    get,
    path = "/v1/purchases/{id}",
    params(("id" = String, Path, description = "The purchase"), WaitQuery),
    responses(
        (status = 200, body = PurchaseView, description = "The purchase"),
        (status = 404, description = "`unknown_purchase`"),
        (status = 422, description = "`invalid_request`"),
    )
)]
pub(super) async fn show_purchase(
    State(api): State<Api>,
    Id(id): Id,
    Query(wait): Query<WaitQuery>,
) -> Result<impl IntoResponse, Error> {
    let patience = Duration::from_secs(wait.wait.unwrap_or(0));
    let purchase = api.checkout.status(&id, wait.after, patience).await?;
    Ok((NO_STORE, Json(shown(&api, &purchase).await?)))
}

/// Cancels the purchase. Its seat is freed as soon as nothing can be paid any more.
#[utoipa::path(
    delete,
    path = "/v1/purchases/{id}",
    params(("id" = String, Path, description = "The purchase")),
    responses(
        (status = 200, body = PurchaseView, description = "The purchase"),
        (status = 404, description = "`unknown_purchase`"),
        (status = 409, description = "`purchase_ended`"),
    )
)]
pub(super) async fn give_up_purchase(State(api): State<Api>, Id(id): Id) -> Result<impl IntoResponse, Error> {
    let purchase = api.checkout.cancel(&id).await?;
    Ok((NO_STORE, Json(shown(&api, &purchase).await?)))
}
