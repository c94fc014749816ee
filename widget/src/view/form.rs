//! Email, Stripe's payment form through a slot, and the pay button.
use super::{Press, offer::said};
use crate::{
    model::{Model, Note, Stage},
    words::{Key, Words},
};
use leptos::prelude::*;

/// Where the payment form shows through.
const SLOT: &str = "payment";
/// Where a challenge does.
const CHALLENGE: &str = "challenge";

pub(super) fn form(model: &Model, words: &Words) -> impl Render + use<> {
    let busy = matches!(model.stage, Stage::Paying(_));
    let fault = words.fault(model);
    view! {
        <form class="form" part="form" novalidate=true>
            <p class="sums">{words.sums(model)}</p>
            <p class="held" part="held">{words.held(model)}</p>
            <div class="field">
                <label class="label" for="email">{words.say(Key::Email)}</label>
                <input
                    class="input"
                    part="input"
                    id="email"
                    name="email"
                    type="email"
                    inputmode="email"
                    dir="ltr"
                    autocomplete="email"
                    autocapitalize="off"
                    spellcheck="false"
                    required=true
                    aria-describedby="email-fault email-hint"
                    aria-invalid=said(!fault.is_empty())
                    data-focus="email"
                    readonly=busy
                    value=model.email.clone()
                />
                <p class="fault" id="email-fault">{fault}</p>
                <p class="hint" id="email-hint">{words.say(Key::EmailHint)}</p>
            </div>
            <div class="payment" hidden=model.due().amount == 0 inert=busy>
                <slot name=SLOT></slot>
            </div>
            <p class="note" part="note" role="alert" tabindex="-1" data-focus="note">
                {words.note(model)}
            </p>
            <div
                class="challenge"
                hidden=model.stage != Stage::Form { note: Some(Note::Challenge) }
            >
                <slot name=CHALLENGE></slot>
            </div>
            <button class="button" part="button" type="submit" aria-busy=said(busy)>
                {words.pay(model)}
            </button>
            <button class="quiet" part="quiet" type="button" disabled=busy data-press=Press::Cancel.name()>
                {words.say(Key::Cancel)}
            </button>
        </form>
    }
}
