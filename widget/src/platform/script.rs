//! Third-party scripts: each is loaded once per page, and forgotten if it fails, so that the next call tries again.
use super::dom::{is_there, load_script};
use js_sys::{Function, Promise};
use std::cell::RefCell;
use wasm_bindgen::JsValue;

/// Timeout for loading a script, in milliseconds.
const LOAD_TIMEOUT: u32 = 20_000;

thread_local! {
    static LOADING: RefCell<Vec<(String, Promise)>> = const { RefCell::new(Vec::new()) };
}

/// Loads the script at `address`, which defines a `global`. `trusted` turns a URL into a value that Trusted Types
/// accept. Once the promise has settled, the function that comes with it says whether the global is there.
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
        let new = load_script(address, trusted, LOAD_TIMEOUT);
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
