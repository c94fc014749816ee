//! The host element and the window around it.
use crate::model::Settings;
use js_sys::Date;
use shared::Timestamp;
use std::cell::Cell;
use wasm_bindgen::JsCast;
use web_sys::{Document, HtmlElement, Window};

pub(crate) fn window() -> Window {
    js_sys::global().unchecked_into()
}

pub(crate) fn document() -> Document {
    window().document().unwrap_or_else(|| wasm_bindgen::throw_str("no document"))
}

pub(crate) fn settings(host: &HtmlElement) -> Settings {
    Settings { coupon: attribute(host, "coupon"), learner_token: attribute(host, "learner-token") }
}

/// The attribute's text; `None` if it is missing or empty.
pub(crate) fn attribute(host: &HtmlElement, name: &str) -> Option<String> {
    host.get_attribute(name).filter(|text| !text.is_empty())
}

thread_local! {
    /// Milliseconds by which the server's clock is ahead of the visitor's.
    static AHEAD: Cell<f64> = const { Cell::new(0.0) };
}

/// The server's time, once it has reported it: the visitor's clock may be wrong.
pub(crate) fn now() -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "a date's milliseconds fit")]
    Timestamp::from_millis((Date::now() + AHEAD.get()) as i64)
}

/// Sets the clock from the `Date` header of an answer.
pub(crate) fn set_clock(date: &str) {
    let ahead = Date::parse(date) - Date::now();
    if ahead.is_finite() {
        AHEAD.set(ahead);
    }
}
