//! Marketing's preview: every variant in every state, language and theme, knobs for what a variant may set, and what to
//! copy. It has no network code but for the funnel, and nothing in it can take money.
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

/// It runs in browsers only.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
