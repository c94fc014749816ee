//! A purchase as the API shows it, and the requests that move it.
use crate::{Currency, Money, Timestamp, text_enum::text_enum};

text_enum! {
    /// Where a purchase stands.
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
    /// How far a step has come.
    StepState { Pending => "pending", Done => "done", Failed => "failed", Undone => "undone" }
}

/// What is due, in minor units of `currency`: `total = list - discount + tax`.
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
    /// For so many of a team, where the offering allows: codes to hand out, paid at once.
    #[cfg_attr(feature = "wire", serde(default), schema(minimum = 1))]
    pub places: Option<i64>,
}

/// The body of `PATCH /v1/purchases/{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
#[cfg_attr(feature = "wire", serde(deny_unknown_fields))]
pub struct ChangePurchase {
    /// The code of a coupon, or `null` to take the one off that there is.
    #[cfg_attr(feature = "wire", serde(deserialize_with = "text_or_null"))]
    #[cfg_attr(feature = "wire", schema(required = true, min_length = 1))]
    pub coupon: Option<String>,
}

/// The 201 answer of `POST /v1/purchases`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct Opened {
    /// An unguessable capability: whoever has it may act on the purchase.
    pub id: String,
    /// For people, such as `RU-7K3M-92QF`; opens nothing.
    pub reference: String,
    pub state: State,
    pub hold_expires_at: Timestamp,
    /// Of the hold, when it was opened: a visitor's clock may be wrong.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    #[cfg_attr(feature = "wire", schema(minimum = 0))]
    pub seconds_left: Option<i64>,
    pub price: Price,
    /// Of a learner whom a token has named, masked. Nobody else can pay.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub email: Option<String>,
    /// Why the token names nobody, by the word of a [`TokenRefusal`]: the purchase goes on as a guest's.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    #[cfg_attr(feature = "wire", schema(value_type = Option<TokenRefusal>))]
    pub token_refused: Option<String>,
}

#[cfg(feature = "wire")]
text_enum! {
    /// What is wrong with a learner's token.
    TokenRefusal {
        /// No token at all, or one without what it must say.
        Malformed => "malformed",
        Expired => "expired",
        NotYet => "not_yet",
        Issuer => "issuer",
        Audience => "audience",
        /// It is signed in a way that is not taken, or not at all.
        Algorithm => "algorithm",
        /// Nobody whom we trust has the key that it names.
        Key => "key",
        Signature => "signature",
        /// It has no email, or one that was not verified.
        Email => "email",
        /// Its keys can't be fetched at the moment.
        Unavailable => "unavailable",
        /// This checkout reads no tokens.
        NotConfigured => "not_configured",
    }
}

/// The body of `POST /v1/purchases/{id}/pay`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
#[cfg_attr(feature = "wire", serde(deny_unknown_fields))]
pub struct Pay {
    /// Of a learner whom a token has named: as `Opened` or the purchase shows it, or in full.
    #[cfg_attr(feature = "wire", schema(min_length = 3, max_length = 254))]
    pub email: String,
    #[cfg_attr(feature = "wire", serde(default))]
    pub name: Option<String>,
    /// Minor units that the learner saw on the button.
    #[cfg_attr(feature = "wire", schema(minimum = 0))]
    pub expected_total: i64,
}

/// The answer of `POST /v1/purchases/{id}/pay`: what Stripe.js needs, or `{state: "paid"}` where nothing is due.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
#[cfg_attr(feature = "wire", serde(untagged))]
pub enum PayAnswer {
    Confirm { client_secret: String, publishable_key: String, price: Price },
    Settled { state: State },
}

/// One line of the timeline. `at` is when it came to that state, where it has moved at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct TimelineEntry {
    pub step: Step,
    pub state: StepState,
    pub at: Option<Timestamp>,
}

/// One purchase as `GET /v1/purchases/{id}` answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct PurchaseView {
    pub id: String,
    pub reference: String,
    pub sku: String,
    pub state: State,
    /// Grows with every change; `?after=` waits for a higher one.
    pub version: i64,
    pub price: Price,
    /// Masked, such as `a•••@example.com`.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub email: Option<String>,
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub hold_expires_at: Option<Timestamp>,
    /// Of the hold, when this is answered.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    #[cfg_attr(feature = "wire", schema(minimum = 0))]
    pub seconds_left: Option<i64>,
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub access_url: Option<String>,
    /// For how many, where somebody buys for a team.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub places: Option<i64>,
    pub timeline: Vec<TimelineEntry>,
}

/// Left out is not `null`: nothing may be taken off by mistake.
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

    /// What the learner pays.
    #[must_use]
    pub fn due(&self) -> Money {
        Money { amount: self.total, currency: self.currency }
    }
}

impl State {
    /// Nothing more can be paid: a new purchase is needed.
    #[must_use]
    pub fn is_over(self) -> bool {
        match self {
            Self::Expired | Self::Canceled | Self::Refunding | Self::Refunded => true,
            Self::Held | Self::Paying | Self::Processing | Self::Paid | Self::Granted => false,
        }
    }
}
