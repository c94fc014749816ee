//! What the server takes from here: the first screen, the styles and the loader.
use crate::{checkout::Checkout, model::Model, view::Card};
use leptos::prelude::*;
use shared::Screen;

/// The loader's source. `"__CSS__"`, `"__GLUE__"`, `"__WASM__"` and `"__BUILD__"`, quotes included, stand for string
/// literals that the server puts in.
pub const LOADER: &str = include_str!("../loader.js");

/// All styles, in the order that they apply.
pub const STYLES: &str = concat!(
    include_str!("../../style/tokens.css"),
    include_str!("../../style/host.css"),
    include_str!("../../style/card.css"),
    include_str!("../../style/button.css"),
    include_str!("../../style/form.css"),
    include_str!("../../style/panel.css"),
    include_str!("../../style/modes.css"),
);

/// The HTML of the first screen, to be put inside `<main>`.
#[must_use]
pub fn first_screen_html(screen: Screen) -> String {
    let owner = Owner::new();
    let html = owner.with(|| {
        let checkout = Checkout::new(Model::new(screen));
        view! { <Card checkout/> }.to_html()
    });
    owner.unset_with_forced_cleanup();
    html
}
