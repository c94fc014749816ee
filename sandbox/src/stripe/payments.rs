//! The learner's side of a payment intent: confirmation, 3-D Secure, and settlement by the bank.

use serde_json::{Value, json};

use super::{
    cards::{Behaviour, Card, Decline},
    charge::{Charge, payment_method},
    error::ApiError,
    form::Params,
    ids,
    intent::{Intent, Means, Methods, NextAction, Status},
    intents::refuse_of_checkout,
    ledger::Ledger,
    sessions,
};

/// The outcome of the learner's step at their bank, or of a late settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
}

/// Confirms with the input of the Payment Element.
pub(crate) fn confirm(ledger: &mut Ledger, id: &str, params: &Params) -> Result<Value, ApiError> {
    params.only(&[
        "payment_method_data[type]",
        "payment_method_data[card][number]",
        "payment_method_data[card][exp_month]",
        "payment_method_data[card][exp_year]",
        "payment_method_data[card][cvc]",
        "payment_method_data[billing_details][name]",
        "payment_method_data[billing_details][email]",
        "payment_method_data[billing_details][phone]",
        "payment_method_data[billing_details][address][*]",
        "return_url",
        "receipt_email",
        "expand[]",
    ])?;
    refuse_of_checkout(ledger.intent(id)?)?;
    let means = match params.required("payment_method_data[type]")? {
        "card" => {
            let part = |name: &str| params.required(name);
            Means::Card(Card::parse(
                part("payment_method_data[card][number]")?,
                part("payment_method_data[card][exp_month]")?,
                part("payment_method_data[card][exp_year]")?,
                params.get("payment_method_data[card][cvc]").unwrap_or_default(),
                ids::year_and_month(),
            )?)
        }
        "bancontact" => Means::Bank,
        "oxxo" => Means::Voucher,
        other => {
            let message = format!("Invalid payment_method_data[type]: `{other}`");
            return Err(ApiError::invalid("payment_method_data[type]", message));
        }
    };
    confirm_with(ledger, id, means, billing(params), params.get("return_url"))
}

/// Confirms with a validated payment method.
pub(crate) fn confirm_with(
    ledger: &mut Ledger,
    id: &str,
    means: Means,
    billing: Value,
    return_url: Option<&str>,
) -> Result<Value, ApiError> {
    let base_url = ledger.base_url.clone();
    let intent = ledger.intent_mut(id)?;
    if !intent.status.is_open() {
        let message = format!(
            "This PaymentIntent's status is {}, and it could not be confirmed. Only a PaymentIntent with one of the \
             following statuses may be confirmed: requires_payment_method, requires_confirmation, requires_action.",
            intent.status.as_str()
        );
        return Err(ApiError::unexpected_state(message, intent.to_json()));
    }
    let is_allowed = match (&intent.methods, &means) {
        (Methods::Automatic { allow_redirects }, Means::Bank) => *allow_redirects,
        (Methods::Automatic { .. }, Means::Card(_) | Means::Voucher) => true,
        (Methods::Listed(types), means) => types.iter().any(|name| name == means.kind()),
    };
    if !is_allowed || intent.offered.excludes(means.kind()) {
        let message = "The payment method type provided is not allowed for this PaymentIntent.".to_owned();
        return Err(ApiError::invalid("payment_method_data[type]", message));
    }
    let page = |name: &str| {
        format!(
            "{base_url}/v3/{name}.html?payment_intent={}&payment_intent_client_secret={}",
            intent.id, intent.client_secret
        )
    };
    let next_action = match &means {
        Means::Bank => match return_url {
            None => return Err(ApiError::missing_parameter("return_url")),
            Some(return_url) => {
                let mut url = url::Url::parse(&page("bank"))
                    .map_err(|error| ApiError::invalid("return_url", format!("Not a valid URL: {error}")))?;
                url.query_pairs_mut().append_pair("return_url", return_url);
                Some(NextAction::Redirect { url: url.into(), return_url: return_url.to_owned() })
            }
        },
        Means::Voucher => Some(NextAction::PayVoucher { expires_after: ids::now() + 3 * 86_400 }),
        Means::Card(card) => match card.behaviour {
            Behaviour::Challenges | Behaviour::ChallengesThenDeclines(_) => {
                Some(NextAction::Challenge { url: page("challenge") })
            }
            Behaviour::Pays
            | Behaviour::Declines(_)
            | Behaviour::SettlesLater
            | Behaviour::RefundsLater
            | Behaviour::RefundFails => None,
        },
    };
    intent.last_payment_error = None;
    intent.payment_method = Some(payment_method(ids::new_id("pm"), &means, billing, ids::now()));
    intent.means = Some(means.clone());
    if next_action.is_some() {
        intent.status = Status::RequiresAction;
        intent.next_action = next_action;
        ledger.emit_intent("payment_intent.requires_action", id);
        return ledger.intent(id).map(Intent::to_json);
    }
    charge(ledger, id)
}

/// Continues after the learner has passed or failed 3-D Secure, or the bank's page.
pub(crate) fn authenticate(ledger: &mut Ledger, id: &str, outcome: Outcome) -> Result<Value, ApiError> {
    let intent = ledger.intent_mut(id)?;
    if intent.status != Status::RequiresAction {
        let message =
            format!("This PaymentIntent's status is {}, not requires_action.", intent.status.as_str());
        return Err(ApiError::unexpected_state(message, intent.to_json()));
    }
    intent.next_action = None;
    match outcome {
        Outcome::Passed => charge(ledger, id),
        Outcome::Failed => {
            let error = ApiError::new(
                402,
                "invalid_request_error",
                Some("payment_intent_authentication_failure"),
                "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new \
                 PaymentMethod to attempt to fulfill this PaymentIntent again.",
            );
            Err(fail(ledger, id, error))
        }
    }
}

/// Settles a payment that is `processing`, or a voucher: it succeeds or fails.
pub(crate) fn settle(ledger: &mut Ledger, id: &str, outcome: Outcome) -> Result<Value, ApiError> {
    let intent = ledger.intent(id)?;
    let is_voucher = matches!(intent.next_action, Some(NextAction::PayVoucher { .. }));
    if intent.status != Status::Processing && !is_voucher {
        let message = format!("This PaymentIntent's status is {}, not processing.", intent.status.as_str());
        return Err(ApiError::unexpected_state(message, intent.to_json()));
    }
    ledger.intent_mut(id)?.next_action = None;
    match outcome {
        Outcome::Passed => succeed(ledger, id),
        Outcome::Failed => {
            let decline = Decline {
                code: "card_declined",
                decline_code: "generic_decline",
                message: "Your card was declined.",
            };
            decline_payment(ledger, id, decline).or_else(|error| match ledger.intent(id) {
                Ok(intent) => Ok(intent.to_json()),
                Err(_) => Err(error),
            })
        }
    }
}

fn charge(ledger: &mut Ledger, id: &str) -> Result<Value, ApiError> {
    let behaviour = match &ledger.intent(id)?.means {
        Some(Means::Card(card)) => card.behaviour,
        Some(Means::Bank | Means::Voucher) | None => Behaviour::Pays,
    };
    match behaviour {
        Behaviour::Pays | Behaviour::Challenges | Behaviour::RefundsLater | Behaviour::RefundFails => {
            succeed(ledger, id)
        }
        Behaviour::Declines(decline) | Behaviour::ChallengesThenDeclines(decline) => {
            decline_payment(ledger, id, decline)
        }
        Behaviour::SettlesLater => {
            ledger.intent_mut(id)?.status = Status::Processing;
            ledger.emit_intent("payment_intent.processing", id);
            sessions::follow(ledger, id)?;
            ledger.intent(id).map(Intent::to_json)
        }
    }
}

fn succeed(ledger: &mut Ledger, id: &str) -> Result<Value, ApiError> {
    let charge = add_charge(ledger, id, None)?;
    let intent = ledger.intent_mut(id)?;
    intent.status = Status::Succeeded;
    intent.amount_received = intent.amount;
    ledger.emit_charge("charge.succeeded", &charge);
    ledger.emit_intent("payment_intent.succeeded", id);
    sessions::follow(ledger, id)?;
    ledger.intent(id).map(Intent::to_json)
}

fn decline_payment(ledger: &mut Ledger, id: &str, decline: Decline) -> Result<Value, ApiError> {
    let charge = add_charge(ledger, id, Some(decline))?;
    ledger.emit_charge("charge.failed", &charge);
    let error = ApiError::new(402, "card_error", Some(decline.code), decline.message)
        .with("decline_code", json!(decline.decline_code))
        .with("charge", json!(charge));
    Err(fail(ledger, id, error))
}

/// Resets the intent to `requires_payment_method`; the error carries the method and the intent, as Stripe's does.
fn fail(ledger: &mut Ledger, id: &str, error: ApiError) -> ApiError {
    let Ok(intent) = ledger.intent_mut(id) else { return error };
    let method = intent.payment_method.take().unwrap_or_default();
    let error = error.with("payment_method", method);
    intent.status = Status::RequiresPaymentMethod;
    intent.means = None;
    intent.last_payment_error = Some(error.error().clone());
    let json = intent.to_json();
    ledger.emit_intent("payment_intent.payment_failed", id);
    match sessions::follow(ledger, id) {
        Ok(()) => error.with("payment_intent", json),
        Err(missing) => missing,
    }
}

fn add_charge(ledger: &mut Ledger, id: &str, declined: Option<Decline>) -> Result<String, ApiError> {
    let intent = ledger.intent_mut(id)?;
    let charge = Charge {
        id: ids::new_id("ch"),
        intent: intent.id.clone(),
        amount: intent.amount,
        amount_refunded: 0,
        currency: intent.currency.clone(),
        created: ids::now(),
        payment_method: intent.payment_method.clone().unwrap_or_default(),
        means: intent.means.clone().unwrap_or(Means::Bank),
        declined,
        disputed: false,
    };
    let charge_id = charge.id.clone();
    intent.latest_charge = Some(charge_id.clone());
    ledger.charges.insert(&charge_id, charge);
    Ok(charge_id)
}

fn billing(params: &Params) -> Value {
    let part = |name: &str| params.get(&format!("payment_method_data[billing_details]{name}"));
    json!({
        "name": part("[name]"), "email": part("[email]"), "phone": part("[phone]"),
        "address": {
            "city": part("[address][city]"), "country": part("[address][country]"),
            "line1": part("[address][line1]"), "line2": part("[address][line2]"),
            "postal_code": part("[address][postal_code]"), "state": part("[address][state]"),
        },
    })
}
