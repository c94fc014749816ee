//! What is said in place of the form: progress, success, an end or a failure, each with a way on.
use crate::{
    checkout::Checkout,
    model::{Event, Failure, Model, Stage},
    words::{self, Way},
};
use leptos::prelude::*;

#[component]
pub(super) fn Panel(checkout: Checkout) -> impl IntoView {
    let press = move |_| match checkout.read(words::panel).way {
        Way::TryAgain(_) => checkout.send(Event::TryAgainPressed),
        Way::StartAgain(_) => checkout.send(Event::StartAgainPressed),
        Way::Wait | Way::Go(..) => {}
    };
    let hosted = checkout.read(|model| [&model.screen.api, "/buy/", &model.screen.offering.sku].concat());
    view! {
        <section
            class="panel"
            part="panel"
            data-tone=checkout.text(|model| words::panel(model).tone.name().to_owned())
        >
            <h3 class="heading" part="heading" tabindex="-1" data-focus="heading">
                {checkout.text(|model| words::panel(model).heading.to_owned())}
            </h3>
            <p class="text">{checkout.text(|model| words::panel(model).text)}</p>
            <p class="reference">{checkout.text(reference)}</p>
            <button class="button" part="button" type="button" on:click=press>
                {checkout.text(|model| words::panel(model).way.button().to_owned())}
            </button>
            <a class="button" part="button" href=checkout.text(|model| words::panel(model).way.link().1)>
                {checkout.text(|model| words::panel(model).way.link().0.to_owned())}
            </a>
            <a class="quiet" part="quiet" href=hosted hidden=checkout.flag(is_stripe_there)>{words::HOSTED}</a>
            <button
                class="quiet"
                part="quiet"
                type="button"
                hidden=checkout.flag(|model| !matches!(model.stage, Stage::Failed(_)))
                on:click=move |_| checkout.send(Event::StartAgainPressed)
            >
                {words::BACK}
            </button>
        </section>
    }
}

fn reference(model: &Model) -> String {
    model.purchase.as_ref().map(|purchase| purchase.reference.clone()).unwrap_or_default()
}

fn is_stripe_there(model: &Model) -> bool {
    model.stage != Stage::Failed(Failure::Stripe)
}
