//! The purchase: a pure machine that takes events and returns commands. It reads no clock and does no I/O.

mod account;
mod command;
mod coupon;
mod event;
mod hosted;
mod ids;
mod ledger;
mod money;
mod timeline;
mod transition;
mod view;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod table;

pub use account::AccountEvent;
pub use command::{Command, Receiver};
pub use coupon::Redemption;
pub use event::{Dispute, Disputed, DisputedMoney, Event, PageTerms, Refusal, SeatFound, Way};
pub use hosted::Hosted;
pub use ids::{PurchaseId, Reference};
pub(crate) use ids::{is_secret, secret, shortened};
pub use ledger::{Balance, Booked, Entry, Ledger, Movement};
pub use transition::MOST_DECLINES;

use crate::email::normalized;
use serde::{Deserialize, Serialize};
use shared::{Email, Price, State, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// What this release knows of a purchase. It goes up with a field that changes who pays, how much, or who has access, and a
/// purchase that has such a field says so in `least_writer`.
pub const WRITES: u32 = 1;

fn first() -> u32 {
    1
}

/// The longest that seats for a team are held before Pay is pressed.
const TEAM_HOLD: Duration = Duration::from_secs(180);

/// One learner buying one offering. Only [`Purchase::handle`] changes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Purchase {
    /// The least release that may change it, counted by [`WRITES`]: one before that would not heed what it does not know.
    #[serde(default = "first")]
    least_writer: u32,
    id: PurchaseId,
    reference: Reference,
    sku: String,
    /// Whether the offering has seats, so that this purchase needs one.
    seated: bool,
    owns_seat: bool,
    variant: Option<String>,
    state: State,
    version: i64,
    price: Price,
    #[serde(default)]
    redemption: Option<Redemption>,
    /// For how many it is bought by somebody who buys for a team.
    #[serde(default)]
    team: Option<i64>,
    learner: Option<Learner>,
    /// Whom a token has named when it was opened: nobody else can pay.
    #[serde(default)]
    signed_in: Option<Learner>,
    hold_expires_at: Timestamp,
    /// When the time to pay runs out; set by the first press of Pay.
    pay_expires_at: Option<Timestamp>,
    /// When the sweep looks at this purchase next.
    wake_at: Option<Timestamp>,
    /// How often Stripe was asked since the purchase began to wait.
    checks: u32,
    /// The request that creates the payment intent, frozen so that a repeat is the same request.
    attempt: Option<Attempt>,
    /// Stripe's payment intent.
    intent: Option<String>,
    /// Stripe's page, where it is paid on one and not inside the course page.
    #[serde(default)]
    hosted: Option<Hosted>,
    declines: u32,
    /// The failure counted last, so that the same one told twice counts once.
    last_failure: Option<String>,
    /// The payment intent is being cancelled: nothing more may be paid.
    ending: bool,
    /// Minor units that Stripe took.
    charged: i64,
    /// Minor units that Stripe gave back.
    refunded: i64,
    /// Minor units that are given back or asked to be, so that two refunds under way never add up to more than was paid.
    #[serde(default)]
    refund_asked: i64,
    /// Minor units of refunds that came to nothing. It only grows, and so tells older news from newer.
    #[serde(default)]
    refunds_failed: i64,
    /// Money that should have gone back did not, and nobody has sent it again yet.
    refund_failed: bool,
    #[serde(default)]
    dispute: Option<Dispute>,
    /// Nothing where a release before has told only of the dispute itself.
    #[serde(default)]
    disputed: Option<DisputedMoney>,
    /// Stripe refunds nothing while a bank decides.
    #[serde(default)]
    dispute_forbids_refund: bool,
    /// A bank gave money back for which access had ended.
    #[serde(default)]
    dispute_regained: bool,
    access_url: Option<String>,
    /// A grant was asked for, so that FlockJay may have made one.
    grant_asked: bool,
    grant_refused: bool,
    opened_at: Timestamp,
    paid_at: Option<Timestamp>,
    granted_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    /// When it expired, was canceled or was refunded.
    ended_at: Option<Timestamp>,
    /// What became of telling each system that keeps the learner's account.
    #[serde(default)]
    told: BTreeMap<String, account::Told>,
}

/// Who gets access.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Learner {
    #[serde(with = "email_text")]
    pub email: Email,
    pub name: Option<String>,
    /// What whoever signed them in calls them.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Who signed them in: ids are one person's only there.
    #[serde(default)]
    pub issuer: Option<String>,
}

impl Learner {
    /// Whether it is the same person's email, in any spelling.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        normalized(&self.email) == normalized(&other.email)
    }

    /// Issuer and id in one, by which they are found again.
    #[must_use]
    pub fn identity(&self) -> Option<String> {
        Some([self.issuer.as_deref()?, self.external_id.as_deref()?].join(" "))
    }

    /// The id of the sign-in service, whose issuer is an address. That of a launch link is FlockJay's alone.
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
    pub key: String,
    pub price: Price,
    pub learner: Learner,
    /// What the receipt calls the offering; its SKU where a release before this one has made the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// All that Stripe's dashboard enables where a release before this one has made the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<PaymentMethods>,
}

/// How a learner may pay, of the ways that Stripe's dashboard enables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMethods {
    /// Also those that settle hours or days later.
    pub delayed: bool,
    /// Stripe's payment method configuration; the account's own where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
}

impl PaymentMethods {
    /// What settles at once.
    pub const INSTANT: Self = Self { delayed: false, configuration: None };

    /// Of these, for an offering that has seats or not: nobody's seat is kept for days.
    #[must_use]
    pub fn offered(&self, seated: bool) -> Self {
        Self { delayed: self.delayed && !seated, ..self.clone() }
    }
}

/// How long things may take, and how far they may go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From opening to the first press of Pay (`HOLD_SECONDS`).
    pub hold: Duration,
    /// From the first press of Pay to the payment (`PAYMENT_SECONDS`).
    pub payment: Duration,
    /// The first wait before Stripe is asked about a payment; it doubles each time (`SWEEP_SECONDS`).
    pub check: Duration,
    /// Whether access ends with a part of the money that a bank takes back (`DISPUTE_PARTIAL_ACCESS`); it ends with all of it.
    pub partial_dispute_ends_access: bool,
}

/// What a purchase is opened with.
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
    /// For how many, where somebody buys for a team.
    pub team: Option<i64>,
    /// The learner, where a token names one.
    pub signed_in: Option<Learner>,
}

impl Purchase {
    /// A purchase that holds its seat from `now` on.
    #[must_use]
    pub fn open(opening: Opening, now: Timestamp, limits: &Limits) -> Self {
        let Opening { id, reference, sku, seated, variant, price, redemption, team, signed_in } = opening;
        // A team's seats are many, and nobody has said who it is.
        let hold = if seated && team.is_some() { limits.hold.min(TEAM_HOLD) } else { limits.hold };
        let hold_expires_at = now.plus(hold);
        Self {
            least_writer: first(),
            id,
            reference,
            sku,
            seated,
            owns_seat: seated,
            variant,
            state: State::Held,
            version: 1,
            price,
            redemption,
            team,
            learner: None,
            signed_in,
            hold_expires_at,
            pay_expires_at: None,
            wake_at: Some(hold_expires_at),
            checks: 0,
            attempt: None,
            intent: None,
            hosted: None,
            declines: 0,
            last_failure: None,
            ending: false,
            charged: 0,
            refunded: 0,
            refund_asked: 0,
            refunds_failed: 0,
            refund_failed: false,
            dispute: None,
            disputed: None,
            dispute_forbids_refund: false,
            dispute_regained: false,
            access_url: None,
            grant_asked: false,
            grant_refused: false,
            opened_at: now,
            paid_at: None,
            granted_at: None,
            revoked_at: None,
            ended_at: None,
            told: BTreeMap::new(),
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
