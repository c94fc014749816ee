//! The checkout element: a Leptos view rendered by the server and hydrated in a shadow root.
#![cfg_attr(
    any(feature = "preview", not(target_arch = "wasm32"), test),
    allow(clippy::disallowed_macros, reason = "the server and the preview may format")
)]
mod dates;
#[cfg_attr(
    any(feature = "preview", not(any(target_arch = "wasm32", test))),
    allow(
        dead_code,
        reason = "the server renders where the machine starts, a preview where it may be; only a page runs it"
    )
)]
mod model;
mod speech;
mod text;
#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
pub mod variants;
#[cfg_attr(feature = "preview", allow(dead_code, reason = "nobody presses anything in a preview"))]
mod view;
#[cfg_attr(
    any(feature = "preview", not(target_arch = "wasm32")),
    allow(dead_code, reason = "the server renders the first screen only, and a preview its own few pages")
)]
mod words;

/// A tenth of the size of Rust's default allocator, and a page allocates little.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());

#[cfg(all(target_arch = "wasm32", not(feature = "preview")))]
mod browser;
#[cfg(all(target_arch = "wasm32", not(feature = "preview")))]
mod checkout;
#[cfg(all(target_arch = "wasm32", not(feature = "preview")))]
mod kept;
#[cfg(target_arch = "wasm32")]
#[cfg_attr(feature = "preview", allow(dead_code, reason = "nothing is sent from a preview"))]
mod platform;

/// Marketing's preview: the same views, with nothing behind them that could take money.
#[cfg(all(target_arch = "wasm32", feature = "preview"))]
pub mod preview;

#[cfg(all(target_arch = "wasm32", feature = "mount", not(feature = "preview")))]
pub use browser::mount;
#[cfg(all(target_arch = "wasm32", not(feature = "preview")))]
pub use browser::{Handle, hydrate, kept_purchase};
#[cfg(all(target_arch = "wasm32", not(feature = "preview")))]
pub use speech::Speech;
#[cfg(not(target_arch = "wasm32"))]
mod server;
#[cfg(not(target_arch = "wasm32"))]
pub use server::first_screen_html;
#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
pub use variants::{Variant, variants};
#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
pub use words::{Letters, Loader, Locale, Locales, Pages, SharedWord, Team, locales};
