//! The host element and the window around it.
use crate::model::{Settings, Target};
use js_sys::{Function, Promise, Uint8Array};
use shared::Timestamp;
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

/// The attribute's text; nothing where it is missing or empty.
pub(crate) fn attribute(host: &HtmlElement, name: &str) -> Option<String> {
    host.get_attribute(name).filter(|text| !text.is_empty())
}

/// Moves the focus, unless the learner is busy elsewhere on the page.
pub(crate) fn focus(host: &HtmlElement, target: Target) {
    let active = document().active_element();
    if active.is_some_and(|active| active.tag_name() != "BODY" && !host.contains(Some(&active))) {
        return;
    }
    let selector = ["[data-focus=", target.name(), "]"].concat();
    let found = host.shadow_root().and_then(|root| root.query_selector(&selector).ok().flatten());
    if let Some(element) = found {
        _ = element.unchecked_into::<HtmlElement>().focus();
    }
}

/// 128 random bits in hexadecimal. (`crypto.randomUUID` is missing on pages without HTTPS.)
pub(crate) fn random_key() -> String {
    let bytes = Uint8Array::new_with_length(16);
    if let Ok(crypto) = window().crypto() {
        _ = crypto.get_random_values_with_array_buffer_view(&bytes);
    }
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.to_vec().into_iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The visitor's clock, which may be wrong.
pub(crate) fn now() -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "a date's milliseconds fit")]
    Timestamp::from_millis(js_sys::Date::now() as i64)
}

/// Resolves after so many milliseconds.
pub(crate) fn sleep(millis: u32) -> Promise {
    let wait = |resolve: Function, _: Function| call_later(&resolve, millis);
    Promise::new(&mut { wait })
}

pub(crate) fn call_later(function: &Function, millis: u32) {
    let millis = i32::try_from(millis).unwrap_or(i32::MAX);
    _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(function, millis);
}
