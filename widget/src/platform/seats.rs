//! The server's stream of seats: one for each element that sells seats, up to a few for each page.
use super::json;
use shared::SeatsNews;
use std::cell::Cell;
use wasm_bindgen::prelude::*;

/// A browser keeps six connections to a server that speaks HTTP/1.1, and a purchase needs some of them. Elements past
/// these show the seats of their first screen.
const MOST: u32 = 3;

thread_local! {
    static OPEN: Cell<u32> = const { Cell::new(0) };
}

/// Listens until dropped; the browser connects again by itself.
pub(crate) struct SeatStream {
    source: EventSource,
    _listener: Closure<dyn FnMut(JsValue)>,
}

impl SeatStream {
    /// `api` has no trailing slash. Nothing where the page has enough of them.
    pub(crate) fn open(api: &str, sku: &str, mut tell: impl FnMut(SeatsNews) + 'static) -> Option<Self> {
        if OPEN.get() >= MOST {
            return None;
        }
        let sku = String::from(js_sys::encode_uri_component(sku));
        let source = EventSource::new(&[api, "/v1/offerings/", &sku, "/seats"].concat()).ok()?;
        let listener = Closure::new(move |event: JsValue| {
            if let Some(news) = json::text(&event, "data").and_then(|text| json::parse(&text)) {
                tell(news);
            }
        });
        source.add_event_listener("seats", &listener);
        OPEN.set(OPEN.get() + 1);
        Some(Self { source, _listener: listener })
    }
}

impl Drop for SeatStream {
    fn drop(&mut self) {
        self.source.close();
        OPEN.set(OPEN.get() - 1);
    }
}

#[wasm_bindgen]
extern "C" {
    type EventSource;
    #[wasm_bindgen(constructor, catch)]
    fn new(address: &str) -> Result<EventSource, JsValue>;
    #[wasm_bindgen(method, js_name = addEventListener)]
    fn add_event_listener(this: &EventSource, event: &str, listener: &Closure<dyn FnMut(JsValue)>);
    #[wasm_bindgen(method)]
    fn close(this: &EventSource);
}
