//! Notifies the embedding page of what happened; events never contain an email or a secret.
use super::{dom, json::object};
use crate::model::Notice;
use js_sys::Date;
use wasm_bindgen::JsValue;
use web_sys::HtmlElement;

/// Notifies the page that the element is ready for use.
pub(crate) fn tell_ready(host: &HtmlElement, sku: &str, variant: Option<&str>) {
    dom::tell(host, "ready", &object(&[("sku", sku.into()), ("variant", variant.into())]));
}

/// `purchase` is the reference for people, which grants no access.
pub(crate) fn tell(
    host: &HtmlElement,
    sku: &str,
    variant: Option<&str>,
    notice: Notice,
    purchase: Option<&str>,
) {
    let (name, facts) = match notice {
        Notice::Opened => ("opened", vec![]),
        Notice::Hold { expires_at } => ("hold", vec![("hold_expires_at", iso(expires_at))]),
        Notice::HoldExpiring { expires_at } => ("hold-expiring", vec![("hold_expires_at", iso(expires_at))]),
        Notice::Seats(news) => {
            let count = |seats: Option<i64>| seats.map_or(JsValue::NULL, super::json::number);
            let facts = [("left", count(news.left)), ("capacity", count(news.capacity))];
            ("seats", [&facts[..], &[("sale", news.sale.as_str().into())]].concat())
        }
        Notice::Paying => ("paying", vec![]),
        Notice::Declined => ("declined", vec![]),
        Notice::Paid => ("paid", vec![]),
        Notice::Granted => ("granted", vec![]),
        Notice::Closed => ("closed", vec![]),
        Notice::Error { code } => ("error", vec![("code", code.into())]),
    };
    let mut detail = vec![("sku", sku.into()), ("variant", variant.into()), ("purchase", purchase.into())];
    detail.extend(facts);
    dom::tell(host, name, &object(&detail));
}

fn iso(moment: shared::Timestamp) -> JsValue {
    Date::new(&super::json::number(moment.as_millis())).to_iso_string().into()
}
