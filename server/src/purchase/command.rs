//! Commands: what has to be done because of an event.
use super::AccountEvent;
use crate::coupons::CouponCode;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Carried out by the shell. Commands without a receiver are part of the event's transaction; the others go to other
/// systems through the outbox. Each is idempotent, and is checked against the purchase again before it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Release the seat, in the event's transaction.
    ReleaseSeat,
    /// Release one use of the coupon, in the event's transaction.
    ReleaseRedemption { code: CouponCode },
    /// Issue the codes that a team has paid for, in the event's transaction.
    IssuePack,
    /// Revoke those codes, in the event's transaction. Purchases that were paid with one keep their access.
    RevokePack,
    /// Retrieve the payment intent and apply what it says to the purchase.
    AskStripe,
    /// Cancel the payment intent, so that nothing more can be paid.
    CancelIntent,
    /// Refund `amount` minor units, or all that Stripe still has of the payment. `key` identifies the refund at Stripe.
    CreateRefund { amount: Option<i64>, key: String },
    /// Cancel a payment intent that another one has replaced, or find out what was paid with it.
    CancelStray { intent: String },
    /// Refund all of a second payment intent that was paid for a settled purchase.
    ReturnStray { intent: String, amount: i64, key: String },
    /// Escalate to a person what no retry can fix.
    #[serde(rename = "call_person")]
    Escalate { why: String },
    /// Grant the learner access in FlockJay.
    CreateGrant,
    /// Revoke that access.
    RevokeGrant,
    /// Find the account receivers to notify of `event`.
    #[serde(rename = "tell_accounts")]
    NotifyAccounts { event: AccountEvent },
    /// Notify this account receiver.
    #[serde(rename = "tell_account")]
    NotifyAccount { receiver: String, event: AccountEvent },
}

/// A system that commands are sent to. There, the commands of one purchase keep their order; they don't wait for other
/// systems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver {
    Stripe,
    FlockJay,
    /// Ourselves: only a server knows which account receivers are configured.
    Accounts,
    /// One account receiver, by its name.
    Account(String),
}

impl Receiver {
    /// The receivers that always exist.
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
    /// The receiver; `None` if the command is part of the event's transaction.
    #[must_use]
    pub fn receiver(&self) -> Option<Receiver> {
        match self {
            Self::ReleaseSeat | Self::ReleaseRedemption { .. } | Self::IssuePack | Self::RevokePack => None,
            Self::AskStripe
            | Self::CancelIntent
            | Self::CreateRefund { .. }
            | Self::CancelStray { .. }
            | Self::ReturnStray { .. }
            | Self::Escalate { .. } => Some(Receiver::Stripe),
            Self::CreateGrant | Self::RevokeGrant => Some(Receiver::FlockJay),
            Self::NotifyAccounts { .. } => Some(Receiver::Accounts),
            Self::NotifyAccount { receiver, .. } => Some(Receiver::Account(receiver.clone())),
        }
    }

    /// The name in the outbox and the logs.
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
            Self::Escalate { .. } => "call_person",
            Self::CreateGrant => "create_grant",
            Self::RevokeGrant => "revoke_grant",
            Self::NotifyAccounts { .. } => "tell_accounts",
            Self::NotifyAccount { .. } => "tell_account",
        }
    }
}
