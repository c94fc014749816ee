//! What the server takes from here: the first screen, the styles and the loader.
use crate::{model::Model, view::card, words::Locale};
use leptos::prelude::*;
use shared::Screen;

/// The loader's source. `"__CSS__"`, quotes included, stands for a string literal that the server puts in.
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
pub fn first_screen_html(screen: Screen, locale: &Locale) -> String {
    card(&Model::new(screen), locale.words()).to_html()
}
