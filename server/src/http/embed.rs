//! The embed: loader, first screen and the widget's assets.
use super::Api;
use super::extract::{Language, Sku};
use super::offerings::cached;
use crate::error::Error;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use brotli::enc::BrotliEncoderParams;
use rust_embed::RustEmbed;
use serde::Serialize;
use sha2::{Digest, Sha256};
use shared::{Problem, Screen};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use widget::{Loader, Locale};

/// The widget as Trunk built it: inside a release build, read from the folder otherwise.
#[derive(RustEmbed)]
#[folder = "../dist"]
#[allow_missing = true]
struct Dist;

/// What this build's widget is loaded by.
#[derive(Clone, Debug)]
pub struct Assets {
    loader: String,
    glue: String,
    wasm: String,
    /// By language.
    words: Arc<HashMap<&'static str, Words>>,
}

/// The texts of one language, for the widget.
#[derive(Debug)]
struct Words {
    name: String,
    json: &'static str,
    compressed: OnceLock<Vec<u8>>,
}

impl Assets {
    /// Finds the assets; nothing where the widget is not built.
    #[must_use]
    pub fn find() -> Option<Self> {
        let at = |ending: &str| {
            let name = Dist::iter().find(|name| name.ends_with(ending))?;
            Some(format!("/embed/assets/{name}"))
        };
        let styles = serde_json::Value::from(widget::STYLES).to_string();
        let loader = widget::LOADER.replace("\"__CSS__\"", &styles);
        let words =
            widget::locales().iter().map(|(language, locale)| (language, Words::new(language, locale)));
        Some(Self { loader, glue: at(".js")?, wasm: at("_bg.wasm")?, words: Arc::new(words.collect()) })
    }
}

impl Words {
    fn new(language: &str, locale: &'static Locale) -> Self {
        let hash = hex::encode(&Sha256::digest(locale.json())[..8]);
        Self {
            name: format!("words-{language}-{hash}.json"),
            json: locale.json(),
            compressed: OnceLock::new(),
        }
    }

    /// By brotli, once somebody asks for it.
    fn compressed(&self) -> &[u8] {
        self.compressed.get_or_init(|| {
            let mut compressed = Vec::new();
            let quality = BrotliEncoderParams { quality: 11, ..BrotliEncoderParams::default() };
            // Memory takes whatever is written to it.
            _ = brotli::BrotliCompress(&mut self.json.as_bytes(), &mut compressed, &quality);
            compressed
        })
    }
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
    /// Of the build whose view rendered it: no other can take it over.
    glue: &'a str,
    wasm: &'a str,
}

/// The script that a course page includes: defines the element.
#[utoipa::path(
    get,
    path = "/embed/v1.js",
    responses(
        (status = 200, description = "The loader", content_type = "text/javascript"),
        (status = 503, body = Problem, description = "`embed_unavailable`", content_type = "application/problem+json"),
    )
)]
pub(super) async fn loader(State(api): State<Api>, headers: HeaderMap) -> Result<Response, Error> {
    let assets = api.assets.as_ref().ok_or(Error::EmbedUnavailable)?;
    let mut response = cached(&headers, "text/javascript; charset=utf-8", assets.loader.clone().into_bytes());
    let minutes = HeaderValue::from_static("public, max-age=60, stale-while-revalidate=600");
    response.headers_mut().insert(header::CACHE_CONTROL, minutes);
    Ok(response)
}

/// The first screen of an offering, rendered; never personal.
#[utoipa::path(
    get,
    path = "/embed/card/{sku}",
    params(
        ("sku" = String, Path, description = "The offering's code"),
        ("lang" = Option<String>, Query, description = "BCP 47 tag of the language wanted; English where we don't have it")
    ),
    responses(
        (status = 200, description = "The screen as JSON and as HTML", content_type = "text/html"),
        (status = 404, body = Problem, description = "`unknown_sku`", content_type = "application/problem+json"),
        (status = 503, body = Problem, description = "`embed_unavailable`", content_type = "application/problem+json"),
    )
)]
pub(super) async fn card(
    State(api): State<Api>,
    Sku(sku): Sku,
    Language(tag): Language,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let assets = api.assets.as_ref().ok_or(Error::EmbedUnavailable)?;
    let (lang, locale) = widget::locales().find(&tag);
    let words =
        assets.words.get(lang).map(|words| format!("/embed/assets/{}", words.name)).unwrap_or_default();
    let screen = Screen {
        offering: api.checkout.offering(&sku).await?,
        api: api.site.public_url.clone(),
        publishable_key: api.site.publishable_key.clone(),
        stripe_js: api.site.stripe_js.clone(),
    };
    let (glue, wasm) = (&assets.glue, &assets.wasm);
    let told = Told { screen: &screen, loader: locale.loader(), lang, words: &words, glue, wasm };
    let json = serde_json::to_string(&told).map_err(crate::store::StoreError::from)?;
    let html = widget::first_screen_html(screen, locale);
    let body = format!(
        "<script type=\"application/json\">{}</script><main>{html}</main>",
        json.replace('<', "\\u003c")
    );
    Ok(cached(&headers, "text/html; charset=utf-8", body.into_bytes()))
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
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        _ => return Err(Error::UnknownRoute),
    };
    let (encoding, bytes) = best_encoding(assets, &name, &headers).ok_or(Error::UnknownRoute)?;
    let mut response = (
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            (header::VARY, "Accept-Encoding"),
        ],
        bytes.into_owned(),
    )
        .into_response();
    if let Some(encoding) = encoding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}

/// The smallest form that the client takes and the build made.
fn best_encoding<'a>(
    assets: &'a Assets,
    name: &str,
    headers: &HeaderMap,
) -> Option<(Option<&'static str>, Cow<'a, [u8]>)> {
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepts = |encoding: &str| {
        accepted.split(',').any(|part| {
            let mut pieces = part.split(';').map(str::trim);
            pieces.next() == Some(encoding) && pieces.next() != Some("q=0")
        })
    };
    if let Some(words) = assets.words.values().find(|words| words.name == name) {
        let compressed = accepts("br");
        let bytes = if compressed { words.compressed() } else { words.json.as_bytes() };
        return Some((compressed.then_some("br"), bytes.into()));
    }
    for (encoding, ending) in [("br", "br"), ("gzip", "gz")] {
        if accepts(encoding)
            && let Some(file) = Dist::get(&format!("{name}.{ending}"))
        {
            return Some((Some(encoding), file.data));
        }
    }
    Dist::get(name).map(|file| (None, file.data))
}
