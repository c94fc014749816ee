//! What is to be done because of an event.
use super::AccountEvent;
use crate::coupons::CouponCode;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

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
    /// Find out who is to be told of `event`.
    TellAccounts { event: AccountEvent },
    /// Tell this one.
    TellAccount { receiver: String, event: AccountEvent },
}

/// Another system that commands are carried out against. Those of one purchase keep their order there, and wait for
/// no other system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver {
    Stripe,
    FlockJay,
    /// Ourselves: only a server knows which systems there are to be told.
    Accounts,
    /// One of those, by its name.
    Account(String),
}

impl Receiver {
    /// Every receiver that there always is.
    pub const ALL: [Self; 3] = [Self::Stripe, Self::FlockJay, Self::Accounts];

    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Stripe => "stripe".into(),
            Self::FlockJay => "flockjay".into(),
            Self::Accounts => "accounts".into(),
            Self::Account(name) => format!("account {name}").into(),
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
            Self::TellAccounts { .. } => Some(Receiver::Accounts),
            Self::TellAccount { receiver, .. } => Some(Receiver::Account(receiver.clone())),
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
            Self::TellAccounts { .. } => "tell_accounts",
            Self::TellAccount { .. } => "tell_account",
        }
    }
}
