//! Numbers, dates and plurals in the learner's language: with the browser's `Intl` on the page, and with the locale's
//! own patterns on the server, which renders the first screen.
#[cfg(all(target_arch = "wasm32", not(feature = "preview")))]
mod browser;
#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
mod server;

#[cfg(all(target_arch = "wasm32", not(feature = "preview")))]
pub use browser::Speech;
#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
pub(crate) use server::{Format, Speech};
