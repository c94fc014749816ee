//! Everything learners do inside the card, handled by one listener.
use super::{
    dom::{self, Watch},
    json::{member, text},
};
use crate::{checkout::Checkout, model::Event, view::Press};
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlElement};

const KINDS: [&str; 6] = ["click", "input", "change", "submit", "keydown", "focusin"];
/// The elements the focus may wrap to in a dialog, apart from the payment form.
const STOPS: &str = ".close,.stage :is(.button,.quiet):not([hidden],:empty,:disabled)";

/// Listens until dropped.
pub(crate) struct Presses {
    main: Element,
    /// Not `FnMut`: moving the focus inside it fires another event.
    listener: Closure<dyn Fn(web_sys::Event)>,
    first: Watch,
    _returned: Closure<dyn FnMut(JsValue)>,
}

impl Presses {
    pub(crate) fn listen(main: Element, checkout: Checkout) -> Self {
        let told = checkout.clone();
        let returned =
            Closure::new(move |left: JsValue| told.send(Event::Returned { left: left.is_truthy() }));
        let first = dom::hear_first(&main, &returned);
        let listener = {
            let main = main.clone();
            Closure::new(move |event: web_sys::Event| {
                if let Some(event) = told_by(&main, &event) {
                    checkout.send(event);
                }
            })
        };
        for kind in KINDS {
            _ = main.add_event_listener_with_callback(kind, listener.as_ref().unchecked_ref());
        }
        Self { main, listener, first, _returned: returned }
    }
}

impl Drop for Presses {
    fn drop(&mut self) {
        self.first.end();
        for kind in KINDS {
            _ = self.main.remove_event_listener_with_callback(kind, self.listener.as_ref().unchecked_ref());
        }
    }
}

/// Ignores what happens in a slot, which is Stripe's or the challenge's.
fn told_by(main: &Element, event: &web_sys::Event) -> Option<Event> {
    let target: Element = event.target()?.unchecked_into();
    if !main.contains(Some(&target)) {
        return None;
    }
    match event.type_().as_str() {
        "click" => {
            let button = target.closest("[data-press]").ok()??;
            Press::event(&button.get_attribute("data-press")?)
        }
        "keydown" => {
            let leaves = text(event, "key")? == "Escape" && !member(event, "isComposing").is_truthy();
            leaves.then_some(Event::ClosePressed)
        }
        "focusin" => {
            let stops = main.query_selector_all(STOPS).ok()?;
            let stop = match target.get_attribute("data-edge")?.as_str() {
                "first" => stops.get(0),
                _ => stops.get(stops.length() - 1),
            };
            _ = stop?.unchecked_into::<HtmlElement>().focus();
            None
        }
        "input" | "change" => {
            let typed = text(&target, "value")?;
            Some(match text(&target, "id")?.as_str() {
                "code" => Event::CodeTyped(typed),
                "places" => Event::PlacesTyped(typed),
                _ => Event::EmailTyped(typed),
            })
        }
        _ => {
            event.prevent_default();
            dom::ask_fields(main);
            // Enter in a field with its own button presses that button.
            let focus = main.query_selector("input:focus").ok()?.and_then(|field| text(&field, "id"));
            Some(match focus.as_deref() {
                Some("code") => Event::CodePressed,
                Some("places") => Event::TeamPressed,
                _ => Event::PayPressed,
            })
        }
    }
}
