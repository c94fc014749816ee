//! The amounts that can be charged in each currency, per the checkout's own table, with errors in Stripe's wording.

use super::error::ApiError;
use shared::{Currency, Money, Unfit};

/// Checks an amount in minor units of `currency`.
pub(crate) fn check(amount: i64, currency: &str) -> Result<(), ApiError> {
    let fits = Currency::parse(currency)
        .map_err(|_| Unfit::Currency)
        .and_then(|currency| Money { amount, currency }.fits());
    let request = |code, message: String| Err(ApiError::request(code, "amount", message));
    match fits {
        Ok(()) => Ok(()),
        Err(Unfit::Currency) => Err(ApiError::invalid(
            "currency",
            format!("Invalid currency: {currency}. Stripe currently supports these currencies: usd, aed, …"),
        )),
        Err(_) if amount < 1 => {
            let message = "This value must be greater than or equal to 1.".to_owned();
            request("parameter_invalid_integer", message)
        }
        Err(Unfit::Below { least }) => {
            request("amount_too_small", format!("Amount must be at least {least}"))
        }
        Err(Unfit::Above { most }) => {
            request("amount_too_large", format!("Amount must be no more than {most}"))
        }
        Err(Unfit::Uneven { step, .. }) => {
            let message = format!("Invalid amount: must be evenly divisible by {step} in {currency}");
            request("parameter_invalid_integer", message)
        }
    }
}
