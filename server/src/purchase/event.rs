//! What can happen to a purchase.
use super::{AccountEvent, Learner, PaymentMethods, Redemption};
use serde::{Deserialize, Serialize};
use shared::{Currency, Price};

/// Something that has happened, in the past tense.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A coupon was applied or removed.
    PriceChanged { price: Price, redemption: Option<Redemption> },
    /// The learner pressed Pay. `key` is used where this is the first time.
    PaySubmitted {
        learner: Learner,
        expected_total: i64,
        key: String,
        title: Option<String>,
        methods: Option<PaymentMethods>,
        way: Way,
    },
    /// Stripe has the payment intent.
    IntentCreated { intent: String },
    /// Stripe answered for certain that it made neither an intent nor a session, and will repeat that answer for this
    /// key.
    IntentNotCreated,
    /// Stripe has the checkout session: a page of its own on which this purchase can be paid.
    SessionCreated { session: String },
    /// That page takes no payment any more, or there never was one. What was paid on it its intent says.
    SessionClosed,
    /// The bank wants to see the learner (3-D Secure).
    PaymentActionRequired,
    /// Stripe waits for a card: nothing is under way.
    PaymentAwaited,
    /// The method settles later.
    PaymentProcessing,
    /// Declined. `failure` names this try, so that the same one told twice counts once.
    PaymentFailed { failure: String },
    /// Stripe took the money; `currency` is nothing where it is none of ours. `seat` is what the store found where the purchase had lost its own.
    PaymentSucceeded { intent: String, amount: i64, currency: Option<Currency>, seat: SeatFound },
    /// Stripe will take no money by this intent any more; nothing where it has none for this purchase.
    IntentCanceled { intent: Option<String> },
    /// The learner gave up.
    GaveUp,
    /// Whoever pays was declined too often, here and elsewhere.
    PayerStopped,
    /// The sweep looked in.
    Woken,
    /// Stripe said something of this intent that can't be read, or less than the whole truth, so that it must be asked.
    StripeHadNews { intent: Option<String> },
    /// FlockJay gave access.
    GrantCreated { access_url: String },
    /// FlockJay refused for good.
    GrantRefused,
    /// FlockJay took access away.
    GrantRevoked,
    /// An operator gives money back: `amount` minor units, or all that is left.
    RefundRequested { amount: Option<i64>, key: String },
    /// Of all refunds so far `succeeded` minor units went back, and `failed` came to nothing. Those under way count in
    /// neither.
    RefundsCounted { succeeded: i64, failed: i64 },
    /// Stripe refused for good to give `amount` minor units back, or all of it.
    RefundRefused { amount: Option<i64> },
    /// The learner's bank asks for the money back, or has decided.
    Disputed(Disputed),
    /// A learner wants to be forgotten: its owner, or somebody who once pressed Pay and was not.
    LearnerErased { owner: bool },
    /// These systems are to be told of `event`.
    AccountsAsked { receivers: Vec<String>, event: AccountEvent },
    /// One of them has taken its message, or refused it for good.
    AccountAnswered { receiver: String, took: bool },
}

/// How a purchase is paid. Once chosen it stays, so that nobody pays twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a payment intent, inside the course page.
    Inline,
    /// By a checkout session, on Stripe's page.
    Hosted(PageTerms),
}

/// What Stripe's page is to say, and where it sends the learner back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageTerms {
    /// What is sold, in the catalogue's words.
    pub title: String,
    /// The learner's language, such as `de`.
    pub lang: String,
    /// The address of the purchase's status page.
    pub back: String,
}

/// Where a dispute stands.
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

/// What banks make of a payment, all its disputes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// Open while one of them is; else lost, if one was.
    pub standing: Dispute,
    pub money: DisputedMoney,
    /// Whether Stripe lets the payment be refunded while one is open.
    pub refundable: bool,
}

/// What disputes have taken, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputedMoney {
    /// What Stripe has withdrawn, and not given back. An inquiry takes nothing.
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

/// Why a purchase refuses an event that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The hold, or the time to pay, ran out.
    HoldExpired,
    /// It is being paid on Stripe's page, or inline, and not by the way or for the email that was asked for.
    PaidOtherwise,
    /// It is paid, cancelled or refunded.
    Ended,
    /// The learner saw another total.
    PriceChanged {
        total: i64,
    },
    TooManyDeclines,
    /// More than what is left to refund.
    RefundTooLarge {
        left: i64,
    },
    /// There is nothing to give back yet.
    NotPaid,
    /// Money or access may still move, and both need the learner.
    UnderWay,
    /// The learner's bank has asked for the money, and Stripe gives nothing back until that is decided.
    Disputed,
}
