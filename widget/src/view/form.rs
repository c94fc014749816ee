//! Email, Stripe's payment form through a slot, and the pay button.
use crate::{
    checkout::Checkout,
    model::{Event, Note, Stage},
    words,
};
use leptos::{ev::SubmitEvent, prelude::*};

/// Where the payment form shows through.
const SLOT: &str = "payment";
/// Where a challenge does.
const CHALLENGE: &str = "challenge";

#[component]
pub(super) fn Form(checkout: Checkout) -> impl IntoView {
    let busy = checkout.flag(|model| matches!(model.stage, Stage::Paying(_)));
    let pay = move |event: SubmitEvent| {
        event.prevent_default();
        checkout.send(Event::PayPressed);
    };
    view! {
        <form class="form" part="form" novalidate=true on:submit=pay>
            <p class="sums">{checkout.text(words::sums)}</p>
            <p class="held" part="held">{checkout.text(words::held)}</p>
            <div class="field">
                <label class="label" for="email">{words::EMAIL}</label>
                <input
                    class="input"
                    part="input"
                    id="email"
                    name="email"
                    type="email"
                    inputmode="email"
                    autocomplete="email"
                    autocapitalize="off"
                    spellcheck="false"
                    required=true
                    aria-describedby="email-fault email-hint"
                    aria-invalid=checkout.text(|model| (!words::fault(model).is_empty()).to_string())
                    data-focus="email"
                    readonly=busy
                    prop:value=checkout.text(|model| model.email.clone())
                    on:input=move |event| checkout.send(Event::EmailTyped(event_target_value(&event)))
                />
                <p class="fault" id="email-fault">{checkout.text(words::fault)}</p>
                <p class="hint" id="email-hint">{words::EMAIL_HINT}</p>
            </div>
            <div class="payment" hidden=checkout.flag(|model| model.due().amount == 0) inert=busy>
                <slot name={SLOT}></slot>
            </div>
            <p class="note" part="note" role="alert" tabindex="-1" data-focus="note">
                {checkout.text(words::note)}
            </p>
            <div
                class="challenge"
                hidden=checkout.flag(|model| model.stage != Stage::Form { note: Some(Note::Challenge) })
            >
                <slot name={CHALLENGE}></slot>
            </div>
            <button
                class="button"
                part="button"
                type="submit"
                aria-busy=checkout.text(|model| matches!(model.stage, Stage::Paying(_)).to_string())
            >
                {checkout.text(words::pay)}
            </button>
            <button
                class="quiet"
                part="quiet"
                type="button"
                disabled=busy
                on:click=move |_| checkout.send(Event::CancelPressed)
            >
                {words::CANCEL}
            </button>
        </form>
    }
}
