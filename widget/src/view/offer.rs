//! The first screen's button and what it promises.
use super::{
    Press,
    button::{BUTTON_PART, Button, button},
};
use crate::{
    model::{Model, Stage},
    words::Words,
};
use leptos::prelude::*;
use shared::Sale;

pub(super) fn offer(model: &Model, words: &Words) -> impl IntoView + use<> {
    let purchase = Button {
        disabled: model.stage.is_offer()
            && model.screen.offering.sale != Sale::Open
            && model.purchase.is_none(),
        busy: matches!(model.stage, Stage::Opening),
        ..Button::new(Press::Purchase, words.offer(model))
    };
    view! {
        <div class="offer" hidden=!model.stage.is_offer()>
            {button(BUTTON_PART, purchase)}
            <p class="promise" part="promise">{words.promise(model)}</p>
        </div>
    }
}
