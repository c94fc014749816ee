//! The port to the payment provider. Only `stripe` uses Stripe's own types.

mod session;
mod stripe;

pub use session::{Session, SessionStatus, SessionTerms};
pub use stripe::{Stripe, form_options};

use crate::purchase::{Attempt, Disputed, Event, IdempotencyKey, IntentId, Reference, SeatFound, SessionId};
use async_trait::async_trait;
use shared::{Currency, Timestamp};
use std::time::Duration;

/// A payment intent, as Stripe reports it.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    pub id: IntentId,
    /// Lets the browser confirm the payment; absent from events.
    pub client_secret: Option<ClientSecret>,
    pub status: IntentStatus,
    /// Minor units to be paid.
    pub amount: i64,
    /// Minor units that were paid.
    pub received: i64,
    /// `None` if Stripe uses a code that isn't three letters.
    pub currency: Option<Currency>,
    /// Our reference, if the intent is ours.
    pub reference: Option<Reference>,
    /// Identifies the failure of the last attempt, so that a repeated report of it is recognized.
    pub failure: Option<String>,
}

/// One page of Stripe's payment intents.
#[derive(Clone, Debug)]
pub struct IntentPage {
    pub intents: Vec<Intent>,
    /// The last of them, after which the next page begins; `None` on the last page.
    pub next: Option<IntentId>,
}

/// One movement of our Stripe balance that belongs to a payment.
#[derive(Clone, Debug, PartialEq)]
pub struct BalanceEntry {
    /// The id of Stripe's balance transaction.
    pub id: String,
    pub at: Timestamp,
    /// The payment intent.
    pub intent: IntentId,
    pub moved: Moved,
    /// Minor units of the currency that the learner paid in, above zero.
    pub amount: i64,
    pub currency: Option<Currency>,
    /// Stripe's fee, in minor units of the balance's currency.
    pub fee: i64,
    pub fee_currency: String,
}

/// The direction of a movement of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    Charged,
    Refunded,
    /// Withdrawn because the learner's bank disputes the payment.
    Disputed,
    DisputeWon,
    /// A refund that is not final, or failed.
    Nothing,
}

/// One page of our balance's movements.
#[derive(Clone, Debug, Default)]
pub struct BalancePage {
    pub entries: Vec<BalanceEntry>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

/// The client secret of a payment intent. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

/// The status of a payment intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntentStatus {
    /// Waits for a card, or for the learner.
    Open,
    ActionRequired,
    Processing,
    Succeeded,
    Canceled,
}

/// The parameters a payment intent is created or updated with.
#[derive(Clone, Debug)]
pub struct IntentTerms<'a> {
    pub reference: &'a Reference,
    pub sku: &'a str,
    pub attempt: &'a Attempt,
}

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PaymentsError {
    /// Unreachable, busy, or only half answered: it is safe to repeat the call with the same key later.
    #[error("{message}")]
    Transient { message: String, retry_after: Option<Duration> },
    /// Failed for certain, and would fail in the same way with the same key: a new one is needed.
    #[error("{message}")]
    Spent { message: String },
    /// The intent or session is in a different state than the call needs: retrieve it.
    #[error("the payment intent or checkout session is in another state")]
    OtherState,
    /// Stripe rejects this email address.
    #[error("the email is refused")]
    EmailRefused,
    /// Stripe has no such object.
    #[error("Stripe has no such object")]
    Missing,
    /// Refused for good. Stripe's own message is left out: it may repeat what the learner typed.
    #[error("refused: {code}")]
    Permanent { code: String },
}

/// A webhook message from Stripe, its signature verified.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    pub kind: String,
    pub object_id: Option<String>,
    pub news: News,
}

/// The content of a message about a payment.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    Intent(Intent),
    /// About this payment, but unreadable or incomplete, so that Stripe must be asked.
    Unclear {
        intent: Option<IntentId>,
        reference: Option<Reference>,
    },
    /// A card's issuer suspects fraud, of a kind that Stripe names: a dispute may follow.
    FraudWarning {
        intent: IntentId,
        kind: String,
    },
    /// Nothing that concerns a purchase.
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

/// Takes payments and refunds them. Every call may be repeated.
#[async_trait]
pub trait Payments: Send + Sync + 'static {
    /// Creates the payment intent for `terms`, or finds the one that an earlier call made.
    async fn create(
        &self,
        terms: IntentTerms<'_>,
        window: (Timestamp, Timestamp),
    ) -> Result<Intent, PaymentsError>;

    /// Updates an open payment intent to `terms`.
    async fn update(&self, intent: &IntentId, terms: IntentTerms<'_>) -> Result<Intent, PaymentsError>;

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, PaymentsError>;

    /// The payment intent created for `reference` within `window` or a little outside, if there is one.
    async fn find(
        &self,
        reference: &Reference,
        window: (Timestamp, Timestamp),
    ) -> Result<Option<Intent>, PaymentsError>;

    /// Payment intents created from `since` on, ours or not, a page at a time.
    async fn created_since(
        &self,
        since: Timestamp,
        after: Option<&IntentId>,
    ) -> Result<IntentPage, PaymentsError>;

    /// Movements of our balance from `since` on, a page at a time.
    async fn balance_since(&self, since: Timestamp, page: Option<&str>)
    -> Result<BalancePage, PaymentsError>;

    async fn cancel(&self, intent: &IntentId) -> Result<Intent, PaymentsError>;

    /// Creates the checkout session for `terms`, or finds the one that an earlier call made.
    async fn create_session(
        &self,
        terms: SessionTerms<'_>,
        window: (Timestamp, Timestamp),
    ) -> Result<Session, PaymentsError>;

    async fn retrieve_session(&self, session: &SessionId) -> Result<Session, PaymentsError>;

    /// The checkout session created for `reference` within `window` or a little outside, if there is one.
    async fn find_session(
        &self,
        reference: &Reference,
        window: (Timestamp, Timestamp),
    ) -> Result<Option<Session>, PaymentsError>;

    /// Expires an open session, so that nobody can pay on its page any more.
    async fn expire_session(&self, session: &SessionId) -> Result<Session, PaymentsError>;

    /// Refunds `amount` minor units, or all that is left: once, however often it is called with this `key`, which
    /// begins with the purchase's reference. [`Payments::reversals`] reports the outcome later.
    async fn refund(
        &self,
        intent: &IntentId,
        amount: Option<i64>,
        key: &IdempotencyKey,
    ) -> Result<RefundStatus, PaymentsError>;

    /// Verifies a webhook's signature over its raw body and reads what can be read. An unknown type or version is no
    /// error.
    fn read_message(&self, body: &str, signature: Option<&str>) -> Result<Message, BadWebhook>;

    /// Refunds and disputes so far of a payment that succeeded.
    async fn reversals(&self, intent: &IntentId) -> Result<Reversals, PaymentsError>;

    /// Names of permissions that our key lacks, as far as that can be told.
    async fn missing_permissions(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// Refunds and disputes of a payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reversals {
    /// Minor units refunded so far, without refunds under way.
    pub refunded: i64,
    /// Minor units of refunds that failed.
    pub failed: i64,
    /// The payment's disputes, taken together.
    pub dispute: Option<Disputed>,
}

/// The status of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundStatus {
    Pending,
    Succeeded,
    Failed,
}

impl Intent {
    /// The events that follow for a purchase, in order: the intent exists, and its status.
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

impl Reversals {
    /// Minor units that banks have taken back for good.
    #[must_use]
    pub fn lost(&self) -> i64 {
        self.dispute.map_or(0, |dispute| dispute.money.lost)
    }

    /// The events that follow for a purchase.
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

    /// Only for the browser that pays.
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
