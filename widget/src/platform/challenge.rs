//! Turnstile or hCaptcha: both have a global with the same functions. Like Stripe's form, the challenge lives in the
//! light DOM and shows through a slot.
use super::{
    json::{member, object},
    page::{document, window},
};
use js_sys::{Function, Reflect};
use shared::Challenge;
use wasm_bindgen::prelude::*;
use web_sys::HtmlElement;

/// A challenge on the page, removed when dropped.
pub(crate) struct Shown {
    container: HtmlElement,
    _passed: Closure<dyn FnMut(String)>,
}

impl Shown {
    /// Shows the provider's challenge, whose script must be loaded, in a new child of `host`; `passed` gets the answer.
    pub(crate) fn render(
        host: &HtmlElement,
        challenge: &Challenge,
        passed: impl FnMut(String) + 'static,
    ) -> Result<Self, JsValue> {
        let container: HtmlElement = document().create_element("div")?.unchecked_into();
        container.set_attribute("slot", "challenge")?;
        host.append_child(&container)?;
        let passed = Closure::new(passed);
        let provider = member(&window(), &challenge.provider);
        let options =
            object(&[("sitekey", challenge.site_key.as_str().into()), ("callback", passed.as_ref().clone())]);
        let render: Function = Reflect::get(&provider, &"render".into())?.dyn_into()?;
        let shown = Self { container, _passed: passed };
        render.call2(&provider, &shown.container, &options)?;
        Ok(shown)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.container.remove();
    }
}
