//! Notifications to account receivers about a purchase, and the progress of each.
use super::{Command, Decision, Purchase};
use serde::{Deserialize, Serialize};
use shared::{State, StepState, Timestamp};

/// Events of a purchase, for the systems that keep the learner's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountEvent {
    /// The learner has access, or the team its codes.
    Granted,
    /// The payment was refunded, fully or in part.
    Refunded,
    /// FlockJay has revoked the access.
    Revoked,
}

/// The progress of one receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReceiverProgress {
    /// Messages that are not answered yet.
    pending: u32,
    /// When it last accepted a message.
    at: Option<Timestamp>,
    /// It refused the last message: a person must look.
    refused: bool,
}

impl AccountEvent {
    /// The event's type, named as in Standard Webhooks.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Granted => "purchase.granted",
            Self::Refunded => "purchase.refunded",
            Self::Revoked => "purchase.revoked",
        }
    }
}

impl ReceiverProgress {
    fn state(&self) -> StepState {
        match self {
            Self { refused: true, .. } => StepState::Failed,
            Self { pending: 0, .. } => StepState::Done,
            Self { .. } => StepState::Pending,
        }
    }
}

impl Purchase {
    pub(super) fn accounts_asked(&mut self, receivers: Vec<String>, event: AccountEvent) -> Decision {
        for receiver in &receivers {
            self.receivers.entry(receiver.clone()).or_default().pending += 1;
        }
        let notify = receivers.into_iter().map(|receiver| Command::NotifyAccount { receiver, event });
        Decision { commands: notify.collect(), ..Decision::default() }
    }

    pub(super) fn account_answered(&mut self, receiver: String, took: bool, now: Timestamp) {
        let progress = self.receivers.entry(receiver).or_default();
        progress.pending = progress.pending.saturating_sub(1);
        progress.refused = !took;
        if took {
            progress.at = Some(now);
        }
    }

    /// The event to send to a receiver that has missed all of them; `None` if the purchase never gave access.
    #[must_use]
    pub fn last_account_event(&self) -> Option<AccountEvent> {
        match self.state() {
            State::Granted | State::Refunding => self.access.granted_at.map(|_| AccountEvent::Granted),
            State::Refunded if self.access.revoked_at.is_some() => Some(AccountEvent::Revoked),
            State::Refunded => Some(AccountEvent::Refunded),
            State::Held
            | State::Paying
            | State::Processing
            | State::Paid
            | State::Expired
            | State::Canceled => None,
        }
    }

    /// The progress of each receiver, and when it last accepted a message.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, StepState, Option<Timestamp>)> {
        self.receivers.iter().map(|(receiver, progress)| (receiver.as_str(), progress.state(), progress.at))
    }

    /// All receivers as one step; `None` if none was notified.
    pub(super) fn account(&self) -> Option<(StepState, Option<Timestamp>)> {
        let any = |wanted| self.receivers.values().any(|progress| progress.state() == wanted);
        let state = if self.receivers.is_empty() {
            return None;
        } else if any(StepState::Failed) {
            StepState::Failed
        } else if any(StepState::Pending) {
            StepState::Pending
        } else {
            StepState::Done
        };
        let at = self.receivers.values().filter_map(|progress| progress.at).max();
        Some((state, at.filter(|_| state == StepState::Done)))
    }
}
