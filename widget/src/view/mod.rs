//! The card as a function of the model: what is sold, and below it the offer, the form or a panel.
//!
//! There are no signals and no listeners here: each event rebuilds the whole view, and Leptos changes the nodes that
//! differ. One listener handles everything that learners press, by `data-press` (`press`).
//!
//! All text comes from expressions: Leptos builds elements that contain only literals with `innerHTML`, which pages
//! that require Trusted Types refuse.
mod aria;
mod button;
#[cfg(target_arch = "wasm32")]
mod dialog;
#[cfg(target_arch = "wasm32")]
mod field;
#[cfg(target_arch = "wasm32")]
mod form;
mod offer;
#[cfg(target_arch = "wasm32")]
mod panel;
#[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "nobody presses anything on the server"))]
mod press;
#[cfg(target_arch = "wasm32")]
mod screen;

use crate::{
    model::Model,
    words::{Key, Words},
};
use leptos::prelude::*;
use offer::offer;
pub(crate) use press::Press;
#[cfg(target_arch = "wasm32")]
pub(crate) use screen::Screen;

/// The card. The server renders nothing else.
pub(crate) fn card(model: &Model, words: &Words) -> impl IntoView + use<> {
    let offering = model.screen.offering.clone();
    let dates = offering.starts_at.map(|starts_at| words.span(starts_at, offering.ends_at));
    let undated = dates.is_none();
    let seats = words.seats(model);
    let unlimited = seats.is_empty();
    view! {
        <article class="card" part="card" lang=words.say(Key::Lang) dir=words.say(Key::Dir)>
            <header class="head">
                <p class="kind" part="kind">{words.kind(offering.kind)}</p>
                <h2 class="title" part="title" tabindex="-1" data-focus="title">{offering.title}</h2>
                <p class="summary" part="summary">{offering.summary}</p>
                <p class="dates" part="dates" hidden=undated>{dates.unwrap_or_default()}</p>
            </header>
            <div class="terms">
                <p class="price" part="price">{words.price(model)}</p>
                <p class="seats" part="seats" hidden=unlimited>{seats}</p>
            </div>
            {offer(model, words)}
            <div class="stage"></div>
            <p class="spoken" role="status">{words.status(model)}</p>
        </article>
    }
}
