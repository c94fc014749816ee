//! The events of a purchase.
use super::{AccountEvent, IdempotencyKey, IntentId, Learner, PaymentMethods, Redemption, SessionId};
use serde::{Deserialize, Serialize};
use shared::{Currency, Price};

/// Something that has happened, in the past tense.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A coupon was applied or removed.
    PriceChanged { price: Price, redemption: Option<Redemption> },
    /// The learner pressed Pay. `key` is used unless an earlier press has frozen a request.
    PaySubmitted {
        learner: Learner,
        expected_total: i64,
        key: IdempotencyKey,
        title: Option<String>,
        methods: Option<PaymentMethods>,
        path: PaymentPath,
    },
    /// Stripe has the payment intent.
    IntentCreated { intent: IntentId },
    /// Stripe answered for certain that it created neither an intent nor a session, and will repeat that answer for
    /// this key.
    IntentNotCreated,
    /// Stripe has the checkout session: its hosted page on which this purchase can be paid.
    SessionCreated { session: SessionId },
    /// The hosted page no longer takes payments, or never existed. Its intent says what was paid on it.
    SessionClosed,
    /// The bank wants to authenticate the learner (3-D Secure).
    PaymentActionRequired,
    /// Stripe waits for a card: nothing is under way.
    PaymentAwaited,
    /// The payment method settles later.
    PaymentProcessing,
    /// Declined. `failure` identifies this attempt, so that a repeated report counts once.
    PaymentFailed { failure: String },
    /// Stripe took the money; `currency` is `None` if we can't read it. `seat` is what the store found for a purchase
    /// that had lost its own.
    PaymentSucceeded { intent: IntentId, amount: i64, currency: Option<Currency>, seat: SeatFound },
    /// Stripe will take no more money with this intent; `None` if it has none for this purchase.
    IntentCanceled { intent: Option<IntentId> },
    /// The learner needs more time.
    ExtensionRequested,
    /// The learner cancelled.
    CancelRequested,
    /// The payer was declined too often, here and elsewhere.
    PayerBlocked,
    /// The sweep woke the purchase.
    Woken,
    /// Stripe sent news of this intent that is unreadable or incomplete, so that it must be asked.
    StripeHadNews { intent: Option<IntentId> },
    /// FlockJay granted access.
    GrantCreated { access_url: String },
    /// FlockJay refused for good.
    GrantRefused,
    /// FlockJay revoked access.
    GrantRevoked,
    /// An operator refunds `amount` minor units, or all that is left.
    RefundRequested { amount: Option<i64>, key: IdempotencyKey },
    /// The totals of all refunds so far, in minor units. Those under way count in neither.
    RefundsCounted { succeeded: i64, failed: i64 },
    /// Stripe refused for good to refund `amount` minor units, or all of it.
    RefundRefused { amount: Option<i64> },
    /// The learner's bank asks for the money back, or has decided.
    Disputed(Disputed),
    /// A learner asked to be erased: the owner, or someone else who once pressed Pay.
    LearnerErased { owner: bool },
    /// These account receivers are to be notified of `event`.
    AccountsFound { receivers: Vec<String>, event: AccountEvent },
    /// One of them accepted its message, or refused it for good.
    AccountAnswered { receiver: String, took: bool },
}

/// How a purchase is paid. Once chosen it stays, so that nobody pays twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentPath {
    /// By a payment intent, inside the course page.
    Inline,
    /// By a checkout session, on Stripe's page.
    Hosted(PageTerms),
}

/// The content of Stripe's page, and the address it sends the learner back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageTerms {
    /// The offering's title in the catalogue.
    pub title: String,
    /// The learner's language, such as `de`.
    pub lang: String,
    /// The address of the purchase's status page.
    pub back: String,
}

/// The status of a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dispute {
    Open,
    /// The money stays.
    Won,
    /// The bank took the money back.
    Lost,
}

impl Dispute {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

/// All disputes of a payment, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// Open while any of them is; otherwise lost, if any was.
    pub standing: Dispute,
    pub money: DisputedMoney,
    /// Whether Stripe lets the payment be refunded while one is open.
    pub refundable: bool,
}

/// Money taken by disputes, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputedMoney {
    /// Withdrawn by Stripe and not returned. An inquiry withdraws nothing.
    pub withdrawn: i64,
    /// Of that, what is lost for good.
    pub lost: i64,
}

/// Whether a purchase whose money arrives late still has its seat and its coupon, or got new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatFound {
    /// It needs none, still has them, or got new ones in this transaction.
    Yes,
    /// The offering is full, or the coupon is used up.
    No,
}

/// Why a purchase refuses an event that was requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The hold, or the time to pay, ran out.
    HoldExpired,
    /// It is being paid on the other path (Stripe's page or inline), or for another email than requested.
    PaidOtherwise,
    /// It is paid, cancelled or refunded.
    Ended,
    /// The learner was shown another total.
    PriceChanged {
        total: i64,
    },
    TooManyDeclines,
    /// The hold was extended before.
    AlreadyExtended,
    /// Enough time is left.
    HoldNotEnding,
    /// More than what is left to refund.
    RefundTooLarge {
        left: i64,
    },
    /// There is nothing to refund yet.
    NotPaid,
    /// Money or access may still change, and both need the learner's data.
    UnderWay,
    /// The learner's bank disputes the payment, and Stripe refunds nothing until that is decided.
    Disputed,
}
