//! Marketing's preview: every variant in every state, language and theme, with knobs for what a variant may set, and
//! snippets to copy. Only the funnel has network code, and nothing here can take money.
#![allow(clippy::disallowed_macros, reason = "the preview may format")]
#![cfg_attr(target_arch = "wasm32", expect(unreachable_pub, reason = "what Leptos makes of a component"))]

#[cfg(target_arch = "wasm32")]
mod app;
#[cfg(target_arch = "wasm32")]
mod copy;
#[cfg(target_arch = "wasm32")]
mod funnel;
#[cfg(target_arch = "wasm32")]
mod knobs;
#[cfg(target_arch = "wasm32")]
mod setting;
#[cfg(target_arch = "wasm32")]
mod stage;

#[cfg(target_arch = "wasm32")]
fn main() {
    leptos::mount::mount_to_body(app::App);
}

/// The preview only runs in browsers.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
