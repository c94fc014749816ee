//! The ledger's view of a purchase's transitions: each movement of money, from one account to another.
use super::{DisputedMoney, IntentId, Purchase};
use serde::Serialize;
use shared::Currency;

/// The cause of a movement of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Movement {
    /// Stripe took the learner's money.
    Charge,
    /// All or some of it was refunded.
    Refund,
    /// A refund did not arrive, and its money is ours again.
    RefundFailed,
    /// A payment besides the purchase's own.
    Stray,
    /// It was refunded.
    StrayReturned,
    /// The learner's bank disputes the payment; Stripe withholds the money until that is decided.
    DisputeOpened,
    /// Stripe has returned that money.
    DisputeWon,
    /// The learner's bank keeps the money.
    DisputeLost,
    /// A lost dispute was won after all.
    DisputeRegained,
    /// Stripe's fee.
    Fee,
}

/// An account of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAccount {
    /// Our balance at Stripe.
    Stripe,
    /// Our revenue.
    Sales,
    /// Money that is not ours and is to be refunded.
    Strays,
    /// Money that is withheld for disputes.
    Disputes,
    /// Stripe's fees.
    Fees,
}

/// The balance of a purchase's money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    charged: i64,
    refunded: i64,
    disputed: Option<DisputedMoney>,
}

/// The ledger's sums for a purchase's own payment intent, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Booked {
    pub charged: i64,
    pub refunded: i64,
    /// Minor units that Stripe has withdrawn for disputes and not returned.
    pub withdrawn: i64,
    /// Of that, what is lost for good.
    pub lost: i64,
}

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub movement: Movement,
    /// Stripe's payment intent.
    pub intent: Option<IntentId>,
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

    /// The account to debit, and the account to credit.
    #[must_use]
    pub fn accounts(self) -> (LedgerAccount, LedgerAccount) {
        match self {
            Self::Charge | Self::RefundFailed => (LedgerAccount::Stripe, LedgerAccount::Sales),
            Self::Refund => (LedgerAccount::Sales, LedgerAccount::Stripe),
            Self::Stray => (LedgerAccount::Stripe, LedgerAccount::Strays),
            Self::StrayReturned => (LedgerAccount::Strays, LedgerAccount::Stripe),
            Self::DisputeOpened => (LedgerAccount::Disputes, LedgerAccount::Stripe),
            Self::DisputeWon => (LedgerAccount::Stripe, LedgerAccount::Disputes),
            Self::DisputeLost => (LedgerAccount::Sales, LedgerAccount::Disputes),
            Self::DisputeRegained => (LedgerAccount::Disputes, LedgerAccount::Sales),
            Self::Fee => (LedgerAccount::Fees, LedgerAccount::Stripe),
        }
    }
}

impl LedgerAccount {
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
    /// The balance of its money.
    #[must_use]
    pub fn balance(&self) -> Balance {
        Balance {
            charged: self.payment.charged,
            refunded: self.refunds.succeeded,
            disputed: self.disputes.money,
        }
    }

    /// The entries that the ledger lacks: what has just moved, and what a server of a release without a ledger has
    /// moved.
    #[must_use]
    pub fn unbooked(&self, booked: Booked) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut add = |movement, amount: i64| {
            if amount > 0 {
                let (intent, currency) = (self.payment.intent.clone(), self.price.currency);
                entries.push(Entry { movement, intent, amount, currency });
            }
        };
        add(Movement::Charge, self.payment.charged - booked.charged);
        add(Movement::Refund, self.refunds.succeeded - booked.refunded);
        add(Movement::RefundFailed, booked.refunded - self.refunds.succeeded);
        // If an earlier release recorded the dispute, its amounts are unknown until Stripe's next answer.
        if let Some(DisputedMoney { withdrawn, lost }) = self.disputes.money {
            add(Movement::DisputeOpened, withdrawn - booked.withdrawn);
            add(Movement::DisputeRegained, booked.lost - lost);
            add(Movement::DisputeWon, booked.withdrawn - withdrawn);
            add(Movement::DisputeLost, lost - booked.lost);
        }
        entries
    }
}
