//! The hosted page: the same widget, full-page, and a form for browsers without JavaScript or WASM.
use super::buy_form::{BuyForm, PLAIN, TEAM, is_variant};
use super::failure::refusal;
use super::form::Form;
use super::language::Language;
use super::offer::Shown;
use super::purchase::hindered_purchase;
use super::see_other;
use crate::abuse::Client;
use crate::checkout::FormRejection;
use crate::error::Error;
use crate::http::Api;
use crate::http::extract::Sku;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;

/// Shows the hosted page: the widget, or a form without JavaScript or WASM, or with `plain` in the query.
#[utoipa::path(
    get,
    path = "/buy/{sku}",
    params(
        ("sku" = String, Path, description = "The offering's code"),
        ("lang" = Option<String>, Query, description = "BCP 47 tag; `Accept-Language` counts where there is none"),
        ("plain" = Option<String>, Query, description = "The form alone"),
        ("variant" = Option<String>, Query, description = "The variant that led here; without one of this name the default one"),
        ("team" = Option<String>, Query, description = "The form for places of a team, where those are sold"),
        ("coupon" = Option<String>, Query, description = "A code to begin with")
    ),
    responses(
        (status = 200, description = "The page", content_type = "text/html"),
        (status = 404, description = "`unknown_sku`"),
    )
)]
pub(in crate::http) async fn buy(
    State(api): State<Api>,
    Sku(sku): Sku,
    language: Language,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let offering = api.checkout.offering(&sku).await?;
    let query = query.unwrap_or_default();
    let asked = |wanted: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    };
    let variant = asked("variant").filter(|name| is_variant(name));
    let places = offering.team.filter(|_| asked(TEAM).is_some()).map(|team| team.min.to_string());
    let blank = BuyForm { variant, coupon: asked("coupon"), places, ..BuyForm::default() };
    let shown = Shown { api: &api, language: &language, offering: &offering };
    let mut page = shown.page(asked(PLAIN).is_some(), &blank, None);
    // A visitor who comes back by the browser's button submits the same form again.
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(page)
}

/// Submits the form: the purchase holds its seat, and the browser is redirected to Stripe's page.
/// On an error, the form comes back with what was typed and what is wrong, or the page of the form's purchase if one is
/// in progress.
#[utoipa::path(
    post,
    path = "/buy/{sku}",
    params(("sku" = String, Path, description = "The offering's code")),
    request_body(content = BuyForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "To Stripe's page, or to `/p/{id}` where nothing is left to pay"),
        (status = 403, description = "Sent from another site", content_type = "text/html"),
        (status = 404, description = "`unknown_sku`", content_type = "text/html"),
        (status = 409, description = "Not for sale, or not at this price", content_type = "text/html"),
        (status = 415, description = "`unsupported_media_type`"),
        (status = 422, description = "A field is wrong", content_type = "text/html"),
        (status = 502, description = "Stripe can't be reached", content_type = "text/html"),
    )
)]
pub(in crate::http) async fn buy_by_form(
    State(api): State<Api>,
    Sku(sku): Sku,
    language: Language,
    client: Client,
    form: Result<Form, Error>,
) -> Result<Response, Error> {
    let (typed, rejection) = match form.and_then(|form| BuyForm::read(&form)) {
        Ok(typed) => match typed.buy(&api, sku.clone(), &language, client).await {
            Ok(address) => return Ok(see_other(&address)),
            Err(rejection) => (typed, rejection),
        },
        Err(error @ (Error::CrossSite | Error::Invalid { .. })) => (BuyForm::default(), error.into()),
        Err(error) => return Err(error),
    };
    let FormRejection { error, purchase } = rejection;
    if let Some(id) = purchase {
        return hindered_purchase(&api, &language, &id, error).await;
    }
    let offering = api.checkout.offering(&sku).await?;
    let shown = Shown { api: &api, language: &language, offering: &offering };
    let page = shown.page(true, &typed, Some(&error));
    Ok(refusal(error, page))
}
