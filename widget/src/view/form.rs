//! Email, a coupon's code, Stripe's payment form through a slot, and the pay button.
use super::{
    Press,
    button::{BUTTON_PART, Button, QUIET_PART, button},
    field::{Field, field},
};
use crate::{
    model::{Model, Note, Stage, Step},
    words::{Key, Words},
};
use leptos::prelude::*;

/// The slot through which the payment form shows.
const SLOT: &str = "payment";
/// The slot through which a challenge shows.
const CHALLENGE: &str = "challenge";

/// If only a code can open a purchase, the form shows nothing but its field.
pub(super) fn form(model: &Model, words: &Words) -> impl Render + use<> {
    let seatless = model.asks_for_seat();
    let busy = is_busy(model);
    // The button keeps the focus while it applies the code.
    let applying = matches!(model.stage, Stage::Opening | Stage::Paying(Step::Applying));
    let redeem = Button {
        hidden: model.team.is_some(),
        disabled: busy && !applying,
        busy: applying,
        ..Button::new(Press::Redeem, words.redeem(model))
    };
    let team = Button {
        hidden: !model.may_buy_for_team(),
        disabled: busy,
        ..Button::new(Press::Team, words.team(model))
    };
    let extend = Button { hidden: !model.may_extend(), ..Button::new(Press::Extend, words.say(Key::Extend)) };
    let pay = Button { hidden: seatless, busy, ..Button::new(Press::Pay, words.pay(model)) };
    let cancel =
        Button { hidden: seatless, disabled: busy, ..Button::new(Press::Cancel, words.say(Key::Cancel)) };
    view! {
        <form class="form" part="form" novalidate=true>
            <p class="held" part="held">{words.held(model)}</p>
            {button(QUIET_PART, extend)}
            {field(email(model, words))}
            {field(code(model, words))}
            {button(QUIET_PART, redeem)}
            {field(places(model, words))}
            {button(QUIET_PART, team)}
            {slot(SLOT, seatless || model.due().amount == 0, busy)}
            <p class="note" part="note" role="alert" tabindex="-1" data-focus="note">
                {words.note(model)}
            </p>
            {slot(CHALLENGE, !matches!(model.stage, Stage::Form { note: Some(Note::Challenge) }), busy)}
            <p class="sums" part="sums">{words.sums(model)}</p>
            <div class="pay" data-total=words.price(model)>{button(BUTTON_PART, pay)}</div>
            {button(QUIET_PART, cancel)}
        </form>
    }
}

fn email(model: &Model, words: &Words) -> Field {
    Field {
        id: "email",
        lines: ["email-fault", "email-hint"],
        described_by: "email-fault email-hint",
        required: true,
        label: words.say(Key::Email),
        kind: "email",
        autocomplete: "email",
        typed: model.email.clone(),
        fault: words.fault(model),
        hint: words.email_hint(model),
        hidden: model.asks_for_seat(),
        readonly: is_busy(model) || model.signed_in,
    }
}

fn code(model: &Model, words: &Words) -> Field {
    Field {
        id: "code",
        lines: ["code-fault", "code-hint"],
        described_by: "code-fault",
        required: false,
        label: words.say(Key::Code),
        kind: "text",
        autocomplete: "off",
        typed: model.code().unwrap_or_default().to_owned(),
        fault: words.code_fault(model),
        hint: String::new(),
        hidden: model.code().is_none(),
        readonly: is_busy(model),
    }
}

fn places(model: &Model, words: &Words) -> Field {
    Field {
        id: "places",
        lines: ["places-fault", "places-hint"],
        described_by: "places-fault places-hint",
        required: false,
        label: words.say(Key::Places),
        kind: "number",
        autocomplete: "off",
        typed: model.places().unwrap_or_default().to_owned(),
        fault: words.places_fault(model),
        hint: words.places(Key::PlacesHint, model),
        hidden: model.places().is_none(),
        readonly: is_busy(model),
    }
}

const fn is_busy(model: &Model) -> bool {
    matches!(model.stage, Stage::Opening | Stage::Paying(_))
}

/// A slot through which something in the page's own document shows.
fn slot(name: &'static str, hidden: bool, inert: bool) -> impl IntoView {
    view! { <div class=name hidden=hidden inert=inert><slot name=name></slot></div> }
}
