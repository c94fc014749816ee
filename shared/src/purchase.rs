//! A purchase as the API returns it, and the requests that change it.
use crate::{Currency, Money, Timestamp, text_enum::text_enum};

text_enum! {
    /// The state of a purchase.
    State {
        Held => "held",
        Paying => "paying",
        Processing => "processing",
        Paid => "paid",
        Granted => "granted",
        Expired => "expired",
        Canceled => "canceled",
        Refunding => "refunding",
        Refunded => "refunded",
    }
}

text_enum! {
    /// One line of a purchase's timeline.
    Step { Seat => "seat", Payment => "payment", Access => "access", Account => "account" }
}

text_enum! {
    /// The progress of a step.
    StepState { Pending => "pending", Done => "done", Failed => "failed", Undone => "undone" }
}

/// The amount due, in minor units of `currency`: `total = list - discount + tax`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct Price {
    pub currency: Currency,
    pub list: i64,
    pub discount: i64,
    pub tax: i64,
    pub total: i64,
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub coupon: Option<String>,
}

/// The body of `POST /v1/purchases`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
#[cfg_attr(feature = "wire", serde(deny_unknown_fields))]
pub struct OpenPurchase {
    pub sku: String,
    #[cfg_attr(feature = "wire", serde(default))]
    pub coupon: Option<String>,
    #[cfg_attr(feature = "wire", serde(default))]
    pub variant: Option<String>,
    #[cfg_attr(feature = "wire", serde(default))]
    pub learner_token: Option<String>,
    /// The number of places for a team, if the offering allows it: paid together, they come as codes to hand out.
    #[cfg_attr(feature = "wire", serde(default), schema(minimum = 1))]
    pub places: Option<i64>,
}

/// The body of `PATCH /v1/purchases/{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
#[cfg_attr(feature = "wire", serde(deny_unknown_fields))]
pub struct ChangePurchase {
    /// A coupon's code, or `null` to remove the coupon that is applied.
    #[cfg_attr(feature = "wire", serde(deserialize_with = "text_or_null"))]
    #[cfg_attr(feature = "wire", schema(required = true, min_length = 1))]
    pub coupon: Option<String>,
}

/// The 201 response of `POST /v1/purchases`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct Opened {
    /// An unguessable capability: anyone who has it may act on the purchase.
    pub id: String,
    /// For people, such as `RU-7K3M-92QF`; grants no access.
    pub reference: String,
    pub state: State,
    pub hold_expires_at: Timestamp,
    /// Seconds until the hold expires, counted when the purchase was opened: a visitor's clock may be wrong.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    #[cfg_attr(feature = "wire", schema(minimum = 0))]
    pub seconds_left: Option<i64>,
    pub price: Price,
    /// The masked email of the learner whom the token names. Nobody else can pay.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub email: Option<String>,
    /// Why the token was refused, as the word of a [`TokenRefusal`]. The purchase continues as a guest's.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    #[cfg_attr(feature = "wire", schema(value_type = Option<TokenRefusal>))]
    pub token_refused: Option<String>,
}

#[cfg(feature = "wire")]
text_enum! {
    /// Why a learner's token was refused.
    TokenRefusal {
        /// Not a valid token, or one that lacks required claims.
        Malformed => "malformed",
        Expired => "expired",
        NotYet => "not_yet",
        Issuer => "issuer",
        Audience => "audience",
        /// The signature algorithm is not accepted, or the token is unsigned.
        Algorithm => "algorithm",
        /// No trusted issuer has the key that the token names.
        Key => "key",
        Signature => "signature",
        /// The token has no email, or an unverified one.
        Email => "email",
        /// The issuer's keys can't be fetched at the moment.
        Unavailable => "unavailable",
        /// This checkout is not configured to accept tokens.
        NotConfigured => "not_configured",
    }
}

/// The body of `POST /v1/purchases/{id}/pay`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
#[cfg_attr(feature = "wire", serde(deny_unknown_fields))]
pub struct Pay {
    /// For a learner whom a token names: the masked form from `Opened` or the purchase, or the full address.
    #[cfg_attr(feature = "wire", schema(min_length = 3, max_length = 254))]
    pub email: String,
    #[cfg_attr(feature = "wire", serde(default))]
    pub name: Option<String>,
    /// The total that the learner saw on the button, in minor units.
    #[cfg_attr(feature = "wire", schema(minimum = 0))]
    pub expected_total: i64,
}

/// The response of `POST /v1/purchases/{id}/pay`: what Stripe.js needs, or `{state: "paid"}` if nothing is due.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
#[cfg_attr(feature = "wire", serde(untagged))]
pub enum PayAnswer {
    Confirm { client_secret: String, publishable_key: String, price: Price },
    Settled { state: State },
}

/// One line of the timeline. `at` is when it entered its state, or `null` if it has never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct TimelineEntry {
    pub step: Step,
    pub state: StepState,
    pub at: Option<Timestamp>,
}

/// One purchase as `GET /v1/purchases/{id}` returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct PurchaseView {
    pub id: String,
    pub reference: String,
    pub sku: String,
    pub state: State,
    /// Increases with every change; `?after=` waits for a higher one.
    pub version: i64,
    pub price: Price,
    /// Masked, such as `a•••@example.com`.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub email: Option<String>,
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub hold_expires_at: Option<Timestamp>,
    /// Seconds until the hold expires, counted when the server responds.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    #[cfg_attr(feature = "wire", schema(minimum = 0))]
    pub seconds_left: Option<i64>,
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub access_url: Option<String>,
    /// The number of places, if the purchase is for a team.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub places: Option<i64>,
    pub timeline: Vec<TimelineEntry>,
}

/// Rejects a missing field, unlike `null`: no coupon may be removed by mistake.
#[cfg(feature = "wire")]
fn text_or_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    serde::Deserialize::deserialize(deserializer)
}

impl Price {
    /// The undiscounted price of something that costs `list`.
    #[must_use]
    pub fn of(list: Money) -> Self {
        Self {
            currency: list.currency,
            list: list.amount,
            discount: 0,
            tax: 0,
            total: list.amount,
            coupon: None,
        }
    }

    /// The price the learner pays.
    #[must_use]
    pub fn due(&self) -> Money {
        Money { amount: self.total, currency: self.currency }
    }
}

impl State {
    /// Whether the purchase is over: nothing more can be paid, and a new purchase is needed.
    #[must_use]
    pub fn is_over(self) -> bool {
        match self {
            Self::Expired | Self::Canceled | Self::Refunding | Self::Refunded => true,
            Self::Held | Self::Paying | Self::Processing | Self::Paid | Self::Granted => false,
        }
    }
}
