//! Numbers, dates and plurals in the learner's language: by the browser's `Intl` on the page, and by the locale's own
//! patterns on the server, which writes the first screen.
#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(not(target_arch = "wasm32"))]
mod server;

#[cfg(target_arch = "wasm32")]
pub use browser::Speech;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use server::{Format, Speech};
