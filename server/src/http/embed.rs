//! The embed: loader, first screen and the widget's assets.
use super::Api;
use super::assets::{Assets, LOADER, encoded, is_immutable, words_address};
use super::extract::Sku;
use super::offerings::{cached, weak};
use super::query::{FromQuery, Query, QueryString};
use crate::error::Error;
use crate::payments::form_options;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::Screen;
use widget::Loader;

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Selects the first screen to render.
#[derive(Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ScreenQuery {
    /// BCP 47 tag of the language; English if we don't have it.
    pub(super) lang: Option<String>,
    /// Name of the variant; the default one if the name is unknown.
    pub(super) variant: Option<String>,
}

/// The offering whose first screen comes with the loader.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LoaderQuery {
    /// The offering's SKU.
    pub(super) sku: Option<String>,
}

/// A first screen, and the key by which the loader finds it.
#[derive(Serialize)]
struct Sent<'a> {
    sku: &'a str,
    lang: &'static str,
    variant: &'a str,
    /// The HTML.
    text: String,
}

/// The data that the loader and the widget get with a first screen.
#[derive(Serialize)]
struct ScreenData<'a> {
    #[serde(flatten)]
    screen: &'a Screen,
    #[serde(flatten)]
    loader: &'a Loader,
    /// The language of the screen, and the address of its texts.
    lang: &'a str,
    words: &'a str,
    /// Options of Stripe's form.
    stripe: serde_json::Value,
    /// Styles of the variant.
    sheet: &'a str,
    /// Files of the build that rendered the screen: no other build can hydrate it.
    glue: &'a str,
    wasm: &'a str,
}

/// Longer names don't exist, and are never echoed.
const LONGEST_VARIANT: usize = 64;
const LONGEST_TAG: usize = 35;

impl FromQuery for ScreenQuery {
    fn from_query(query: &QueryString<'_>) -> Result<Self, Error> {
        let short = |name, most| query.text(name).filter(|value| value.len() <= most);
        Ok(Self { lang: short("lang", LONGEST_TAG), variant: short("variant", LONGEST_VARIANT) })
    }
}

impl FromQuery for LoaderQuery {
    fn from_query(query: &QueryString<'_>) -> Result<Self, Error> {
        Ok(Self { sku: query.text("sku") })
    }
}

/// Serves the script that a course page includes to define the element.
/// If the address names an offering, its first screen comes with the script.
#[utoipa::path(
    get,
    path = "/embed/v1.js",
    params(LoaderQuery, ScreenQuery),
    responses(
        (status = 200, description = "The loader", content_type = "text/javascript"),
        (status = 503, description = "`embed_unavailable`"),
    )
)]
pub(super) async fn loader(
    State(api): State<Api>,
    Query(with): Query<LoaderQuery>,
    Query(asked): Query<ScreenQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let assets = api.assets.as_ref().ok_or(Error::EmbedUnavailable)?;
    if let Some(sku) = &with.sku
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

/// The first screen that comes with the loader. If it can't be rendered, the element fetches it and shows the error: no
/// page should lose its loader over it.
async fn sent<'a>(api: &Api, assets: &Assets, sku: &'a str, asked: &'a ScreenQuery) -> Option<Sent<'a>> {
    let text = match first_screen(api, assets, sku, asked).await {
        Ok(text) => text,
        Err(Error::UnknownSku(_)) => return None,
        Err(error) => {
            tracing::error!(%error, sku, "failed to render the loader's first screen");
            return None;
        }
    };
    let (lang, _) = widget::locales().find(asked.lang.as_deref().unwrap_or_default());
    Some(Sent { sku, lang, variant: asked.variant.as_deref().unwrap_or_default(), text })
}

/// Renders the first screen of an offering; never personal.
#[utoipa::path(
    get,
    path = "/embed/card/{sku}",
    params(("sku" = String, Path, description = "The offering's code"), ScreenQuery),
    responses(
        (status = 200, description = "The screen as JSON and as HTML", content_type = "text/html"),
        (status = 404, description = "`unknown_sku`"),
        (status = 503, description = "`embed_unavailable`"),
    )
)]
pub(super) async fn card(
    State(api): State<Api>,
    Sku(sku): Sku,
    Query(asked): Query<ScreenQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let assets = api.assets.as_ref().ok_or(Error::EmbedUnavailable)?;
    let html = first_screen(&api, assets, &sku, &asked).await?;
    Ok(weak(cached(&headers, "text/html; charset=utf-8", html.into_bytes())))
}

/// The screen's data as JSON, for the loader and the widget, and its HTML.
async fn first_screen(api: &Api, assets: &Assets, sku: &str, asked: &ScreenQuery) -> Result<String, Error> {
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
    let data = ScreenData {
        screen: &screen,
        loader: locale.loader(),
        lang,
        words: &words_address(lang, locale),
        stripe: form_options(&api.site.methods.offered(screen.offering.seats.is_some())),
        sheet: variant.sheet(),
        glue: &assets.glue,
        wasm: &assets.wasm,
    };
    let json = serde_json::to_string(&data).map_err(crate::store::StoreError::from)?;
    let html = widget::first_screen_html(screen, locale);
    Ok(format!(
        "<script type=\"application/json\">{}</script><div class=\"main\">{html}</div>",
        json.replace('<', "\\u003c")
    ))
}

/// Serves one hashed, immutable, precompressed asset.
#[utoipa::path(
    get,
    path = "/embed/assets/{name}",
    params(("name" = String, Path, description = "The asset's file name")),
    responses(
        (status = 200, description = "The asset"),
        (status = 404, description = "`unknown_route`"),
        (status = 503, description = "`embed_unavailable`"),
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
