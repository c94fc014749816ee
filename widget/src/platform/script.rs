//! Other people's scripts: each loaded once per page, and forgotten where it fails, so that the next call tries again.
use super::{
    json::member,
    page::{call_later, document, window},
};
use js_sys::{Function, Promise, Reflect};
use std::cell::RefCell;
use wasm_bindgen::JsValue;

/// Milliseconds that a script may take.
const PATIENCE: u32 = 20_000;

thread_local! {
    static LOADING: RefCell<Vec<(String, Promise)>> = const { RefCell::new(Vec::new()) };
}

/// Loads the script at `address`, which makes a `global`. `trusted` makes an address into what a page under Trusted
/// Types lets a script load. What comes with the promise says, once it has settled, whether the global is there.
pub(crate) fn load(
    address: &str,
    global: &str,
    trusted: &Function,
) -> (Promise, impl FnOnce(bool) -> bool + use<>) {
    let loading = LOADING.with_borrow_mut(|all| {
        if is_there(global) {
            return Promise::resolve(&JsValue::UNDEFINED);
        }
        if let Some((_, known)) = all.iter().find(|(known, _)| known == address) {
            return known.clone();
        }
        let new = insert(address, trusted);
        all.push((address.to_owned(), new.clone()));
        new
    });
    let (address, global) = (address.to_owned(), global.to_owned());
    let loaded = move |done: bool| {
        let loaded = done && is_there(&global);
        if !loaded {
            LOADING.with_borrow_mut(|all| all.retain(|(known, _)| *known != address));
        }
        loaded
    };
    (loading, loaded)
}

fn is_there(global: &str) -> bool {
    !member(&window(), global).is_undefined()
}

fn insert(address: &str, trusted: &Function) -> Promise {
    Promise::new(&mut |resolve, reject| {
        let Ok(script) = script(address, trusted) else {
            _ = reject.call0(&JsValue::NULL);
            return;
        };
        _ = script.add_event_listener_with_callback("load", &resolve);
        _ = script.add_event_listener_with_callback("error", &reject);
        call_later(&reject, PATIENCE);
    })
}

/// A new script: an old one that is still in the page may have failed before, and then says nothing any more.
fn script(address: &str, trusted: &Function) -> Result<web_sys::Element, JsValue> {
    let document = document();
    let script = document.create_element("script")?;
    let source = trusted.call1(&JsValue::NULL, &address.into())?;
    Reflect::set(&script, &"src".into(), &source)?;
    document.head().ok_or(JsValue::NULL)?.append_child(&script)?;
    Ok(script)
}
