//! What other systems of ours are told of a purchase, and how far that has come with each.
use super::{Command, Purchase};
use serde::{Deserialize, Serialize};
use shared::{State, StepState, Timestamp};

/// What has happened to a purchase, for those who keep the learner's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountEvent {
    /// The learner has access, or the team its codes.
    Granted,
    /// The money is back, or a part of it.
    Refunded,
    /// FlockJay has taken the access away.
    Revoked,
}

/// How far one receiver has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    /// Messages on their way.
    pending: u32,
    /// When the last one was taken.
    at: Option<Timestamp>,
    /// The last one was refused: a person must look.
    refused: bool,
}

impl AccountEvent {
    /// As Standard Webhooks name a type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Granted => "purchase.granted",
            Self::Refunded => "purchase.refunded",
            Self::Revoked => "purchase.revoked",
        }
    }
}

impl Told {
    fn state(&self) -> StepState {
        match self {
            Self { refused: true, .. } => StepState::Failed,
            Self { pending: 0, .. } => StepState::Done,
            Self { .. } => StepState::Pending,
        }
    }
}

impl Purchase {
    pub(super) fn accounts_asked(&mut self, receivers: Vec<String>, event: AccountEvent) -> Vec<Command> {
        for receiver in &receivers {
            self.told.entry(receiver.clone()).or_default().pending += 1;
        }
        receivers.into_iter().map(|receiver| Command::TellAccount { receiver, event }).collect()
    }

    pub(super) fn account_answered(&mut self, receiver: String, took: bool, now: Timestamp) -> Vec<Command> {
        let told = self.told.entry(receiver).or_default();
        told.pending = told.pending.saturating_sub(1);
        told.refused = !took;
        if took {
            told.at = Some(now);
        }
        vec![]
    }

    /// What whoever has heard nothing of it is to hear; nothing of what never gave access.
    #[must_use]
    pub fn last_account_event(&self) -> Option<AccountEvent> {
        match self.state {
            State::Granted | State::Refunding => self.granted_at.map(|_| AccountEvent::Granted),
            State::Refunded if self.revoked_at.is_some() => Some(AccountEvent::Revoked),
            State::Refunded => Some(AccountEvent::Refunded),
            State::Held
            | State::Paying
            | State::Processing
            | State::Paid
            | State::Expired
            | State::Canceled => None,
        }
    }

    /// How far each receiver has come, and when it took its last message.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, StepState, Option<Timestamp>)> {
        self.told.iter().map(|(receiver, told)| (receiver.as_str(), told.state(), told.at))
    }

    /// All of them as one step; nothing where none was told anything.
    pub(super) fn account(&self) -> Option<(StepState, Option<Timestamp>)> {
        let any = |wanted| self.told.values().any(|told| told.state() == wanted);
        let state = if self.told.is_empty() {
            return None;
        } else if any(StepState::Failed) {
            StepState::Failed
        } else if any(StepState::Pending) {
            StepState::Pending
        } else {
            StepState::Done
        };
        let at = self.told.values().filter_map(|told| told.at).max();
        Some((state, at.filter(|_| state == StepState::Done)))
    }
}
