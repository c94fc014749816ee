//! The purchase: a pure state machine that takes events and returns commands. It reads no clock and does no I/O.

mod account;
mod checkout_session;
mod command;
mod coupon;
mod coupon_code;
mod event;
mod ids;
mod ledger;
mod money;
mod paying;
mod phase;
mod records;
mod timeline;
mod transition;
mod view;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod stored;
#[cfg(test)]
mod table;

pub use account::AccountEvent;
pub use checkout_session::CheckoutSession;
pub use command::{Command, Decision, Effect, Receiver};
pub use coupon::Redemption;
pub use coupon_code::{CouponCode, InvalidCode};
pub use event::{Dispute, Disputed, DisputedMoney, Event, PageTerms, PaymentPath, Refusal, SeatFound};
pub use ids::{IdempotencyKey, IntentId, PurchaseId, Reference, SessionId};
pub(crate) use ids::{is_secret, secret, shortened};
pub use ledger::{Balance, Booked, Entry, LedgerAccount, Movement};
pub use transition::MOST_DECLINES;

use crate::email::normalized;
use crate::fault_injection::Guards;
use phase::Phase;
use records::{Access, Disputes, Hold, Payment, Refunds};
use serde::{Deserialize, Serialize};
use shared::{Email, Price, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// The version of a purchase's fields that this release knows. It goes up with a field that changes who pays, how much,
/// or who has access; a purchase with such a field says so in `least_writer`.
pub const WRITES: u32 = 1;

fn first() -> u32 {
    1
}

/// The longest that seats for a team are held before Pay is pressed, unless the hold is extended.
const TEAM_HOLD: Duration = Duration::from_secs(180);

/// One learner buying one offering. Only [`Purchase::handle`] changes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Purchase {
    /// The lowest [`WRITES`] that may change it: an earlier release would ignore what it doesn't know.
    #[serde(default = "first")]
    least_writer: u32,
    id: PurchaseId,
    reference: Reference,
    sku: String,
    variant: Option<String>,
    #[serde(flatten)]
    phase: Phase,
    version: i64,
    price: Price,
    #[serde(default)]
    redemption: Option<Redemption>,
    /// The number of places, if it is bought for a team.
    #[serde(default)]
    team: Option<i64>,
    learner: Option<Learner>,
    /// The learner whom a token named when it was opened: nobody else can pay.
    #[serde(default)]
    signed_in: Option<Learner>,
    #[serde(flatten)]
    hold: Hold,
    #[serde(flatten)]
    payment: Payment,
    #[serde(flatten)]
    refunds: Refunds,
    #[serde(flatten)]
    disputes: Disputes,
    #[serde(flatten)]
    access: Access,
    opened_at: Timestamp,
    /// When the sweep looks at this purchase next.
    wake_at: Option<Timestamp>,
    /// How many times Stripe was asked since the purchase began to wait.
    checks: u32,
    /// The progress of notifying each system that keeps the learner's account.
    #[serde(default, rename = "told")]
    receivers: BTreeMap<String, account::ReceiverProgress>,
}

/// The person who gets access.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Learner {
    #[serde(with = "email_text")]
    pub email: Email,
    pub name: Option<String>,
    /// Their id at the issuer that signed them in.
    #[serde(default)]
    pub external_id: Option<String>,
    /// The issuer that signed them in: ids are unique only there.
    #[serde(default)]
    pub issuer: Option<String>,
}

impl Learner {
    /// Whether both have the same email, in any spelling.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        normalized(&self.email) == normalized(&other.email)
    }

    /// Issuer and id combined, which identify the learner.
    #[must_use]
    pub fn identity(&self) -> Option<String> {
        Some([self.issuer.as_deref()?, self.external_id.as_deref()?].join(" "))
    }

    /// The id at the sign-in service, whose issuer is a URL. The id of a launch link means something to FlockJay alone.
    #[must_use]
    pub fn account_id(&self) -> Option<&str> {
        let signed_in = self.issuer.as_deref().is_some_and(|issuer| issuer.contains("://"));
        self.external_id.as_deref().filter(|_| signed_in)
    }
}

/// The request that creates a payment intent or a checkout session, as it was first sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Stripe's `Idempotency-Key`.
    pub key: IdempotencyKey,
    pub price: Price,
    pub learner: Learner,
    /// The offering's name on the receipt; `None` in a request of an earlier release, which used the SKU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `None` in a request of an earlier release, which offered all that Stripe's dashboard enables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<PaymentMethods>,
}

/// The subset of the payment methods enabled in Stripe's dashboard that is offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMethods {
    /// Include those that settle hours or days later.
    pub delayed: bool,
    /// Stripe's payment method configuration; `None` for the account's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
}

impl PaymentMethods {
    /// Methods that settle at once.
    pub const INSTANT: Self = Self { delayed: false, configuration: None };

    /// The methods for an offering that is `seated` or not: a seat is not held for days.
    #[must_use]
    pub fn offered(&self, seated: bool) -> Self {
        Self { delayed: self.delayed && !seated, ..self.clone() }
    }
}

/// How long things may take, and when a dispute ends access.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From opening to the first press of Pay (`HOLD_SECONDS`).
    pub hold: Duration,
    /// From the first press of Pay to the payment (`PAYMENT_SECONDS`).
    pub payment: Duration,
    /// The first wait before Stripe is asked about a payment; it doubles each time (`SWEEP_SECONDS`).
    pub check: Duration,
    /// Whether access ends when a bank takes back a part of the money (`DISPUTE_PARTIAL_ACCESS`); it always ends with
    /// all of it.
    pub partial_dispute_ends_access: bool,
    /// All of them, but in tests that show what one is for.
    pub guards: Guards,
}

/// The fields of a purchase that are set when it is opened.
#[derive(Clone, Debug)]
pub struct Opening {
    pub id: PurchaseId,
    pub reference: Reference,
    pub sku: String,
    pub seated: bool,
    pub variant: Option<String>,
    pub price: Price,
    /// The coupon that lowers the price.
    pub redemption: Option<Redemption>,
    /// The number of places, if bought for a team.
    pub team: Option<i64>,
    /// The learner whom a token names, if any.
    pub signed_in: Option<Learner>,
}

impl Purchase {
    /// A purchase that holds its seat from `now` on.
    #[must_use]
    pub fn open(opening: Opening, now: Timestamp, limits: &Limits) -> Self {
        let Opening { id, reference, sku, seated, variant, price, redemption, team, signed_in } = opening;
        // A team holds many seats, and the buyer is still unknown.
        let hold = if seated && team.is_some() { limits.hold.min(TEAM_HOLD) } else { limits.hold };
        let hold_expires_at = now.plus(hold);
        Self {
            least_writer: first(),
            id,
            reference,
            sku,
            variant,
            phase: Phase::Held,
            version: 1,
            price,
            redemption,
            team,
            learner: None,
            signed_in,
            hold: Hold { seated, owns_seat: seated, expires_at: hold_expires_at, extended: false },
            payment: Payment::default(),
            refunds: Refunds::default(),
            disputes: Disputes::default(),
            access: Access::default(),
            opened_at: now,
            wake_at: Some(hold_expires_at),
            checks: 0,
            receivers: BTreeMap::new(),
        }
    }
}

mod email_text {
    //! The store keeps the full address; everything else sees it masked.
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use shared::Email;

    pub(super) fn serialize<S: Serializer>(email: &Email, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(email.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Email, D::Error> {
        let text = String::deserialize(deserializer)?;
        Email::parse(&text).map_err(|_| D::Error::custom("the stored email is not an email"))
    }
}
