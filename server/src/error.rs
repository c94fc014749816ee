//! The one error type of the backend. Only `http/problem/` maps it to a response.
use crate::abuse::Excess;
use crate::coupons::CouponRefusal;
use crate::grants::GrantsError;
use crate::payments::{BadWebhook, PaymentsError};
use crate::purchase::Refusal;
use crate::store::StoreError;
use shared::{Challenge, Sale, TokenRefusal};
use std::time::Duration;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("unknown SKU {0:?}")]
    UnknownSku(String),
    #[error("unknown purchase")]
    UnknownPurchase,
    #[error("unknown pack")]
    UnknownPack,
    #[error("unknown route")]
    UnknownRoute,
    #[error("the service token is missing or invalid")]
    Unauthorized,
    /// The token is valid, but lacks this scope.
    #[error("the token lacks the scope {0}")]
    Forbidden(&'static str),
    #[error("this route doesn't support the method")]
    MethodNotAllowed,
    /// The sale is not open.
    #[error("the sale is {0}")]
    NotForSale(Sale),
    #[error("the coupon doesn't apply: {0:?}")]
    Coupon(CouponRefusal),
    #[error("the purchase doesn't allow this: {0:?}")]
    Refused(Refusal),
    #[error("invalid email address")]
    InvalidEmail,
    #[error("the learner's token was rejected: {0}")]
    Token(TokenRefusal),
    #[error("{field}: {detail}")]
    Invalid { field: String, detail: String },
    #[error("malformed JSON: {0}")]
    MalformedJson(String),
    #[error("the content type is not application/json")]
    UnsupportedMediaType,
    #[error("the content type is not application/x-www-form-urlencoded")]
    NotAForm,
    #[error("the form was sent from another site")]
    CrossSite,
    #[error("the request body is too large")]
    BodyTooLarge,
    #[error("the request body arrived too slowly")]
    BodyTooSlow,
    /// There is more concurrent work than the budgets allow.
    #[error("too many concurrent requests")]
    Busy,
    #[error("the request timed out")]
    TookTooLong,
    #[error("the Idempotency-Key was already used with a different body")]
    IdempotencyKeyReused,
    #[error("webhook rejected: {0}")]
    BadSignature(#[from] BadWebhook),
    /// The learner may have paid already.
    #[error("payments: {0}")]
    Payments(#[from] PaymentsError),
    /// The learner had not been given a way to pay yet.
    #[error("payments (nothing was charged): {0}")]
    NotCharged(PaymentsError),
    #[error("grants: {0}")]
    Grants(#[from] GrantsError),
    /// Done too often; allowed again after `wait`, or at once if the learner passes `challenge`.
    #[error("limit exceeded: {excess:?}")]
    TooMany { excess: Excess, wait: Duration, challenge: Option<Box<Challenge>> },
    #[error("the widget's assets are not built")]
    EmbedUnavailable,
    #[error("{0}")]
    Store(StoreError),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownPurchase => Self::UnknownPurchase,
            error @ (StoreError::Database(_)
            | StoreError::Migration(_)
            | StoreError::Corrupt(_)
            | StoreError::NotKept
            | StoreError::Newer
            | StoreError::Unsupported(_)) => Self::Store(error),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
