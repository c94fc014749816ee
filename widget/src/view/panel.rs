//! The panel in place of the form: progress, success, an end or a failure, each with a next step.
use super::{
    Press,
    button::{BUTTON_PART, Button, QUIET_PART, button},
};
use crate::text::concat;
use crate::{
    model::{Failure, Model, Stage},
    words::{self, Key, PanelAction, Words},
};
use leptos::{attr::custom::custom_attribute, prelude::*};

pub(super) fn panel(model: &Model, words: &Words) -> impl Render + use<> {
    let words::Panel { tone, heading, text, action } = words.panel(model);
    let press = match action {
        PanelAction::TryAgain(_) => Press::TryAgain,
        PanelAction::StartAgain(_) => Press::StartAgain,
        PanelAction::Wait | PanelAction::Go(..) => Press::Nothing,
    };
    let (label, link_label, address) = action.parts();
    let reference = model.purchase.as_ref().map(|purchase| purchase.reference.clone()).unwrap_or_default();
    let hosted = concat(&[&model.screen.api, "/buy/", &model.screen.offering.sku]);
    let works = !matches!(model.stage, Stage::Failed(Failure::Stripe));
    let back = Button {
        hidden: !matches!(model.stage, Stage::Failed(_)),
        ..Button::new(Press::StartAgain, words.say(Key::Back))
    };
    // With the dialog closed, no title is shown above this heading.
    let level = if model.screen.dialog && !model.is_dialog_open() { "2" } else { "3" };
    view! {
        <section class="panel" part="panel" data-tone=tone.name()>
            <h3 class="heading" part="heading" tabindex="-1" data-focus="heading" {..custom_attribute("aria-level", level)}>{heading}</h3>
            <p class="text">{text}</p>
            <p class="reference">{reference}</p>
            {button(BUTTON_PART, Button::new(press, label))}
            {link(BUTTON_PART, link_label, address, false)}
            {link(QUIET_PART, words.say(Key::Hosted), hosted, works)}
            {button(QUIET_PART, back)}
        </section>
    }
}

fn link(part: &'static str, label: String, address: String, hidden: bool) -> impl IntoView {
    view! { <a class=part part=part href=address hidden=hidden>{label}</a> }
}
