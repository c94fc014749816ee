//! What the page's address says.
use super::{
    json::{member, text},
    page::window,
};
use web_sys::HtmlElement;

/// Gives an element that has no `coupon` the one of the page's address, which may change while the learner stays.
pub(crate) fn take_linked_coupon(host: &HtmlElement) {
    let query = text(&member(&window(), "location"), "search").unwrap_or_default();
    let linked = query.get(1..).unwrap_or_default().split('&').find_map(|part| part.strip_prefix("coupon="));
    if let Some(code) = linked.and_then(|code| js_sys::decode_uri_component(code).ok())
        && !host.has_attribute("coupon")
    {
        _ = host.set_attribute("coupon", &String::from(code));
    }
}
