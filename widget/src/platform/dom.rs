//! DOM operations that take one line of JavaScript, but a hundred bytes more in WASM.
#[cfg(not(feature = "preview"))]
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use web_sys::Element;
#[cfg(not(feature = "preview"))]
use web_sys::HtmlElement;

#[wasm_bindgen(module = "/loader/dom.js")]
extern "C" {
    /// Text nodes, each with the element that contains nothing else.
    pub(crate) type Texts;
    /// The text nodes in `root`, which must be as we rendered it.
    #[wasm_bindgen(js_name = textsIn)]
    pub(crate) fn texts_in(root: &Element) -> Texts;
    #[wasm_bindgen(js_name = putBack)]
    pub(crate) fn put_back(texts: &Texts);
}

#[cfg(not(feature = "preview"))]
#[wasm_bindgen(module = "/loader/dom.js")]
extern "C" {
    /// An observer that runs until it is ended.
    pub(crate) type Watch;
    #[wasm_bindgen(method)]
    pub(crate) fn end(this: &Watch);
    /// Calls `gone` whenever the page removes `child` from `host`, empties it or moves it.
    #[wasm_bindgen(js_name = watchChild)]
    pub(crate) fn watch_child(host: &HtmlElement, child: &HtmlElement, gone: &Closure<dyn FnMut()>) -> Watch;
    /// Keeps keys that are typed into fields of `main` from the page, and calls `returned` when the learner is back:
    /// with true if they were on another page.
    #[wasm_bindgen(js_name = hearFirst)]
    pub(crate) fn hear_first(main: &Element, returned: &Closure<dyn FnMut(JsValue)>) -> Watch;
    /// Makes every field in `main` report its value.
    #[wasm_bindgen(js_name = askFields)]
    pub(crate) fn ask_fields(main: &Element);
    /// The card's styles as Stripe accepts them.
    #[wasm_bindgen(js_name = looksOf)]
    pub(crate) fn looks_of(host: &HtmlElement) -> JsValue;
    /// The card's language.
    #[wasm_bindgen(js_name = langOf)]
    pub(crate) fn lang_of(host: &HtmlElement) -> JsValue;
    /// Copies the coupon in the page's URL to an element without a `coupon`.
    #[wasm_bindgen(js_name = takeCoupon)]
    pub(crate) fn take_coupon(host: &HtmlElement);
    /// 128 random bits in hexadecimal.
    #[wasm_bindgen(js_name = randomKey)]
    pub(crate) fn random_key() -> String;
    /// Makes this browser remember that the offering was bought.
    #[wasm_bindgen(js_name = rememberPurchase)]
    pub(crate) fn remember_purchase(offering_and_email: &str);
    /// Whether this browser remembers that the offering was bought.
    #[wasm_bindgen(js_name = wasBought)]
    pub(crate) fn was_bought(offering_and_email: &str) -> bool;
    /// Resolves after `millis` milliseconds.
    pub(crate) fn sleep(millis: u32) -> Promise;
    /// Whether a script has defined this global.
    #[wasm_bindgen(js_name = isThere)]
    pub(crate) fn is_there(global: &str) -> bool;
    /// Loads a script; `trusted` turns a URL into a value that Trusted Types accept.
    #[wasm_bindgen(js_name = loadScript)]
    pub(crate) fn load_script(address: &str, trusted: &Function, timeout: u32) -> Promise;
    /// Moves the focus to the element with this `data-focus`, unless the learner is busy elsewhere on the page.
    #[wasm_bindgen(js_name = focusOn)]
    pub(crate) fn focus_on(host: &HtmlElement, name: &str);
    /// Shows the page how far the checkout is: `:state(form)`, and the id by which this tab finds the purchase of `sku`
    /// after a reload; an empty one is forgotten.
    #[wasm_bindgen(js_name = showProgress)]
    pub(crate) fn show_progress(host: &HtmlElement, form: bool, sku: &str, id: &str);
    /// The id that is kept: read it before the first event, which forgets it.
    #[wasm_bindgen(js_name = keptPurchase)]
    pub(crate) fn kept_purchase(sku: &str) -> Option<String>;
    /// Dispatches an event of this name to the page.
    pub(crate) fn tell(host: &HtmlElement, name: &str, detail: &JsValue);
}
