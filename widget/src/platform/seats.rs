//! The server's stream of seats: one per element that sells seats, up to a few per page.
use super::{json, page::window};
use crate::text::concat;
use shared::SeatsNews;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::prelude::*;

/// The most streams of a page: browsers limit an HTTP/1.1 server to six connections, and a purchase needs some of
/// them. Further elements show the seats of their first screen.
const MOST: u32 = 3;

thread_local! {
    static OPEN: Cell<u32> = const { Cell::new(0) };
}

/// Listens until dropped; the browser reconnects by itself. Disconnects when the page is left, even if the browser
/// keeps the page to come back to: otherwise six earlier pages would leave the next one no connection.
pub(crate) struct SeatStream {
    line: Rc<Line>,
    follow: Closure<dyn FnMut(JsValue)>,
}

struct Line {
    address: String,
    source: RefCell<EventSource>,
    listener: Closure<dyn FnMut(JsValue)>,
}

const COMINGS_AND_GOINGS: [&str; 2] = ["pagehide", "pageshow"];

impl SeatStream {
    /// `api` has no trailing slash. Returns `None` if the page already has enough streams, or can't open one.
    pub(crate) fn open(api: &str, sku: &str, mut tell: impl FnMut(SeatsNews) + 'static) -> Option<Self> {
        if OPEN.get() >= MOST {
            return None;
        }
        let sku = String::from(js_sys::encode_uri_component(sku));
        let address = concat(&[api, "/v1/offerings/", &sku, "/seats"]);
        let listener = Closure::new(move |event: JsValue| {
            if let Some(news) = json::text(&event, "data").and_then(|text| json::parse(&text)) {
                tell(news);
            }
        });
        let source = RefCell::new(connect(&address, &listener)?);
        let line = Rc::new(Line { address, source, listener });
        let follow = {
            let line = Rc::clone(&line);
            Closure::new(move |event: JsValue| {
                if json::text(&event, "type").as_deref() == Some(COMINGS_AND_GOINGS[0]) {
                    line.source.borrow().close();
                } else if line.source.borrow().ready_state() == CLOSED
                    && let Some(source) = connect(&line.address, &line.listener)
                {
                    line.source.replace(source);
                }
            })
        };
        for kind in COMINGS_AND_GOINGS {
            _ = window().add_event_listener_with_callback(kind, follow.as_ref().unchecked_ref());
        }
        OPEN.set(OPEN.get() + 1);
        Some(Self { line, follow })
    }
}

impl Drop for SeatStream {
    fn drop(&mut self) {
        for kind in COMINGS_AND_GOINGS {
            _ = window().remove_event_listener_with_callback(kind, self.follow.as_ref().unchecked_ref());
        }
        self.line.source.borrow().close();
        OPEN.set(OPEN.get() - 1);
    }
}

fn connect(address: &str, listener: &Closure<dyn FnMut(JsValue)>) -> Option<EventSource> {
    let source = EventSource::new(address).ok()?;
    source.add_event_listener("seats", listener);
    Some(source)
}

/// The `readyState` of an event source that won't reconnect.
const CLOSED: u32 = 2;

#[wasm_bindgen]
extern "C" {
    type EventSource;
    #[wasm_bindgen(constructor, catch)]
    fn new(address: &str) -> Result<EventSource, JsValue>;
    #[wasm_bindgen(method, js_name = addEventListener)]
    fn add_event_listener(this: &EventSource, event: &str, listener: &Closure<dyn FnMut(JsValue)>);
    #[wasm_bindgen(method, getter, js_name = readyState)]
    fn ready_state(this: &EventSource) -> u32;
    #[wasm_bindgen(method)]
    fn close(this: &EventSource);
}
