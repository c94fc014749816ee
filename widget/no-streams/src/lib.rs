//! A stub of the crate `wasm-streams`: only the names that Leptos's server functions use.
//!
//! The widget has no server functions, but the real crate exports three classes to JavaScript, and linkers don't drop
//! exports: every visitor would load them, and the futures that they run.
#![forbid(unsafe_code)]
use futures_util::stream::{self, Stream};
use wasm_bindgen::{JsValue, throw_str};

const NONE: &str = "the widget has no server functions";

/// A stream that is never created.
#[derive(Debug)]
pub struct ReadableStream(web_sys::ReadableStream);

impl ReadableStream {
    #[must_use]
    pub fn from_raw(raw: web_sys::ReadableStream) -> Self {
        Self(raw)
    }

    /// Always throws.
    pub fn from_stream(_: impl Stream<Item = Result<JsValue, JsValue>> + 'static) -> Self {
        throw_str(NONE)
    }

    #[must_use]
    pub fn into_raw(self) -> web_sys::ReadableStream {
        self.0
    }

    /// Always throws.
    pub fn into_stream(self) -> impl Stream<Item = Result<JsValue, JsValue>> {
        stream::poll_fn(|_| throw_str(NONE))
    }
}
