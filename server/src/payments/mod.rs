//! The port to whoever takes the money. Only `stripe` knows that it is Stripe.

mod session;
mod stripe;

pub use session::{Session, SessionStatus, SessionTerms};
pub use stripe::{Stripe, form_options};

use crate::purchase::{Attempt, Disputed, Event, Reference, SeatFound};
use shared::{Currency, Timestamp};
use std::future::Future;
use std::time::Duration;

/// What Stripe says of a payment intent.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    pub id: String,
    /// Opens the payment to the browser; absent from events.
    pub client_secret: Option<ClientSecret>,
    pub status: IntentStatus,
    /// Minor units that are to be paid.
    pub amount: i64,
    /// Minor units that were paid.
    pub received: i64,
    /// Nothing where Stripe uses a code that isn't three letters.
    pub currency: Option<Currency>,
    /// Our reference, where the intent is ours.
    pub reference: Option<Reference>,
    /// The failure that the last try ended in, named so that the same one told twice is known again.
    pub failure: Option<String>,
}

/// Some of Stripe's payment intents.
#[derive(Clone, Debug)]
pub struct IntentPage {
    pub intents: Vec<Intent>,
    /// Where the next page begins; nothing after the last.
    pub next: Option<String>,
}

/// One movement of our balance that belongs to a payment.
#[derive(Clone, Debug, PartialEq)]
pub struct BalanceEntry {
    /// Of Stripe's balance transaction.
    pub id: String,
    pub at: Timestamp,
    /// The payment intent.
    pub intent: String,
    pub moved: Moved,
    /// Minor units of what the learner paid in, above zero.
    pub amount: i64,
    pub currency: Option<Currency>,
    /// What Stripe kept, in minor units of the balance's currency.
    pub fee: i64,
    pub fee_currency: String,
}

/// Which way money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    Charged,
    Refunded,
    /// The learner's bank asks for it.
    Disputed,
    DisputeWon,
    /// Not decided, or undone.
    Nothing,
}

/// Some of our balance's movements.
#[derive(Clone, Debug, Default)]
pub struct BalancePage {
    pub entries: Vec<BalanceEntry>,
    /// Where the next page begins; nothing after the last.
    pub next: Option<String>,
}

/// Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

/// Where a payment intent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntentStatus {
    /// Waits for a card, or for the learner.
    Open,
    ActionRequired,
    Processing,
    Succeeded,
    Canceled,
}

/// What a payment intent is to say.
#[derive(Clone, Debug)]
pub struct IntentTerms<'a> {
    pub reference: &'a Reference,
    pub sku: &'a str,
    pub attempt: &'a Attempt,
}

/// Why a call came to nothing.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PaymentsError {
    /// Not reached, busy, or answered by half: the same call with the same key is safe, later.
    #[error("{message}")]
    Transient { message: String, retry_after: Option<Duration> },
    /// Failed for certain, and the same key will fail in the same way: a new one is needed.
    #[error("{message}")]
    Spent { message: String },
    /// The intent or session is in another state than the call needs: ask for it.
    #[error("the payment intent or checkout session is in another state")]
    OtherState,
    /// Stripe won't take this email address.
    #[error("the email is refused")]
    EmailRefused,
    /// Stripe has no such object.
    #[error("Stripe has no such object")]
    Missing,
    /// Refused for good. Stripe's own words are left out: they may repeat what the learner typed.
    #[error("refused: {code}")]
    Permanent { code: String },
}

/// One message from Stripe, its signature checked.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    pub kind: String,
    pub object_id: Option<String>,
    pub news: News,
}

/// What a message says of a payment.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    Intent(Intent),
    /// About this payment, and unreadable or less than the whole truth, so that Stripe must be asked.
    Unclear {
        intent: Option<String>,
        reference: Option<Reference>,
    },
    /// A card's issuer takes this payment for fraud, of a kind that Stripe names: a dispute may follow.
    FraudWarning {
        intent: String,
        kind: String,
    },
    /// Nothing that moves a purchase.
    Other,
}

/// Why a webhook is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWebhook {
    #[error("the Stripe-Signature header is missing or malformed")]
    Header,
    #[error("no configured secret made this signature")]
    Signature,
    #[error("the signature is more than 300 seconds old")]
    Timestamp,
    #[error("the body is not an event")]
    Body,
}

/// Takes and gives back money. Every call may be repeated.
pub trait Payments: Send + Sync + 'static {
    /// Creates the payment intent for `terms`, or finds the one that an earlier call made.
    fn create(
        &self,
        terms: IntentTerms<'_>,
        window: (Timestamp, Timestamp),
    ) -> impl Future<Output = Result<Intent, PaymentsError>> + Send;

    /// Brings an open payment intent up to date with `terms`.
    fn update(
        &self,
        intent: &str,
        terms: IntentTerms<'_>,
    ) -> impl Future<Output = Result<Intent, PaymentsError>> + Send;

    fn retrieve(&self, intent: &str) -> impl Future<Output = Result<Intent, PaymentsError>> + Send;

    /// The payment intent made for `reference` within `window` or a little outside, where there is one.
    fn find(
        &self,
        reference: &Reference,
        window: (Timestamp, Timestamp),
    ) -> impl Future<Output = Result<Option<Intent>, PaymentsError>> + Send;

    /// Payment intents created from `since` on, ours or not, a page at a time.
    fn created_since(
        &self,
        since: Timestamp,
        page: Option<&str>,
    ) -> impl Future<Output = Result<IntentPage, PaymentsError>> + Send;

    /// What moved our balance from `since` on, a page at a time.
    fn balance_since(
        &self,
        since: Timestamp,
        page: Option<&str>,
    ) -> impl Future<Output = Result<BalancePage, PaymentsError>> + Send;

    fn cancel(&self, intent: &str) -> impl Future<Output = Result<Intent, PaymentsError>> + Send;

    /// Creates the checkout session for `terms`, or finds the one that an earlier call made.
    fn create_session(
        &self,
        terms: SessionTerms<'_>,
        window: (Timestamp, Timestamp),
    ) -> impl Future<Output = Result<Session, PaymentsError>> + Send;

    fn retrieve_session(&self, session: &str) -> impl Future<Output = Result<Session, PaymentsError>> + Send;

    /// The checkout session made for `reference` within `window` or a little outside, where there is one.
    fn find_session(
        &self,
        reference: &Reference,
        window: (Timestamp, Timestamp),
    ) -> impl Future<Output = Result<Option<Session>, PaymentsError>> + Send;

    /// Closes the page of an open session, so that nobody pays on it any more.
    fn expire_session(&self, session: &str) -> impl Future<Output = Result<Session, PaymentsError>> + Send;

    /// Gives `amount` minor units back, or all that is left: once, however often it is called with this `key`, which
    /// begins with the purchase's reference. What becomes of it later is told by [`Payments::taken_back`].
    fn refund(
        &self,
        intent: &str,
        amount: Option<i64>,
        key: &str,
    ) -> impl Future<Output = Result<RefundStatus, PaymentsError>> + Send;

    /// Checks a webhook's signature over its raw body and reads what can be read. A message of an unknown type or
    /// version is a message all the same.
    fn read_message(&self, body: &str, signature: Option<&str>) -> Result<Message, BadWebhook>;

    /// What went back so far of a payment that succeeded.
    fn taken_back(&self, intent: &str) -> impl Future<Output = Result<TakenBack, PaymentsError>> + Send;
}

/// What went back of a payment, or may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// Minor units given back so far, refunds under way not counted.
    pub refunded: i64,
    /// Minor units of refunds that came to nothing.
    pub failed: i64,
    /// What the learner's bank made of it.
    pub dispute: Option<Disputed>,
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundStatus {
    Pending,
    Succeeded,
    Failed,
}

impl Intent {
    /// What this says of a purchase, in order: that the intent is there, and how it stands.
    #[must_use]
    pub fn events(&self) -> [Event; 2] {
        [Event::IntentCreated { intent: self.id.clone() }, self.standing()]
    }

    fn standing(&self) -> Event {
        match self.status {
            IntentStatus::Succeeded => Event::PaymentSucceeded {
                intent: self.id.clone(),
                amount: self.received,
                currency: self.currency,
                seat: SeatFound::Yes,
            },
            IntentStatus::Canceled => Event::IntentCanceled { intent: Some(self.id.clone()) },
            IntentStatus::Processing => Event::PaymentProcessing,
            IntentStatus::ActionRequired => Event::PaymentActionRequired,
            IntentStatus::Open => match self.failure.clone() {
                Some(failure) => Event::PaymentFailed { failure },
                None => Event::PaymentAwaited,
            },
        }
    }
}

impl TakenBack {
    /// Minor units that banks have taken for good.
    #[must_use]
    pub fn lost(&self) -> i64 {
        self.dispute.map_or(0, |dispute| dispute.money.lost)
    }

    /// What this says of a purchase.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let counted = Event::RefundsCounted { succeeded: self.refunded, failed: self.failed };
        std::iter::once(counted).chain(self.dispute.map(Event::Disputed)).collect()
    }
}

impl ClientSecret {
    #[must_use]
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// For the browser that pays, and nobody else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

impl PaymentsError {
    pub(crate) fn transient(message: impl Into<String>) -> Self {
        Self::Transient { message: message.into(), retry_after: None }
    }
}
