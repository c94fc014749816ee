//! The first screen's button and what it promises.
use crate::{
    checkout::Checkout,
    model::{Event, Stage},
    words,
};
use leptos::prelude::*;
use shared::Sale;

#[component]
pub(super) fn Offer(checkout: Checkout) -> impl IntoView {
    view! {
        <div class="offer" hidden=checkout.flag(|model| !model.stage.is_offer())>
            <button
                class="button"
                part="button"
                type="button"
                data-focus="purchase"
                data-replay=""
                disabled=checkout.flag(|model| model.screen.offering.sale != Sale::Open)
                aria-busy=checkout.text(|model| (model.stage == Stage::Opening).to_string())
                on:click=move |_| checkout.send(Event::PurchasePressed)
            >
                {checkout.text(|model| words::sale(&model.screen.offering))}
            </button>
            <p class="promise" part="promise">{checkout.text(words::promise)}</p>
        </div>
    }
}
