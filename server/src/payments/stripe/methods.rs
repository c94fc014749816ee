//! Applies the same choice of payment methods to intents, Checkout Sessions and the Payment Element.
use crate::purchase::PaymentMethods;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::str::FromStr;
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionExcludedPaymentMethodTypes,
};
use stripe_core::PaymentIntentExcludedPaymentMethodTypes;
use stripe_core::payment_intent::{CreatePaymentIntent, UpdatePaymentIntent};

/// Payment methods that settle hours or days later: vouchers, transfers and debits
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

pub(super) fn restrict_new_intent(
    request: CreatePaymentIntent,
    offered: &PaymentMethods,
) -> CreatePaymentIntent {
    let request = match &offered.configuration {
        Some(configuration) => request.payment_method_configuration(configuration.as_str()),
        None => request,
    };
    if offered.delayed {
        return request;
    }
    request.excluded_payment_method_types(delayed::<PaymentIntentExcludedPaymentMethodTypes>())
}

/// Updates an existing intent: excludes delayed methods, and leaves its payment method configuration as created.
pub(super) fn restrict_existing_intent(
    request: UpdatePaymentIntent,
    offered: &PaymentMethods,
) -> UpdatePaymentIntent {
    if offered.delayed {
        return request;
    }
    request.excluded_payment_method_types(delayed::<PaymentIntentExcludedPaymentMethodTypes>())
}

pub(super) fn restrict_session(
    request: CreateCheckoutSession,
    offered: &PaymentMethods,
) -> CreateCheckoutSession {
    let request = match &offered.configuration {
        Some(configuration) => request.payment_method_configuration(configuration.as_str()),
        None => request,
    };
    if offered.delayed {
        return request;
    }
    request.excluded_payment_method_types(delayed::<CreateCheckoutSessionExcludedPaymentMethodTypes>())
}

/// [`DELAYED`] as the request's own enum; each has a variant for unknown names, so parsing never fails.
fn delayed<T: FromStr<Err = Infallible>>() -> Vec<T> {
    DELAYED.iter().filter_map(|name| name.parse().ok()).collect()
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
