//! The server's part of this crate: the first screen.
use crate::{model::Model, view::card, words::Locale};
use leptos::prelude::*;
use shared::Screen;

/// The HTML of the first screen, for insertion into `<div class="main">`.
#[must_use]
pub fn first_screen_html(screen: Screen, locale: &Locale) -> String {
    card(&Model::new(screen), locale.words()).to_html()
}
