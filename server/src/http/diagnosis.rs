//! Data with which a page that embeds us diagnoses itself: `?redis-checkout-diagnose`.
use super::Api;
use super::assets::{DIAGNOSE, encoded};
use super::offerings::cached;
use super::policy::directives;
use super::query::{FromQuery, Query, QueryString};
use crate::error::Error;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;

/// The page and the offering to diagnose.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DiagnosisQuery {
    /// The offering's SKU.
    sku: Option<String>,
    /// Origin of the page.
    origin: Option<String>,
}

/// The facts about a page and its needs.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Diagnosis {
    /// Whether the page's origin is ours, or in `ALLOWED_ORIGINS`.
    origin_allowed: bool,
    sku_known: bool,
    /// Address of Stripe.js.
    stripe_js: String,
    /// Address of Stripe's API.
    stripe_api: String,
    /// Sources that the page's Content Security Policy must allow, by directive.
    policy: BTreeMap<&'static str, String>,
}

impl FromQuery for DiagnosisQuery {
    fn from_query(query: &QueryString<'_>) -> Result<Self, Error> {
        Ok(Self { sku: query.text("sku"), origin: query.text("origin") })
    }
}

/// Serves the script that diagnoses a page.
#[utoipa::path(
    get,
    path = "/embed/diagnose.js",
    responses(
        (status = 200, description = "A module", content_type = "text/javascript"),
        (status = 503, description = "`embed_unavailable`"),
    )
)]
pub(super) async fn program(State(api): State<Api>, headers: HeaderMap) -> Result<Response, Error> {
    let assets = api.assets.as_ref().ok_or(Error::EmbedUnavailable)?;
    let (encoding, bytes) = assets.get(DIAGNOSE, &headers).ok_or(Error::EmbedUnavailable)?;
    Ok(encoded(cached(&headers, "text/javascript; charset=utf-8", bytes.into_owned()), encoding))
}

/// Diagnoses a page.
#[utoipa::path(
    get,
    path = "/embed/diagnosis",
    params(DiagnosisQuery),
    responses((status = 200, body = Diagnosis, description = "For the program above"))
)]
pub(super) async fn diagnose(State(api): State<Api>, Query(asked): Query<DiagnosisQuery>) -> Response {
    let origin = asked.origin.unwrap_or_default();
    let own = super::origin(&api.site.public_url) == origin;
    let diagnosis = Diagnosis {
        origin_allowed: own || api.site.allowed_origins.contains(&origin),
        sku_known: asked.sku.is_some_and(|sku| api.checkout.catalog.get().find(&sku).is_some()),
        stripe_js: api.site.stripe_js.clone(),
        stripe_api: api.site.stripe_api.clone(),
        policy: directives(&api.site).into(),
    };
    let never = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (never, Json(diagnosis)).into_response()
}
