//! Which ways to pay Stripe offers, said in the same way for intents, its page and its form.
use crate::purchase::PaymentMethods;
use serde_json::{Value, json};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionExcludedPaymentMethodTypes,
};
use stripe_core::PaymentIntentExcludedPaymentMethodTypes;
use stripe_core::payment_intent::CreatePaymentIntent;

/// What settles hours or days later: vouchers, transfers and debits
/// (<https://docs.stripe.com/payments/payment-methods#payment-notification>).
const DELAYED: [&str; 13] = [
    "acss_debit",
    "au_becs_debit",
    "bacs_debit",
    "boleto",
    "customer_balance",
    "konbini",
    "multibanco",
    "nz_bank_account",
    "oxxo",
    "payto",
    "sepa_debit",
    "sofort",
    "us_bank_account",
];

pub(super) fn of_intent(request: CreatePaymentIntent, offered: &PaymentMethods) -> CreatePaymentIntent {
    let request = match &offered.configuration {
        Some(configuration) => request.payment_method_configuration(configuration.as_str()),
        None => request,
    };
    if offered.delayed {
        return request;
    }
    let excluded = DELAYED.map(|name| match name.parse::<PaymentIntentExcludedPaymentMethodTypes>() {
        Ok(kind) => kind,
        Err(never) => match never {},
    });
    request.excluded_payment_method_types(excluded)
}

pub(super) fn of_session(request: CreateCheckoutSession, offered: &PaymentMethods) -> CreateCheckoutSession {
    let request = match &offered.configuration {
        Some(configuration) => request.payment_method_configuration(configuration.as_str()),
        None => request,
    };
    if offered.delayed {
        return request;
    }
    let excluded =
        DELAYED.map(|name| match name.parse::<CreateCheckoutSessionExcludedPaymentMethodTypes>() {
            Ok(kind) => kind,
            Err(never) => match never {},
        });
    request.excluded_payment_method_types(excluded)
}

/// Options of `stripe.elements()` that make the form offer the same
/// (<https://docs.stripe.com/js/elements_object/create_without_intent>).
#[must_use]
pub fn form_options(offered: &PaymentMethods) -> Value {
    let mut options = json!({});
    if let Some(configuration) = &offered.configuration {
        options["paymentMethodConfiguration"] = json!(configuration);
    }
    if !offered.delayed {
        options["excludedPaymentMethodTypes"] = json!(DELAYED);
    }
    options
}
