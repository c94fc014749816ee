//! What a purchase's transitions mean for the books: each movement of money, from one account to another.
use super::{DisputedMoney, Purchase};
use serde::Serialize;
use shared::Currency;

/// What moved money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Movement {
    /// Stripe took the learner's money.
    Charge,
    /// Some of it went back.
    Refund,
    /// What had gone back did not arrive, and is ours again.
    RefundFailed,
    /// A payment beside the purchase's own.
    Stray,
    /// It went back.
    StrayReturned,
    /// The learner's bank asks for the money, which Stripe keeps until it is decided.
    DisputeOpened,
    /// Stripe has given it back.
    DisputeWon,
    /// It is the learner's.
    DisputeLost,
    /// What was lost is not, after all.
    DisputeRegained,
    /// What Stripe keeps.
    Fee,
}

/// Where money is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ledger {
    /// Our balance at Stripe.
    Stripe,
    /// What was sold.
    Sales,
    /// What is not ours, and goes back.
    Strays,
    /// What banks have asked for.
    Disputes,
    /// What Stripe has kept.
    Fees,
}

/// Where a purchase's money stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    charged: i64,
    refunded: i64,
    disputed: Option<DisputedMoney>,
}

/// What the books have of a purchase's own payment intent, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Booked {
    pub charged: i64,
    pub refunded: i64,
    /// What Stripe has taken for a bank, and not given back.
    pub withdrawn: i64,
    /// Of that, what is lost.
    pub lost: i64,
}

/// One line of the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub movement: Movement,
    /// Stripe's payment intent.
    pub intent: Option<String>,
    /// Minor units, above zero.
    pub amount: i64,
    pub currency: Currency,
}

impl Movement {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::RefundFailed => "refund_failed",
            Self::Stray => "stray",
            Self::StrayReturned => "stray_returned",
            Self::DisputeOpened => "dispute_opened",
            Self::DisputeWon => "dispute_won",
            Self::DisputeLost => "dispute_lost",
            Self::DisputeRegained => "dispute_regained",
            Self::Fee => "fee",
        }
    }

    /// Which account has more afterwards, and which has less.
    #[must_use]
    pub fn accounts(self) -> (Ledger, Ledger) {
        match self {
            Self::Charge | Self::RefundFailed => (Ledger::Stripe, Ledger::Sales),
            Self::Refund => (Ledger::Sales, Ledger::Stripe),
            Self::Stray => (Ledger::Stripe, Ledger::Strays),
            Self::StrayReturned => (Ledger::Strays, Ledger::Stripe),
            Self::DisputeOpened => (Ledger::Disputes, Ledger::Stripe),
            Self::DisputeWon => (Ledger::Stripe, Ledger::Disputes),
            Self::DisputeLost => (Ledger::Sales, Ledger::Disputes),
            Self::DisputeRegained => (Ledger::Disputes, Ledger::Sales),
            Self::Fee => (Ledger::Fees, Ledger::Stripe),
        }
    }
}

impl Ledger {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Sales => "sales",
            Self::Strays => "strays",
            Self::Disputes => "disputes",
            Self::Fees => "fees",
        }
    }
}

impl Purchase {
    /// Where its money stands.
    #[must_use]
    pub fn balance(&self) -> Balance {
        let Self { charged, refunded, disputed, .. } = *self;
        Balance { charged, refunded, disputed }
    }

    /// What the books lack. Beside what has just moved, that is what a server of a release without books has moved.
    #[must_use]
    pub fn unbooked(&self, booked: Booked) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut add = |movement, amount: i64| {
            if amount > 0 {
                let (intent, currency) = (self.intent.clone(), self.price.currency);
                entries.push(Entry { movement, intent, amount, currency });
            }
        };
        add(Movement::Charge, self.charged - booked.charged);
        add(Movement::Refund, self.refunded - booked.refunded);
        add(Movement::RefundFailed, booked.refunded - self.refunded);
        // Of one that a release before has told of, nobody knows how much: the next answer of Stripe's says it.
        if let Some(DisputedMoney { withdrawn, lost }) = self.disputed {
            add(Movement::DisputeOpened, withdrawn - booked.withdrawn);
            add(Movement::DisputeRegained, booked.lost - lost);
            add(Movement::DisputeWon, booked.withdrawn - withdrawn);
            add(Movement::DisputeLost, lost - booked.lost);
        }
        entries
    }
}
