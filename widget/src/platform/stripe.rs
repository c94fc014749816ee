//! The only file that knows Stripe.js: shows its payment form, and confirms payments.
//!
//! Elements refuse to live in a shadow root, so the form is a light-DOM child of the host, shown through a slot
//! (<https://github.com/stripe/stripe-js/issues/662>).
use super::{
    dom::{self, Watch},
    json::{member, number, object, text, with},
    page::{document, window},
};
use js_sys::{Function, Promise};
use shared::Money;
use wasm_bindgen::prelude::*;
use web_sys::{HtmlElement, MediaQueryList};

/// How a confirmation went, as far as the browser can tell. Only what the server says counts.
pub(crate) enum Outcome {
    Confirmed,
    /// With Stripe's message for the learner.
    Declined(String),
    /// 3-D Secure failed. Stripe's message is written for developers.
    Unauthenticated,
    /// It may or may not have gone through.
    Unknown,
}

/// The global that Stripe.js defines.
pub(crate) const GLOBAL: &str = "Stripe";

/// Stripe's payment form, removed when dropped.
pub(crate) struct Payment {
    client: Client,
    elements: Elements,
    field: Element,
    container: HtmlElement,
    /// Whether the visitor prefers dark mode, which may change while the form is open.
    scheme: Option<MediaQueryList>,
    watch: Watch,
    _on_failure: Closure<dyn FnMut()>,
    _on_removal: Closure<dyn FnMut()>,
    _follow: Closure<dyn FnMut()>,
}

impl Payment {
    /// Mounts the form in a new child of `host`. Calls `failed` if the form can't load, and `removed` if the page
    /// removes it.
    pub(crate) fn show(
        host: &HtmlElement,
        key: &str,
        offered: &JsValue,
        due: Money,
        failed: impl FnMut() + 'static,
        removed: impl FnMut() + 'static,
    ) -> Result<Self, JsValue> {
        let locale = dom::lang_of(host);
        let client = new_client(key, &object(&[("locale", locale.clone())]))?;
        let container: HtmlElement = document().create_element("div")?.unchecked_into();
        container.set_attribute("slot", "payment")?;
        // Stripe refuses to mount into an element outside the document.
        host.append_child(&container)?;
        let options = [
            ("mode", "payment".into()),
            ("amount", number(due.amount)),
            ("currency", due.currency.as_str().into()),
            ("appearance", dom::looks_of(host)),
            ("locale", locale),
        ];
        let elements = client.elements(&with(offered, &options))?;
        let field = elements.create("payment")?;
        let on_failure = Closure::new(failed);
        field.on("loaderror", on_failure.as_ref().unchecked_ref())?;
        field.mount(&container)?;
        let on_removal = Closure::new(removed);
        let watch = dom::watch_child(host, &container, &on_removal);
        let follow = {
            let (elements, host) = (elements.clone(), host.clone());
            Closure::new(move || restyle(&elements, &host))
        };
        let scheme = window().match_media("(prefers-color-scheme: dark)").ok().flatten();
        if let Some(scheme) = &scheme {
            scheme.set_onchange(Some(follow.as_ref().unchecked_ref()));
        }
        Ok(Self {
            client,
            elements,
            field,
            container,
            scheme,
            watch,
            _on_failure: on_failure,
            _on_removal: on_removal,
            _follow: follow,
        })
    }

    pub(crate) fn update_amount(&self, amount: i64) {
        _ = self.elements.update(&object(&[("amount", number(amount))]));
    }

    /// Applies the host's current theme.
    pub(crate) fn restyle(&self, host: &HtmlElement) {
        restyle(&self.elements, host);
    }

    /// Checks that the form is complete. `fault` reads the result.
    pub(crate) fn check(&self) -> Option<Promise> {
        self.elements.submit().ok()
    }

    /// Confirms the payment, including 3-D Secure. Payment methods that leave the page come back to `return_url`.
    /// `outcome` reads the result.
    pub(crate) fn confirm(&self, client_secret: &str, return_url: &str) -> Option<Promise> {
        let options = object(&[
            ("elements", self.elements.clone().into()),
            ("clientSecret", client_secret.into()),
            ("confirmParams", object(&[("return_url", return_url.into())])),
            ("redirect", "if_required".into()),
        ]);
        self.client.confirm_payment(&options).ok()
    }
}

impl Drop for Payment {
    fn drop(&mut self) {
        if let Some(scheme) = &self.scheme {
            scheme.set_onchange(None);
        }
        self.watch.end();
        _ = self.field.destroy();
        self.container.remove();
    }
}

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    type Client;
    #[wasm_bindgen(js_name = Stripe, catch)]
    fn new_client(key: &str, options: &JsValue) -> Result<Client, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn elements(this: &Client, options: &JsValue) -> Result<Elements, JsValue>;
    #[wasm_bindgen(method, catch, js_name = confirmPayment)]
    fn confirm_payment(this: &Client, options: &JsValue) -> Result<Promise, JsValue>;

    #[derive(Clone)]
    type Elements;
    #[wasm_bindgen(method, catch)]
    fn create(this: &Elements, kind: &str) -> Result<Element, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn update(this: &Elements, options: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn submit(this: &Elements) -> Result<Promise, JsValue>;

    type Element;
    #[wasm_bindgen(method, catch)]
    fn on(this: &Element, event: &str, listener: &Function) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn mount(this: &Element, container: &HtmlElement) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn destroy(this: &Element) -> Result<(), JsValue>;
}

/// The error in the form, with Stripe's message if there is one. Stripe has already marked the fields.
pub(crate) fn fault(answer: Result<JsValue, JsValue>) -> Option<Option<String>> {
    let Ok(answer) = answer else { return Some(None) };
    let error = member(&answer, "error");
    if error.is_undefined() { None } else { Some(text(&error, "message")) }
}

/// A card or validation error means declined. Any other error may have happened after the payment went through.
pub(crate) fn outcome(answer: Result<JsValue, JsValue>) -> Outcome {
    let Ok(answer) = answer else { return Outcome::Unknown };
    let error = member(&answer, "error");
    if error.is_undefined() {
        let status = text(&member(&answer, "paymentIntent"), "status").unwrap_or_default();
        return match status.as_str() {
            "succeeded" | "processing" | "requires_capture" => Outcome::Confirmed,
            _ => Outcome::Unknown,
        };
    }
    let kind = text(&error, "type").unwrap_or_default();
    let code = text(&error, "code").unwrap_or_default();
    if code == "payment_intent_authentication_failure" {
        return Outcome::Unauthenticated;
    }
    if kind == "card_error" || kind == "validation_error" {
        return Outcome::Declined(text(&error, "message").unwrap_or_default());
    }
    Outcome::Unknown
}

fn restyle(elements: &Elements, host: &HtmlElement) {
    _ = elements.update(&object(&[("appearance", dom::looks_of(host))]));
}
