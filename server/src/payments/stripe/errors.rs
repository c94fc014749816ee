//! Maps errors of Stripe's client to our own.
use crate::payments::PaymentsError;
use crate::quiet::Quiet;
use stripe::{ApiErrorsCode, ApiErrorsType, StripeError};

/// Request fields that carry the learner's email.
const EMAIL_FIELDS: [&str; 3] = ["receipt_email", "customer_email", "payment_intent_data[receipt_email]"];

/// An unreadable answer doesn't mean that Stripe did nothing, so it is transient, like a timeout. The message leaves
/// out the error's text, which may contain a client secret.
pub(super) fn read_error(error: &StripeError) -> PaymentsError {
    match error {
        StripeError::Stripe(body, status) => {
            let code = body.code.as_ref();
            let message = format!("Stripe answered {status}");
            match (*status, code) {
                (_, Some(ApiErrorsCode::PaymentIntentUnexpectedState)) => PaymentsError::OtherState,
                (404, Some(ApiErrorsCode::ResourceMissing)) => PaymentsError::Missing,
                // Once a wrong key is fixed on our side, the same call succeeds.
                (401 | 403, _) => {
                    static DENIED: Quiet = Quiet::new();
                    if let Some(more) = DENIED.speak() {
                        tracing::error!(
                            alert = true,
                            error = message,
                            more,
                            "Stripe rejected our API key: STRIPE_SECRET_KEY is wrong or lacks a permission"
                        );
                    }
                    PaymentsError::transient(message)
                }
                (409 | 429, _) => PaymentsError::transient(message),
                (500.., _) => PaymentsError::Spent { message },
                // The key was first used with a different request, as a server of another release builds it. What that
                // request created can be found; if it created nothing, a new key is needed.
                _ if matches!(body.type_, ApiErrorsType::IdempotencyError) => {
                    PaymentsError::Spent { message }
                }
                (_, Some(ApiErrorsCode::EmailInvalid)) => PaymentsError::EmailRefused,
                _ if EMAIL_FIELDS.iter().any(|field| body.param.as_deref() == Some(field)) => {
                    PaymentsError::EmailRefused
                }
                _ => PaymentsError::Permanent {
                    code: code.map_or_else(|| status.to_string(), |code| code.as_str().to_owned()),
                },
            }
        }
        StripeError::JSONDeserialize(_) => PaymentsError::transient("Stripe's answer can't be read"),
        StripeError::ClientError(_) => PaymentsError::transient("Stripe can't be reached"),
        StripeError::Timeout => PaymentsError::transient("Stripe did not answer in time"),
        StripeError::ConfigError(_) => PaymentsError::Permanent { code: "configuration".to_owned() },
    }
}
