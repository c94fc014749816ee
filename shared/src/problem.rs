//! Errors on the wire: `application/problem+json` (RFC 9457) with a stable code.
use crate::text_enum::text_enum;

text_enum! {
    /// The error. Codes never change: clients branch on them and never on text.
    Code {
        UnknownSku => "unknown_sku",
        @"wire" UnknownPurchase => "unknown_purchase",
        @"wire" UnknownRoute => "unknown_route",
        @"wire" Unauthorized => "unauthorized",
        @"wire" Forbidden => "forbidden",
        @"wire" MethodNotAllowed => "method_not_allowed",
        SoldOut => "sold_out",
        SaleNotOpen => "sale_not_open",
        SaleClosed => "sale_closed",
        SalePaused => "sale_paused",
        RateLimited => "rate_limited",
        CouponUnknown => "coupon_unknown",
        CouponExpired => "coupon_expired",
        CouponUsedUp => "coupon_used_up",
        CouponNotForThis => "coupon_not_for_this",
        CouponEmailDomain => "coupon_email_domain",
        PriceChanged => "price_changed",
        HoldExpired => "hold_expired",
        @"wire" AlreadyExtended => "already_extended",
        @"wire" HoldNotEnding => "hold_not_ending",
        PurchaseEnded => "purchase_ended",
        InvalidEmail => "invalid_email",
        @"wire" InvalidRequest => "invalid_request",
        @"wire" MalformedJson => "malformed_json",
        @"wire" UnsupportedMediaType => "unsupported_media_type",
        @"wire" BodyTooLarge => "body_too_large",
        @"wire" RequestTimeout => "request_timeout",
        @"wire" IdempotencyKeyReused => "idempotency_key_reused",
        @"wire" BadSignature => "bad_signature",
        PaymentsUnavailable => "payments_unavailable",
        PaymentRefused => "payment_refused",
        AmountTooSmall => "amount_too_small",
        @"wire" EmbedUnavailable => "embed_unavailable",
        Unavailable => "unavailable",
        @"wire" InternalError => "internal_error",
    }
}

text_enum! {
    /// Why a coupon was refused, if the problem's code can have more than one cause.
    Reason {
        /// The code has a typo.
        Typo => "typo",
        NotYet => "not_yet",
        /// This learner has already used the coupon.
        Learner => "learner",
        /// The coupon leaves less than the smallest amount that can be charged.
        Minimum => "minimum",
        /// The coupon is for another email address.
        OtherEmail => "other_email",
        /// Purchases for a team accept no coupons.
        @"wire" Team => "team",
    }
}

/// The body of every error response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct Problem {
    /// A URI reference that names the kind of problem.
    #[cfg_attr(feature = "wire", serde(rename = "type"))]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub code: Code,
    /// The next step, in plain English.
    pub detail: String,
    /// The request field at fault, if there is one.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub field: Option<String>,
    /// The challenge that the learner must pass. The client then repeats the request with the challenge's answer in the
    /// header `Challenge-Response`.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub challenge: Option<Challenge>,
    /// Details that the code alone does not convey.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub reason: Option<Reason>,
}

/// A CAPTCHA: a test that people pass and bots don't.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct Challenge {
    /// `turnstile` or `hcaptcha`, which is also the name of the global that its script defines.
    pub provider: String,
    pub site_key: String,
    /// The URL of its script.
    pub script: String,
}
