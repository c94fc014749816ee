//! The currencies the stand-in knows, and the least amount that can be charged in each.

use super::error::ApiError;

/// Least amounts in minor units, from <https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>;
/// where Stripe gives none, about half a US dollar.
const MINIMUMS: &[(&str, i64)] = &[
    ("aed", 200),
    ("aud", 50),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17_500),
    ("ils", 200),
    ("inr", 50),
    ("jpy", 50),
    ("krw", 700),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1000),
    ("usd", 50),
];
const MAXIMUM: i64 = 99_999_999;

/// Checks an amount in minor units of `currency`.
pub(crate) fn check(amount: i64, currency: &str) -> Result<(), ApiError> {
    let Some((_, minimum)) = MINIMUMS.iter().find(|(known, _)| *known == currency) else {
        return Err(ApiError::invalid(
            "currency",
            format!("Invalid currency: {currency}. Stripe currently supports these currencies: usd, aed, …"),
        ));
    };
    if amount < 1 {
        return Err(ApiError::request(
            "parameter_invalid_integer",
            "amount",
            "This value must be greater than or equal to 1.",
        ));
    }
    if amount < *minimum {
        let message =
            format!("Amount must be at least {minimum} in the minor unit of {}", currency.to_uppercase());
        return Err(ApiError::request("amount_too_small", "amount", message));
    }
    if amount > MAXIMUM {
        let message = format!("Amount must be no more than {MAXIMUM} in the minor unit of {currency}");
        return Err(ApiError::request("amount_too_large", "amount", message));
    }
    Ok(())
}
