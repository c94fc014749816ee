//! The checkout element: a Leptos view rendered by the server and hydrated in a shadow root.
mod dates;
#[cfg_attr(
    not(any(target_arch = "wasm32", test)),
    expect(dead_code, reason = "the server renders where the machine starts; only a page runs it")
)]
mod model;
mod speech;
mod view;
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(dead_code, reason = "the server renders the first screen only")
)]
mod words;

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
mod checkout;
#[cfg(target_arch = "wasm32")]
mod kept;
#[cfg(target_arch = "wasm32")]
mod platform;
#[cfg(target_arch = "wasm32")]
mod shell;

#[cfg(all(target_arch = "wasm32", feature = "mount"))]
pub use browser::mount;
#[cfg(target_arch = "wasm32")]
pub use browser::{Handle, hydrate, kept_purchase};
#[cfg(target_arch = "wasm32")]
pub use speech::Speech;
#[cfg(not(target_arch = "wasm32"))]
mod server;
#[cfg(not(target_arch = "wasm32"))]
pub use server::{LOADER, STYLES, first_screen_html};
#[cfg(not(target_arch = "wasm32"))]
pub use words::{Loader, Locale, Locales, locales};
