//! What a page that embeds us should know to explain itself: `?redis-checkout-diagnose`.
use super::Api;
use super::assets::{DIAGNOSE, encoded};
use super::extract::query;
use super::offerings::cached;
use super::policy::directives;
use crate::error::Error;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::Problem;
use std::collections::BTreeMap;
use std::convert::Infallible;

/// What is asked about.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The offering's code.
    sku: Option<String>,
    /// Origin of the page.
    origin: Option<String>,
}

/// What we know of the page and of what it needs.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Diagnosis {
    /// Whether `ALLOWED_ORIGINS` has the page's origin.
    origin_allowed: bool,
    sku_known: bool,
    /// Addresses.
    stripe_js: String,
    stripe_api: String,
    /// Sources that the page policy must allow, by directive.
    policy: BTreeMap<&'static str, String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { sku: query(parts, "sku"), origin: query(parts, "origin") })
    }
}

/// The program that explains a page.
#[utoipa::path(
    get,
    path = "/embed/diagnose.js",
    responses(
        (status = 200, description = "A module", content_type = "text/javascript"),
        (status = 503, body = Problem, description = "`embed_unavailable`", content_type = "application/problem+json"),
    )
)]
pub(super) async fn program(State(api): State<Api>, headers: HeaderMap) -> Result<Response, Error> {
    let assets = api.assets.as_ref().ok_or(Error::EmbedUnavailable)?;
    let (encoding, bytes) = assets.get(DIAGNOSE, &headers).ok_or(Error::EmbedUnavailable)?;
    Ok(encoded(cached(&headers, "text/javascript; charset=utf-8", bytes.into_owned()), encoding))
}

/// What we know of a page.
#[utoipa::path(
    get,
    path = "/embed/diagnosis",
    params(Asked),
    responses((status = 200, body = Diagnosis, description = "For the program above"))
)]
pub(super) async fn diagnose(State(api): State<Api>, asked: Asked) -> Response {
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
