//! What is to be done because of an event.
use crate::coupons::CouponCode;
use serde::{Deserialize, Serialize};

/// Carried out by the shell. Those with no receiver are part of the event's transaction; the others reach other
/// systems and go through the outbox. Each is idempotent, and asks the purchase again before it acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Give the seat back, in the transaction of the event.
    ReleaseSeat,
    /// Give one use of the coupon back, in the transaction of the event.
    ReleaseRedemption { code: CouponCode },
    /// Make the codes that a team has paid for, in the transaction of the event.
    IssuePack,
    /// Take back those that nobody has used, in the transaction of the event.
    RevokePack,
    /// Retrieve the payment intent and tell the purchase what it says.
    AskStripe,
    /// Cancel the payment intent, so that nothing can be paid any more.
    CancelIntent,
    /// Give `amount` minor units back, or all that Stripe still has of the payment. `key` names the refund at Stripe.
    CreateRefund { amount: Option<i64>, key: String },
    /// Cancel a payment intent that another was paid in place of, or learn what was paid with it.
    CancelStray { intent: String },
    /// Give all of it back where a second payment intent was paid for a purchase that is settled.
    ReturnStray { intent: String, amount: i64, key: String },
    /// Show a person what no retry can mend.
    CallPerson { why: String },
    /// Give the learner access in FlockJay.
    CreateGrant,
    /// Take that access away.
    RevokeGrant,
}

/// Another system that commands are carried out against. Those of one purchase keep their order there, and wait for
/// no other system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    Stripe,
    FlockJay,
}

impl Receiver {
    /// Every receiver there is.
    pub const ALL: [Self; 2] = [Self::Stripe, Self::FlockJay];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::FlockJay => "flockjay",
        }
    }
}

impl Command {
    /// Whom it goes to; nobody where the transaction of the event carries it out.
    #[must_use]
    pub fn receiver(&self) -> Option<Receiver> {
        match self {
            Self::ReleaseSeat | Self::ReleaseRedemption { .. } | Self::IssuePack | Self::RevokePack => None,
            Self::AskStripe
            | Self::CancelIntent
            | Self::CreateRefund { .. }
            | Self::CancelStray { .. }
            | Self::ReturnStray { .. }
            | Self::CallPerson { .. } => Some(Receiver::Stripe),
            Self::CreateGrant | Self::RevokeGrant => Some(Receiver::FlockJay),
        }
    }

    /// The word that the outbox and the logs use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ReleaseSeat => "release_seat",
            Self::ReleaseRedemption { .. } => "release_redemption",
            Self::IssuePack => "issue_pack",
            Self::RevokePack => "revoke_pack",
            Self::AskStripe => "ask_stripe",
            Self::CancelIntent => "cancel_intent",
            Self::CreateRefund { .. } => "create_refund",
            Self::CancelStray { .. } => "cancel_stray",
            Self::ReturnStray { .. } => "return_stray",
            Self::CallPerson { .. } => "call_person",
            Self::CreateGrant => "create_grant",
            Self::RevokeGrant => "revoke_grant",
        }
    }
}
