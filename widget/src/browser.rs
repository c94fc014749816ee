//! The loader's entry points: hydrate or mount a checkout, pass on changed attributes, and free it.
use crate::{
    checkout::{Checkout, Owner, Shell},
    kept,
    model::{Event, Model},
    platform::{dom, events, json, json::member, page, presses::Presses, seats::SeatStream},
    speech::Speech,
    view::Screen,
    words::Words,
};
use js_sys::Function;
use shared::Timestamp;
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlElement};

/// One day in milliseconds.
const DAY: i64 = 86_400_000;
/// The first screen's data is from another build, or was changed in transit. The loader then fetches it again.
const UNREADABLE: &str = "unreadable";

/// One checkout on the page. Freeing it ends the checkout: its hold is released unless money may be moving, and its
/// listeners and nodes are removed.
#[wasm_bindgen]
pub struct Handle {
    checkout: Checkout,
    owner: Owner,
    _presses: Presses,
    _seats: Option<SeatStream>,
}

/// Hydrates the first screen that the server rendered into `main`. `screen` is the JSON that came with it, `words` the
/// JSON of its texts, and `speech` formats with `Intl`; `trusted` turns a script's URL into one that Trusted Types
/// accept.
///
/// # Errors
/// If `screen` or `words` can't be read. A first screen from another build may trap.
#[wasm_bindgen]
pub fn hydrate(
    host: HtmlElement,
    main: Element,
    screen: &str,
    words: &str,
    speech: Speech,
    trusted: Function,
) -> Result<Handle, JsValue> {
    start(host, main, screen, read(words, speech)?, trusted, Screen::hydrate)
}

/// Builds the first screen from scratch in `main`, which must be empty: for callers without a server that renders it.
///
/// # Errors
/// If `screen` or `words` can't be read.
#[cfg(feature = "mount")]
#[wasm_bindgen]
pub fn mount(
    host: HtmlElement,
    main: Element,
    screen: &str,
    words: &str,
    speech: Speech,
    trusted: Function,
) -> Result<Handle, JsValue> {
    start(host, main, screen, read(words, speech)?, trusted, Screen::mount)
}

#[wasm_bindgen]
impl Handle {
    /// Reads the host's attributes again.
    pub fn update(&self) {
        let shell = self.owner.shell();
        let host = shell.host();
        self.checkout.send(Event::SettingsChanged(page::settings(host)));
        if let Some(email) = page::attribute(host, "email") {
            self.checkout.send(Event::EmailSuggested(email));
        }
        shell.restyle();
    }

    /// Switches to another language or variant.
    ///
    /// # Errors
    /// If `screen` or `words` can't be read.
    pub fn speak(&self, screen: &str, words: &str, speech: Speech) -> Result<(), JsValue> {
        let screen = read_screen(screen)?;
        self.owner.speak(read(words, speech)?);
        self.checkout.send(Event::ScreenChanged(Box::new(screen)));
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.checkout.send(Event::ElementRemoved);
    }
}

/// The id of the purchase that this build keeps for `sku`: its element is gone, but money may be moving.
#[wasm_bindgen(js_name = kept)]
#[must_use]
pub fn kept_purchase(sku: &str) -> Option<String> {
    kept::id(sku)
}

fn start(
    host: HtmlElement,
    main: Element,
    screen: &str,
    words: Words,
    trusted: Function,
    show: fn(&Model, &Words, &Element) -> Option<Screen>,
) -> Result<Handle, JsValue> {
    let offered = member(&json::value(screen), "stripe");
    let screen = read_screen(screen)?;
    dom::take_coupon(&host);
    let shell = Shell::new(host, &screen, offered, trusted);
    let (sku, variant) = (screen.offering.sku.clone(), screen.variant.clone());
    let api = screen.api.clone();
    // Seats may change while the page is open, and so may a sale that opens or closes soon. Other offerings don't
    // change, and streams are scarce.
    let changes = {
        let offering = &screen.offering;
        let now = page::now().as_millis();
        let soon = |at: Option<Timestamp>| at.is_some_and(|at| (0..DAY).contains(&(at.as_millis() - now)));
        offering.seats.is_some() || soon(offering.sale_opens_at) || soon(offering.sale_closes_at)
    };
    let model = Model::new(screen);
    let shown = show(&model, &words, &main).ok_or(UNREADABLE)?;
    let owner = Owner::new(model, words, shown, shell);
    let checkout = owner.checkout();
    let presses = Presses::listen(main, checkout.clone());
    let told = checkout.clone();
    let tell = move |news| told.send(Event::SeatsChanged(news));
    let seats = if changes { SeatStream::open(&api, &sku, tell) } else { None };
    let found = dom::kept_purchase(&sku);
    let handle = Handle { checkout, owner, _presses: presses, _seats: seats };
    handle.update();
    let host = handle.owner.shell().host();
    events::tell_ready(host, &sku, variant.as_deref());
    if let Some(model) = kept::take(&sku) {
        handle.checkout.send(Event::CheckoutKept(Box::new(model)));
    } else if let Some(id) = found {
        handle.owner.find(&id);
    }
    Ok(handle)
}

fn read_screen(screen: &str) -> Result<shared::Screen, JsValue> {
    Ok(json::parse(screen).ok_or(UNREADABLE)?)
}

fn read(words: &str, speech: Speech) -> Result<Words, JsValue> {
    let texts: Vec<String> = json::parse(words).ok_or(UNREADABLE)?;
    Ok(Words::new(texts, speech))
}
