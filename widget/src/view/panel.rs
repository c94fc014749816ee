//! What is said in place of the form: progress, success, an end or a failure, each with a way on.
use super::Press;
use crate::{
    model::{Failure, Model, Stage},
    words::{self, Key, Way, Words},
};
use leptos::prelude::*;

pub(super) fn panel(model: &Model, words: &Words) -> impl Render + use<> {
    let words::Panel { tone, heading, text, way } = words.panel(model);
    let press = match way {
        Way::TryAgain(_) => Press::TryAgain,
        Way::StartAgain(_) => Press::StartAgain,
        Way::Wait | Way::Go(..) => Press::Nothing,
    };
    let (button, link, address) = way.parts();
    let reference = model.purchase.as_ref().map(|purchase| purchase.reference.clone()).unwrap_or_default();
    let hosted = [&model.screen.api, "/buy/", &model.screen.offering.sku].concat();
    view! {
        <section class="panel" part="panel" data-tone=tone.name()>
            <h3 class="heading" part="heading" tabindex="-1" data-focus="heading">{heading}</h3>
            <p class="text">{text}</p>
            <p class="reference">{reference}</p>
            <button class="button" part="button" type="button" data-press=press.name()>{button}</button>
            <a class="button" part="button" href=address>{link}</a>
            <a
                class="quiet"
                part="quiet"
                href=hosted
                hidden=model.stage != Stage::Failed(Failure::Stripe)
            >
                {words.say(Key::Hosted)}
            </a>
            <button
                class="quiet"
                part="quiet"
                type="button"
                hidden=!matches!(model.stage, Stage::Failed(_))
                data-press=Press::StartAgain.name()
            >
                {words.say(Key::Back)}
            </button>
        </section>
    }
}
