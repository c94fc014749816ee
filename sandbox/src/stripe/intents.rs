//! The merchant's operations on payment intents: create, update, retrieve, list and cancel.

use serde_json::Value;

use super::{
    error::ApiError,
    form::Params,
    ids,
    intent::{Intent, Methods, Status},
    ledger::Ledger,
    list::page,
    offered::Offered,
};

const KNOWN_METHODS: &[&str] = &["card", "link", "bancontact"];

/// Creates an intent.
pub(crate) fn create(ledger: &mut Ledger, params: &Params) -> Result<Value, ApiError> {
    params.only(&[
        "amount",
        "currency",
        "automatic_payment_methods[enabled]",
        "automatic_payment_methods[allow_redirects]",
        "payment_method_types[]",
        "excluded_payment_method_types[]",
        "payment_method_configuration",
        "capture_method",
        "confirmation_method",
        "description",
        "metadata[*]",
        "receipt_email",
        "statement_descriptor_suffix",
        "expand[]",
    ])?;
    params.required("amount")?;
    let amount = params.integer("amount")?.unwrap_or_default();
    let currency = params.required("currency")?.to_owned();
    ledger.may_charge(amount, &currency)?;
    params.one_of("capture_method", &["automatic", "automatic_async"])?;
    params.one_of("confirmation_method", &["automatic"])?;
    let expand = expansions(params)?;
    let id = ids::new_id("pi");
    let mut intent = Intent {
        client_secret: ids::new_secret(&id),
        amount,
        currency,
        created: ids::now(),
        status: Status::RequiresPaymentMethod,
        methods: methods(params)?,
        offered: Offered::of(params),
        metadata: params.metadata()?,
        description: None,
        receipt_email: None,
        statement_descriptor_suffix: None,
        amount_received: 0,
        canceled_at: None,
        cancellation_reason: None,
        last_payment_error: None,
        latest_charge: None,
        payment_method: None,
        next_action: None,
        means: None,
        session: None,
        id: id.clone(),
    };
    intent.metadata.retain(|_, value| !value.is_empty());
    set_texts(&mut intent, params)?;
    ledger.intents.insert(&id, intent);
    ledger.emit_intent("payment_intent.created", &id);
    expanded(ledger, &id, &expand)
}

/// Updates an intent; its amount, currency and payment method types only while it is open.
pub(crate) fn update(ledger: &mut Ledger, id: &str, params: &Params) -> Result<Value, ApiError> {
    params.only(&[
        "amount",
        "currency",
        "description",
        "metadata[*]",
        "receipt_email",
        "statement_descriptor_suffix",
        "payment_method_types[]",
        "excluded_payment_method_types[]",
        "expand[]",
    ])?;
    let amount = params.integer("amount")?;
    let currency = params.get("currency").map(str::to_owned);
    let metadata = params.metadata()?;
    let types = params.list("payment_method_types");
    let expand = expansions(params)?;
    let intent = ledger.intent(id)?;
    refuse_of_checkout(intent)?;
    let what = match (amount.is_some(), currency.is_some(), types.is_empty()) {
        (true, _, _) => Some("amount"),
        (false, true, _) => Some("currency"),
        (false, false, false) => Some("payment_method_types"),
        (false, false, true) => None,
    };
    if let Some(what) = what
        && !intent.status.is_open()
    {
        let message = format!(
            "This PaymentIntent's {what} could not be updated because it has a status of {}. You may only update the \
             {what} of a PaymentIntent with one of the following statuses: requires_payment_method, \
             requires_confirmation, requires_action.",
            intent.status.as_str()
        );
        return Err(ApiError::unexpected_state(message, intent.to_json()));
    }
    ledger.may_charge(amount.unwrap_or(intent.amount), currency.as_ref().unwrap_or(&intent.currency))?;
    let listed = if types.is_empty() { None } else { Some(methods(params)?) };
    let mut changed = intent.clone();
    set_texts(&mut changed, params)?;
    changed.methods = listed.unwrap_or(changed.methods);
    changed.offered = changed.offered.updated(params);
    changed.currency = currency.unwrap_or(changed.currency);
    if amount.is_some_and(|amount| amount != changed.amount) && changed.status == Status::RequiresAction {
        // The bank was asked about the old amount.
        changed.status = Status::RequiresConfirmation;
        changed.next_action = None;
        changed.means = None;
    }
    changed.amount = amount.unwrap_or(changed.amount);
    if params.get("metadata") == Some("") {
        changed.metadata.clear();
    }
    changed.metadata.extend(metadata);
    changed.metadata.retain(|_, value| !value.is_empty());
    *ledger.intent_mut(id)? = changed;
    expanded(ledger, id, &expand)
}

/// Retrieves an intent.
pub(crate) fn retrieve(ledger: &Ledger, id: &str, params: &Params) -> Result<Value, ApiError> {
    params.only(&["client_secret", "expand[]"])?;
    let expand = expansions(params)?;
    expanded(ledger, id, &expand)
}

/// Lists intents, newest first.
pub(crate) fn list(ledger: &Ledger, params: &Params) -> Result<Value, ApiError> {
    params.only(&["limit", "starting_after", "ending_before", "created[*]", "expand[]"])?;
    let rows =
        ledger.intents.iter().rev().map(|intent| (intent.id.as_str(), intent.created, intent.to_json()));
    page(rows, params, "/v1/payment_intents")
}

/// Cancels an open intent; refuses once the money is moving or has moved.
pub(crate) fn cancel(ledger: &mut Ledger, id: &str, params: &Params) -> Result<Value, ApiError> {
    params.only(&["cancellation_reason", "expand[]"])?;
    let reasons = ["duplicate", "fraudulent", "requested_by_customer", "abandoned"];
    let reason = params.one_of("cancellation_reason", &reasons)?;
    let intent = ledger.intent_mut(id)?;
    refuse_of_checkout(intent)?;
    if !intent.status.is_open() {
        let message = format!(
            "You cannot cancel this PaymentIntent because it has a status of {}. Only a PaymentIntent with one of the \
             following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, \
             requires_action.",
            intent.status.as_str()
        );
        return Err(ApiError::unexpected_state(message, intent.to_json()));
    }
    end(ledger, id, reason)
}

/// Cancels an intent that the caller has found open.
pub(crate) fn end(ledger: &mut Ledger, id: &str, reason: Option<String>) -> Result<Value, ApiError> {
    let intent = ledger.intent_mut(id)?;
    intent.status = Status::Canceled;
    intent.canceled_at = Some(ids::now());
    intent.cancellation_reason = reason;
    intent.next_action = None;
    intent.means = None;
    let json = intent.to_json();
    ledger.emit("payment_intent.canceled", json.clone());
    Ok(json)
}

/// Refuses intents created by Checkout: only Stripe's page changes them, and a merchant can only expire the session.
pub(crate) fn refuse_of_checkout(intent: &Intent) -> Result<(), ApiError> {
    if intent.session.is_none() {
        return Ok(());
    }
    let message = "You cannot perform this action on PaymentIntents created by Checkout.";
    Err(ApiError::new(400, "invalid_request_error", None, message))
}

fn methods(params: &Params) -> Result<Methods, ApiError> {
    let listed = params.list("payment_method_types");
    let enabled = params.boolean("automatic_payment_methods[enabled]")?;
    let redirects = params.one_of("automatic_payment_methods[allow_redirects]", &["always", "never"])?;
    if redirects.is_some() && enabled.is_none() {
        return Err(ApiError::missing_parameter("automatic_payment_methods[enabled]"));
    }
    if !listed.is_empty() && enabled == Some(true) {
        let message =
            "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.";
        return Err(ApiError::invalid("payment_method_types", message.to_owned()));
    }
    if let Some(unknown) = listed.iter().find(|name| !KNOWN_METHODS.contains(name)) {
        let message = format!("The payment method type provided: {unknown} is invalid.");
        return Err(ApiError::invalid("payment_method_types", message));
    }
    Ok(match (listed.is_empty(), enabled) {
        (false, _) => Methods::Listed(listed.into_iter().map(str::to_owned).collect()),
        (true, Some(false)) => Methods::Listed(vec!["card".to_owned()]),
        // The default since API version 2023-08-16.
        (true, Some(true) | None) => {
            Methods::Automatic { allow_redirects: redirects.as_deref() != Some("never") }
        }
    })
}

fn set_texts(intent: &mut Intent, params: &Params) -> Result<(), ApiError> {
    let text =
        |name: &str| params.get(name).map(|value| Some(value.to_owned()).filter(|text| !text.is_empty()));
    if let Some(description) = text("description") {
        intent.description = description;
    }
    if let Some(email) = text("receipt_email") {
        if email.as_ref().is_some_and(|email| !email.contains('@')) {
            let message = format!("Invalid email address: {}", email.unwrap_or_default());
            return Err(ApiError::request("email_invalid", "receipt_email", message));
        }
        intent.receipt_email = email;
    }
    if let Some(suffix) = text("statement_descriptor_suffix") {
        if suffix.as_ref().is_some_and(|suffix| suffix.chars().count() > 22) {
            let message = "The statement descriptor suffix can't be longer than 22 characters.".to_owned();
            return Err(ApiError::invalid("statement_descriptor_suffix", message));
        }
        intent.statement_descriptor_suffix = suffix;
    }
    Ok(())
}

fn expansions(params: &Params) -> Result<Vec<String>, ApiError> {
    let wanted = params.list("expand");
    match wanted.iter().find(|name| !["latest_charge", "payment_method"].contains(name)) {
        Some(name) => Err(ApiError::invalid("expand", format!("This property cannot be expanded ({name})."))),
        None => Ok(wanted.into_iter().map(str::to_owned).collect()),
    }
}

fn expanded(ledger: &Ledger, id: &str, expand: &[String]) -> Result<Value, ApiError> {
    let intent = ledger.intent(id)?;
    let mut json = intent.to_json();
    for name in expand {
        match (name.as_str(), &intent.latest_charge) {
            ("latest_charge", Some(charge)) => {
                json["latest_charge"] =
                    ledger.charges.get(charge).map_or(Value::Null, |charge| charge.to_json());
            }
            ("payment_method", _) => {
                json["payment_method"] = intent.payment_method.clone().unwrap_or_default()
            }
            _ => {}
        }
    }
    Ok(json)
}
