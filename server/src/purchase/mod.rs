//! The purchase: a pure machine that takes events and returns commands. It reads no clock and does no I/O.

mod account;
mod command;
mod coupon;
mod event;
mod hosted;
mod ids;
mod money;
mod timeline;
mod transition;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod table;

pub use account::AccountEvent;
pub use command::{Command, Receiver};
pub use coupon::Redemption;
pub use event::{Dispute, Event, PageTerms, Refusal, SeatFound, Way};
pub use hosted::Hosted;
pub use ids::{PurchaseId, Reference};
pub(crate) use ids::{is_secret, secret, shortened};
pub use transition::MOST_DECLINES;

use serde::{Deserialize, Serialize};
use shared::{Email, Opened, Price, PurchaseView, State, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// One learner buying one offering. Only [`Purchase::handle`] changes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Purchase {
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
    access_url: Option<String>,
    /// A grant was asked for, so that FlockJay may have made one.
    grant_asked: bool,
    grant_refused: bool,
    opened_at: Timestamp,
    /// When it came to stand as it does; nothing where that was before this was kept.
    #[serde(default)]
    moved_at: Option<Timestamp>,
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
}

impl Learner {
    /// Whether it is the same person's email, in either case.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.email.as_str().to_lowercase() == other.email.as_str().to_lowercase()
    }
}

/// The request that creates a payment intent or a checkout session, as it was first sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Stripe's `Idempotency-Key`.
    pub key: String,
    pub price: Price,
    pub learner: Learner,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From opening to the first press of Pay (`HOLD_SECONDS`).
    pub hold: Duration,
    /// From the first press of Pay to the payment (`PAYMENT_SECONDS`).
    pub payment: Duration,
    /// The first wait before Stripe is asked about a payment; it doubles each time (`SWEEP_SECONDS`).
    pub check: Duration,
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
}

impl Purchase {
    /// A purchase that holds its seat from `now` on.
    #[must_use]
    pub fn open(opening: Opening, now: Timestamp, limits: &Limits) -> Self {
        let Opening { id, reference, sku, seated, variant, price, redemption, team } = opening;
        let hold_expires_at = now.plus(limits.hold);
        Self {
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
            access_url: None,
            grant_asked: false,
            grant_refused: false,
            opened_at: now,
            moved_at: None,
            paid_at: None,
            granted_at: None,
            revoked_at: None,
            ended_at: None,
            told: BTreeMap::new(),
        }
    }

    #[must_use]
    pub fn id(&self) -> &PurchaseId {
        &self.id
    }

    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    #[must_use]
    pub fn sku(&self) -> &str {
        &self.sku
    }

    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    #[must_use]
    pub fn price(&self) -> &Price {
        &self.price
    }

    /// How many places it buys.
    #[must_use]
    pub fn places(&self) -> i64 {
        self.team.unwrap_or(1)
    }

    /// Whether it is for a team, which gets codes in place of access.
    #[must_use]
    pub fn is_for_team(&self) -> bool {
        self.team.is_some()
    }

    /// Whether the offering has seats.
    #[must_use]
    pub fn is_seated(&self) -> bool {
        self.seated
    }

    /// The variant of the widget that opened it.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    /// Whether FlockJay ever gave access.
    #[must_use]
    pub fn was_granted(&self) -> bool {
        self.granted_at.is_some()
    }

    #[must_use]
    pub fn learner(&self) -> Option<&Learner> {
        self.learner.as_ref()
    }

    #[must_use]
    pub fn intent(&self) -> Option<&str> {
        self.intent.as_deref()
    }

    #[must_use]
    pub fn attempt(&self) -> Option<&Attempt> {
        self.attempt.as_ref()
    }

    /// From when to when its payment intent or its checkout session may have been created.
    #[must_use]
    pub fn intent_window(&self) -> (Timestamp, Timestamp) {
        let until = self.pay_expires_at.unwrap_or(self.hold_expires_at);
        (self.opened_at, self.hosted.as_ref().map_or(until, |hosted| until.max(hosted.expires_at)))
    }

    #[must_use]
    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// When it came to stand as it does: to its state, or to its end where that waits for Stripe.
    #[must_use]
    pub fn moved_at(&self) -> Timestamp {
        self.moved_at.unwrap_or(self.opened_at)
    }

    /// Whether somebody may have been given a way to pay.
    #[must_use]
    pub fn has_way_to_pay(&self) -> bool {
        self.intent.is_some() || self.hosted.as_ref().is_some_and(|hosted| hosted.session.is_some())
    }

    /// When the sweep looks at this purchase next, if ever.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }

    /// Whether Pay may not be pressed any more although the state still says held or paying.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.ending
    }

    /// Minor units that Stripe took, as far as we have been told.
    #[must_use]
    pub fn charged(&self) -> i64 {
        self.charged
    }

    /// Minor units that Stripe gave back.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        self.refunded
    }

    /// How many tries to pay were declined.
    #[must_use]
    pub fn declines(&self) -> u32 {
        self.declines
    }

    /// What the learner's bank made of it, if anything.
    #[must_use]
    pub fn dispute(&self) -> Option<Dispute> {
        self.dispute
    }

    /// Whether FlockJay was ever asked to give access.
    #[must_use]
    pub fn was_grant_asked(&self) -> bool {
        self.grant_asked
    }

    /// Minor units of what Stripe took that it has not given back.
    #[must_use]
    pub fn refundable(&self) -> i64 {
        self.charged - self.refunded
    }

    #[must_use]
    pub fn owns_seat(&self) -> bool {
        self.owns_seat
    }

    /// Whether its seat is gone, so that money that still arrives needs a new one.
    #[must_use]
    pub fn has_lost_seat(&self) -> bool {
        self.seated && !self.owns_seat && !self.was_paid()
    }

    /// Whether `command`, enqueued earlier, is still to be carried out.
    #[must_use]
    pub fn still_wants(&self, command: &Command) -> bool {
        match command {
            Command::ReleaseSeat
            | Command::ReleaseRedemption { .. }
            | Command::IssuePack
            | Command::RevokePack => false,
            Command::AskStripe => true,
            Command::CancelIntent => self.ending || matches!(self.state, State::Expired | State::Canceled),
            // A dispute that was lost has taken it back already.
            Command::CreateRefund { .. } => self.state != State::Refunded,
            Command::CancelStray { .. }
            | Command::ReturnStray { .. }
            | Command::TellAccounts { .. }
            | Command::TellAccount { .. } => true,
            Command::CallPerson { .. } => self.is_refund_stuck(),
            Command::CreateGrant => self.state == State::Paid,
            Command::RevokeGrant => self.state == State::Refunded && self.revoked_at.is_none(),
        }
    }

    /// The answer to the browser that opened it.
    #[must_use]
    pub fn opened(&self) -> Opened {
        Opened {
            id: self.id.as_str().to_owned(),
            reference: self.reference.as_str().to_owned(),
            state: self.state,
            hold_expires_at: self.hold_expires_at,
            price: self.price.clone(),
        }
    }

    /// What a browser may see of it: no full email, no secret.
    #[must_use]
    pub fn view(&self) -> PurchaseView {
        let owns_time = matches!(self.state, State::Held | State::Paying);
        PurchaseView {
            id: self.id.as_str().to_owned(),
            reference: self.reference.as_str().to_owned(),
            sku: self.sku.clone(),
            state: self.state,
            version: self.version,
            price: self.price.clone(),
            email: self.learner.as_ref().map(|learner| learner.email.masked()),
            hold_expires_at: owns_time.then(|| self.pay_expires_at.unwrap_or(self.hold_expires_at)),
            access_url: if self.state == State::Granted { self.access_url.clone() } else { None },
            places: self.team,
            timeline: self.timeline(),
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
