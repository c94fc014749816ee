//! What the loader calls: hydrate or mount a checkout, pass on changed attributes, and free it.
use crate::{
    checkout::Checkout,
    kept,
    model::{Event, Model},
    platform::{events, json, page, seats::SeatStream},
    shell::Shell,
    view::{Card, Mounted},
};
use js_sys::Function;
use leptos::{
    prelude::*,
    tachys::{
        hydration::Cursor,
        view::{Mountable, PositionState, Render, RenderHtml},
    },
};
use shared::Screen;
use std::any::Any;
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlElement};

/// One checkout on the page. Freeing it ends it: what was held is given back, listeners and nodes go.
#[wasm_bindgen]
pub struct Handle {
    checkout: Checkout,
    shell: Shell,
    view: Option<Box<dyn Any>>,
    owner: Owner,
    _seats: Option<SeatStream>,
}

/// Takes over the first screen that the server rendered into `main`. `screen` is the JSON that came with it;
/// `trusted` turns a script's address into one that Trusted Types accept.
///
/// # Errors
/// Where `screen` can't be read. A first screen from another build may trap.
#[wasm_bindgen]
pub fn hydrate(host: HtmlElement, main: Element, screen: &str, trusted: Function) -> Result<Handle, JsValue> {
    start(host, screen, trusted, &|checkout| {
        let cursor = Cursor::new(main.clone());
        Box::new(Mounted(card(checkout).hydrate::<true>(&cursor, &PositionState::default())))
    })
}

/// Builds the first screen afresh in `main`, which is empty.
///
/// # Errors
/// Where `screen` can't be read.
#[wasm_bindgen]
pub fn mount(host: HtmlElement, main: &Element, screen: &str, trusted: Function) -> Result<Handle, JsValue> {
    start(host, screen, trusted, &|checkout| {
        let mut state = card(checkout).build();
        state.mount(main, None);
        Box::new(Mounted(state))
    })
}

#[wasm_bindgen]
impl Handle {
    /// Reads the host's attributes again.
    pub fn update(&self) {
        let host = self.shell.host();
        self.checkout.send(Event::SettingsChanged(page::settings(host)));
        if let Some(email) = page::attribute(host, "email") {
            self.checkout.send(Event::EmailSuggested(email));
        }
        self.shell.restyle();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.checkout.send(Event::ElementRemoved);
        // The view reads signals, so it goes before them.
        drop(self.view.take());
        self.owner.cleanup();
    }
}

fn card(checkout: Checkout) -> impl IntoView {
    view! { <Card checkout/> }.into_view()
}

fn start(
    host: HtmlElement,
    screen: &str,
    trusted: Function,
    show: &dyn Fn(Checkout) -> Box<dyn Any>,
) -> Result<Handle, JsValue> {
    let screen: Screen = json::parse(screen).ok_or("the first screen's data can't be read")?;
    // Only the first call on a page may succeed.
    _ = any_spawner::Executor::init_wasm_bindgen();
    let owner = Owner::new();
    let shell = Shell::new(host, &screen, trusted);
    let sku = screen.offering.sku.clone();
    let (api, seated) = (screen.api.clone(), screen.offering.seats.is_some());
    let (checkout, view) = owner.with(|| {
        let checkout = Checkout::new(Model::new(screen), shell.clone());
        (checkout, show(checkout))
    });
    let tell = move |news| checkout.send(Event::SeatsChanged(news));
    let seats = if seated { SeatStream::open(&api, &sku, tell) } else { None };
    let handle = Handle { checkout, shell, view: Some(view), owner, _seats: seats };
    handle.update();
    let host = handle.shell.host();
    events::tell_ready(host, &sku, page::attribute(host, "variant").as_deref());
    if let Some(model) = kept::take(&sku) {
        handle.checkout.send(Event::CheckoutKept(Box::new(model)));
    }
    Ok(handle)
}
