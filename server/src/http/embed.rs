//! The embed: loader, first screen and the widget's assets.
use super::Api;
use super::assets::{Assets, LOADER, encoded, is_immutable, words_address};
use super::extract::{Sku, query};
use super::offerings::{cached, weak};
use crate::error::Error;
use crate::payments::form_options;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::{Problem, Screen};
use std::convert::Infallible;
use widget::Loader;

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Which first screen is wanted.
#[derive(Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// BCP 47 tag of the language; English where we don't have it.
    pub(super) lang: Option<String>,
    /// Name of the variant; the default one where there is none of this name.
    pub(super) variant: Option<String>,
}

/// The offering whose first screen is to come with the loader.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Along {
    /// The offering's code.
    pub(super) sku: Option<String>,
}

/// A first screen, and what the loader knows it by.
#[derive(Serialize)]
struct Sent<'a> {
    sku: &'a str,
    lang: &'static str,
    variant: &'a str,
    /// The HTML.
    text: String,
}

/// What the loader and the widget are told with a first screen.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    screen: &'a Screen,
    #[serde(flatten)]
    loader: &'a Loader,
    /// The language of the screen, and where its words are.
    lang: &'a str,
    words: &'a str,
    /// Options of Stripe's form.
    stripe: serde_json::Value,
    /// Styles of its variant.
    sheet: &'a str,
    /// Of the build whose view rendered it: no other can take it over.
    glue: &'a str,
    wasm: &'a str,
}

/// Names longer than any that there is are not there, and are not told back.
const LONGEST_VARIANT: usize = 64;
const LONGEST_TAG: usize = 35;

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let short = |name, most| query(parts, name).filter(|value| value.len() <= most);
        Ok(Self { lang: short("lang", LONGEST_TAG), variant: short("variant", LONGEST_VARIANT) })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Along {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { sku: query(parts, "sku") })
    }
}

/// The script that a course page includes: defines the element. Where the address names an offering, its first screen
/// comes with it.
#[utoipa::path(
    get,
    path = "/embed/v1.js",
    params(Along, Asked),
    responses(
        (status = 200, description = "The loader", content_type = "text/javascript"),
        (status = 503, body = Problem, description = "`embed_unavailable`", content_type = "application/problem+json"),
    )
)]
pub(super) async fn loader(
    State(api): State<Api>,
    along: Along,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let assets = api.assets.as_ref().ok_or(Error::EmbedUnavailable)?;
    if let Some(sku) = &along.sku
        && let Some(screen) = sent(&api, assets, sku, &asked).await
    {
        let loader = Assets::loader().ok_or(Error::EmbedUnavailable)?;
        let json = serde_json::to_string(&screen).map_err(crate::store::StoreError::from)?;
        let body = [b"(document.currentScript||{}).screen=", json.as_bytes(), b";", &loader].concat();
        return Ok(weak(cached(&headers, SCRIPT, body)));
    }
    let (encoding, bytes) = assets.get(LOADER, &headers).ok_or(Error::EmbedUnavailable)?;
    let mut response = encoded(cached(&headers, SCRIPT, bytes.into_owned()), encoding);
    let minutes = HeaderValue::from_static("public, max-age=60, stale-while-revalidate=600");
    response.headers_mut().insert(header::CACHE_CONTROL, minutes);
    Ok(response)
}

/// The first screen that goes along with the loader. Where there is none, the element asks for itself, and says what is
/// wrong: no page is to lose its loader over it.
async fn sent<'a>(api: &Api, assets: &Assets, sku: &'a str, asked: &'a Asked) -> Option<Sent<'a>> {
    let text = match first_screen(api, assets, sku, asked).await {
        Ok(text) => text,
        Err(Error::UnknownSku(_)) => return None,
        Err(error) => {
            tracing::error!(%error, sku, "no first screen goes along with the loader");
            return None;
        }
    };
    let (lang, _) = widget::locales().find(asked.lang.as_deref().unwrap_or_default());
    Some(Sent { sku, lang, variant: asked.variant.as_deref().unwrap_or_default(), text })
}

/// The first screen of an offering, rendered; never personal.
#[utoipa::path(
    get,
    path = "/embed/card/{sku}",
    params(("sku" = String, Path, description = "The offering's code"), Asked),
    responses(
        (status = 200, description = "The screen as JSON and as HTML", content_type = "text/html"),
        (status = 404, body = Problem, description = "`unknown_sku`", content_type = "application/problem+json"),
        (status = 503, body = Problem, description = "`embed_unavailable`", content_type = "application/problem+json"),
    )
)]
pub(super) async fn card(
    State(api): State<Api>,
    Sku(sku): Sku,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let assets = api.assets.as_ref().ok_or(Error::EmbedUnavailable)?;
    let html = first_screen(&api, assets, &sku, &asked).await?;
    Ok(weak(cached(&headers, "text/html; charset=utf-8", html.into_bytes())))
}

/// Its data as JSON, for the loader and the widget, and the rendered HTML.
async fn first_screen(api: &Api, assets: &Assets, sku: &str, asked: &Asked) -> Result<String, Error> {
    let wanted = asked.variant.as_deref();
    let (variant, known) = widget::variants().find(wanted.unwrap_or_default());
    let (lang, locale) = variant.locale(asked.lang.as_deref().unwrap_or_default());
    let screen = Screen {
        offering: api.checkout.offering(sku).await?,
        api: api.site.public_url.clone(),
        publishable_key: api.site.publishable_key.clone(),
        stripe_js: api.site.stripe_js.clone(),
        variant: wanted.filter(|_| known).map(str::to_owned),
        dialog: variant.is_dialog(),
    };
    let told = Told {
        screen: &screen,
        loader: locale.loader(),
        lang,
        words: &words_address(lang, locale),
        stripe: form_options(&api.site.methods.offered(screen.offering.seats.is_some())),
        sheet: variant.sheet(),
        glue: &assets.glue,
        wasm: &assets.wasm,
    };
    let json = serde_json::to_string(&told).map_err(crate::store::StoreError::from)?;
    let html = widget::first_screen_html(screen, locale);
    Ok(format!(
        "<script type=\"application/json\">{}</script><div class=\"main\">{html}</div>",
        json.replace('<', "\\u003c")
    ))
}

/// One hashed, immutable, precompressed asset.
#[utoipa::path(
    get,
    path = "/embed/assets/{name}",
    params(("name" = String, Path, description = "The asset's file name")),
    responses(
        (status = 200, description = "The asset"),
        (status = 404, body = Problem, description = "`unknown_route`", content_type = "application/problem+json"),
        (status = 503, body = Problem, description = "`embed_unavailable`", content_type = "application/problem+json"),
    )
)]
pub(super) async fn asset(
    State(api): State<Api>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let assets = api.assets.as_ref().ok_or(Error::EmbedUnavailable)?;
    let Path(name) = name.map_err(|_| Error::UnknownRoute)?;
    let kind = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => SCRIPT,
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        _ => return Err(Error::UnknownRoute),
    };
    if !is_immutable(&name) {
        return Err(Error::UnknownRoute);
    }
    let (encoding, bytes) = assets.get(&name, &headers).ok_or(Error::UnknownRoute)?;
    let for_good = "public, max-age=31536000, immutable";
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, for_good)];
    Ok(encoded((headers, bytes.into_owned()).into_response(), encoding))
}
