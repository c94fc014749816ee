//! The checkout element: a Leptos view rendered by the server and hydrated in a shadow root.
mod dates;
#[cfg_attr(
    not(any(target_arch = "wasm32", test)),
    expect(dead_code, reason = "the server renders where the machine starts; only a page runs it")
)]
mod model;
mod speech;
#[cfg(not(target_arch = "wasm32"))]
pub mod variants;
mod view;
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(dead_code, reason = "the server renders the first screen only")
)]
mod words;

/// A tenth of the size of Rust's own, and a page allocates little.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());

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
pub use server::first_screen_html;
#[cfg(not(target_arch = "wasm32"))]
pub use variants::{Variant, variants};
#[cfg(not(target_arch = "wasm32"))]
pub use words::{Loader, Locale, Locales, Pages, SharedWord, locales};
