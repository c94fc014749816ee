//! What takes a line in JavaScript and a hundred bytes more in WASM.
#[cfg(not(feature = "preview"))]
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use web_sys::Element;
#[cfg(not(feature = "preview"))]
use web_sys::HtmlElement;

#[wasm_bindgen(module = "/loader/dom.js")]
extern "C" {
    /// Texts and the elements that each is alone in.
    pub(crate) type Texts;
    /// Those in `root`, which is as we made it.
    #[wasm_bindgen(js_name = textsIn)]
    pub(crate) fn texts_in(root: &Element) -> Texts;
    #[wasm_bindgen(js_name = putBack)]
    pub(crate) fn put_back(texts: &Texts);
}

#[cfg(not(feature = "preview"))]
#[wasm_bindgen(module = "/loader/dom.js")]
extern "C" {
    /// Something that goes on until it is ended.
    pub(crate) type Watch;
    #[wasm_bindgen(method)]
    pub(crate) fn end(this: &Watch);
    /// Calls `gone` whenever the page has taken `child` out of `host`, or what is in it.
    #[wasm_bindgen(js_name = watchChild)]
    pub(crate) fn watch_child(host: &HtmlElement, child: &HtmlElement, gone: &Closure<dyn FnMut()>) -> Watch;
    /// Keeps what is typed into fields of `main` from the page, and calls `returned` when the learner is back: with true where
    /// they were on another page.
    #[wasm_bindgen(js_name = hearFirst)]
    pub(crate) fn hear_first(main: &Element, returned: &Closure<dyn FnMut(JsValue)>) -> Watch;
    /// Has every field in `main` tell what is in it.
    #[wasm_bindgen(js_name = askFields)]
    pub(crate) fn ask_fields(main: &Element);
    /// The card's looks as Stripe takes them.
    #[wasm_bindgen(js_name = looksOf)]
    pub(crate) fn looks_of(host: &HtmlElement) -> JsValue;
    /// The card's language.
    #[wasm_bindgen(js_name = langOf)]
    pub(crate) fn lang_of(host: &HtmlElement) -> JsValue;
    /// Gives an element that has no `coupon` the one of the page's address.
    #[wasm_bindgen(js_name = takeCoupon)]
    pub(crate) fn take_coupon(host: &HtmlElement);
    /// 128 random bits in hexadecimal.
    #[wasm_bindgen(js_name = randomKey)]
    pub(crate) fn random_key() -> String;
    /// Has this browser remember that the offering was bought.
    #[wasm_bindgen(js_name = rememberPurchase)]
    pub(crate) fn remember_purchase(sku: &str);
    /// Whether this browser remembers so.
    #[wasm_bindgen(js_name = wasBought)]
    pub(crate) fn was_bought(sku: &str) -> bool;
    /// Resolves after so many milliseconds.
    pub(crate) fn sleep(millis: u32) -> Promise;
    /// Whether a script has made this global.
    #[wasm_bindgen(js_name = isThere)]
    pub(crate) fn is_there(global: &str) -> bool;
    /// Loads a script; `trusted` makes an address into what a page under Trusted Types lets a script load.
    #[wasm_bindgen(js_name = loadScript)]
    pub(crate) fn load_script(address: &str, trusted: &Function, patience: u32) -> Promise;
    /// Moves the focus to what has this `data-focus`, unless the learner is busy elsewhere on the page.
    #[wasm_bindgen(js_name = focusOn)]
    pub(crate) fn focus_on(host: &HtmlElement, name: &str);
    /// Tells the page an event of this name.
    pub(crate) fn tell(host: &HtmlElement, name: &str, detail: &JsValue);
}
