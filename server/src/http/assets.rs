//! The widget's built files and texts, each in the smallest encoding that the client accepts.
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use brotli::enc::BrotliEncoderParams;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use widget::Locale;

/// The widget as built by `cargo xtask build-widget`: embedded in a release build, read from the folder otherwise.
#[derive(RustEmbed)]
#[folder = "../dist"]
#[allow_missing = true]
struct Dist;

/// The scripts that pages refer to by a fixed name. Everything else has a hash in its name.
const BY_NAME: [&str; 2] = [LOADER, DIAGNOSE];
/// The loader.
pub(super) const LOADER: &str = "v1.js";
/// The script that diagnoses a page that embeds us.
pub(super) const DIAGNOSE: &str = "diagnose.js";

/// The files from which this build's widget is loaded.
#[derive(Clone, Debug)]
pub struct Assets {
    pub(super) glue: String,
    pub(super) wasm: String,
    words: Arc<HashMap<String, Words>>,
}

/// The texts of one language, for the widget.
#[derive(Debug)]
struct Words {
    json: &'static str,
    compressed: OnceLock<Vec<u8>>,
}

impl Assets {
    /// Finds the assets; `None` if the widget is not built.
    #[must_use]
    pub fn find() -> Option<Self> {
        let at = |ending: &str| {
            let name = Dist::iter().find(|name| name.starts_with("widget-") && name.ends_with(ending))?;
            Some(format!("/embed/assets/{name}"))
        };
        let all = widget::locales()
            .iter()
            .chain(widget::variants().iter().flat_map(|(_, variant)| variant.locales()));
        let words = all.map(|(language, locale)| {
            (words_name(language, locale), Words { json: locale.json(), compressed: OnceLock::new() })
        });
        Some(Self { glue: at(".js")?, wasm: at("_bg.wasm")?, words: Arc::new(words.collect()) })
    }

    /// A file in the best encoding that the client accepts, and that encoding, if it has one.
    pub(super) fn get(
        &self,
        name: &str,
        headers: &HeaderMap,
    ) -> Option<(Option<&'static str>, Cow<'_, [u8]>)> {
        if let Some(words) = self.words.get(name) {
            let compressed = accepts(headers, "br");
            let bytes = if compressed { words.compressed() } else { words.json.as_bytes() };
            return Some((compressed.then_some("br"), bytes.into()));
        }
        for (encoding, ending) in [("br", "br"), ("gzip", "gz")] {
            if accepts(headers, encoding)
                && let Some(file) = Dist::get(&format!("{name}.{ending}"))
            {
                return Some((Some(encoding), file.data));
            }
        }
        Dist::get(name).map(|file| (None, file.data))
    }

    /// A file of marketing's preview.
    pub(super) fn preview(name: &str) -> Option<Cow<'static, [u8]>> {
        Dist::get(&format!("preview/{name}")).map(|file| file.data)
    }

    /// The uncompressed loader, for callers that put something before it.
    pub(super) fn loader() -> Option<Cow<'static, [u8]>> {
        Dist::get(LOADER).map(|file| file.data)
    }
}

/// Whether a file of this name never changes.
pub(super) fn is_immutable(name: &str) -> bool {
    !BY_NAME.contains(&name)
}

/// The address of a language's texts.
pub(super) fn words_address(language: &str, locale: &'static Locale) -> String {
    format!("/embed/assets/{}", words_name(language, locale))
}

fn words_name(language: &str, locale: &'static Locale) -> String {
    format!("words-{language}-{}.json", hex::encode(&Sha256::digest(locale.json())[..8]))
}

impl Words {
    /// Compressed by brotli on first use.
    fn compressed(&self) -> &[u8] {
        self.compressed.get_or_init(|| {
            let mut compressed = Vec::new();
            let quality = BrotliEncoderParams { quality: 11, ..BrotliEncoderParams::default() };
            // Writing to memory never fails.
            _ = brotli::BrotliCompress(&mut self.json.as_bytes(), &mut compressed, &quality);
            compressed
        })
    }
}

fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|part| {
        let mut pieces = part.split(';').map(str::trim);
        pieces.next() == Some(encoding) && pieces.next() != Some("q=0")
    })
}

/// Sets the encoding of the body, and that it may differ for other clients.
pub(super) fn encoded(mut response: Response, encoding: Option<&'static str>) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}
