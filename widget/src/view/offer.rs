//! The first screen's button and what it promises.
use super::Press;
use crate::{
    model::{Model, Stage},
    words::Words,
};
use leptos::prelude::*;
use shared::Sale;

pub(super) fn offer(model: &Model, words: &Words) -> impl IntoView + use<> {
    view! {
        <div class="offer" hidden=!model.stage.is_offer()>
            <button
                class="button"
                part="button"
                type="button"
                data-focus="purchase"
                data-press=Press::Purchase.name()
                disabled=model.stage.is_offer() && model.screen.offering.sale != Sale::Open
                aria-busy=said(model.stage == Stage::Opening)
            >
                {words.sale(&model.screen.offering)}
            </button>
            <p class="promise" part="promise">{words.promise(model)}</p>
        </div>
    }
}

/// As ARIA's attributes say it.
pub(super) const fn said(is_so: bool) -> &'static str {
    if is_so { "true" } else { "false" }
}
