//! The consequences of an event: effects on our own database, and commands to other systems.
use super::AccountEvent;
use super::{CouponCode, IdempotencyKey, IntentId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The outcome of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    pub effects: Vec<Effect>,
    pub commands: Vec<Command>,
}

/// A change of our own database, made in the event's transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    ReleaseSeat,
    /// Release one use of the coupon.
    ReleaseRedemption {
        code: CouponCode,
    },
    /// Issue the codes that a team has paid for.
    IssuePack,
    /// Revoke those codes. Purchases that were paid with one keep their access.
    RevokePack,
}

/// A message to another system. It goes into the outbox in the event's transaction, is idempotent, and is checked
/// against the purchase again before it is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Retrieve the payment intent and apply what it says to the purchase.
    AskStripe,
    /// Cancel the payment intent, so that nothing more can be paid.
    CancelIntent,
    /// Refund `amount` minor units, or all that Stripe still has of the payment. `key` identifies the refund at Stripe.
    CreateRefund { amount: Option<i64>, key: IdempotencyKey },
    /// Cancel a payment intent that another one has replaced, or find out what was paid with it.
    CancelStray { intent: IntentId },
    /// Refund all of a second payment intent that was paid for a settled purchase.
    ReturnStray { intent: IntentId, amount: i64, key: IdempotencyKey },
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

impl Decision {
    /// This and then `next`.
    #[must_use]
    pub(crate) fn and(mut self, next: impl Into<Self>) -> Self {
        let next = next.into();
        self.effects.extend(next.effects);
        self.commands.extend(next.commands);
        self
    }

    /// The names of its effects and commands.
    #[cfg(test)]
    pub(super) fn names(&self) -> Vec<&'static str> {
        let effects = self.effects.iter().map(Effect::name);
        effects.chain(self.commands.iter().map(Command::name)).collect()
    }
}

impl From<Effect> for Decision {
    fn from(effect: Effect) -> Self {
        Self { effects: vec![effect], ..Self::default() }
    }
}

impl From<Command> for Decision {
    fn from(command: Command) -> Self {
        Self { commands: vec![command], ..Self::default() }
    }
}

impl<T: Into<Self>> From<Option<T>> for Decision {
    fn from(part: Option<T>) -> Self {
        part.map(Into::into).unwrap_or_default()
    }
}

impl Effect {
    #[cfg(test)]
    fn name(&self) -> &'static str {
        match self {
            Self::ReleaseSeat => "release_seat",
            Self::ReleaseRedemption { .. } => "release_redemption",
            Self::IssuePack => "issue_pack",
            Self::RevokePack => "revoke_pack",
        }
    }
}

impl Command {
    #[must_use]
    pub fn receiver(&self) -> Receiver {
        match self {
            Self::AskStripe
            | Self::CancelIntent
            | Self::CreateRefund { .. }
            | Self::CancelStray { .. }
            | Self::ReturnStray { .. }
            | Self::Escalate { .. } => Receiver::Stripe,
            Self::CreateGrant | Self::RevokeGrant => Receiver::FlockJay,
            Self::NotifyAccounts { .. } => Receiver::Accounts,
            Self::NotifyAccount { receiver, .. } => Receiver::Account(receiver.clone()),
        }
    }

    /// The name in the outbox and the logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
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
