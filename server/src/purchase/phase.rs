//! The state of a purchase, with what makes sense in that state alone.
use serde::{Deserialize, Serialize};
use shared::{State, Timestamp};

/// A [`State`] with its data. Stored as the flat fields of earlier releases: see [`Stored`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub(super) enum Phase {
    Held,
    Paying {
        /// The payment intent is being cancelled: nothing more may be paid.
        cancel_requested: bool,
    },
    Processing {
        cancel_requested: bool,
    },
    Paid {
        /// FlockJay refused the grant for good.
        grant_refused: bool,
    },
    Granted,
    Refunding,
    Refunded {
        at: Timestamp,
    },
    Expired {
        at: Timestamp,
    },
    Canceled {
        at: Timestamp,
    },
}

impl Phase {
    pub(super) fn state(&self) -> State {
        match self {
            Self::Held => State::Held,
            Self::Paying { .. } => State::Paying,
            Self::Processing { .. } => State::Processing,
            Self::Paid { .. } => State::Paid,
            Self::Granted => State::Granted,
            Self::Refunding => State::Refunding,
            Self::Refunded { .. } => State::Refunded,
            Self::Expired { .. } => State::Expired,
            Self::Canceled { .. } => State::Canceled,
        }
    }

    pub(super) fn is_cancel_requested(&self) -> bool {
        matches!(self, Self::Paying { cancel_requested: true } | Self::Processing { cancel_requested: true })
    }

    /// Accepts no further payment until Stripe has confirmed the cancellation; does nothing in other states than
    /// paying and processing.
    pub(super) fn request_cancel(&mut self) {
        if let Self::Paying { cancel_requested } | Self::Processing { cancel_requested } = self {
            *cancel_requested = true;
        }
    }
}

/// How a phase is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    state: State,
    /// When it expired, was cancelled or was refunded.
    ended_at: Option<Timestamp>,
    #[serde(rename = "ending")]
    cancel_requested: bool,
    grant_refused: bool,
}

impl From<Phase> for Stored {
    fn from(phase: Phase) -> Self {
        let ended_at = match phase {
            Phase::Refunded { at } | Phase::Expired { at } | Phase::Canceled { at } => Some(at),
            Phase::Held
            | Phase::Paying { .. }
            | Phase::Processing { .. }
            | Phase::Paid { .. }
            | Phase::Granted
            | Phase::Refunding => None,
        };
        Self {
            state: phase.state(),
            ended_at,
            cancel_requested: phase.is_cancel_requested(),
            grant_refused: phase == Phase::Paid { grant_refused: true },
        }
    }
}

impl TryFrom<Stored> for Phase {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored { state, ended_at, cancel_requested, grant_refused } = stored;
        let at = || ended_at.ok_or_else(|| format!("a purchase that is {state} needs ended_at"));
        Ok(match state {
            State::Held => Self::Held,
            State::Paying => Self::Paying { cancel_requested },
            State::Processing => Self::Processing { cancel_requested },
            State::Paid => Self::Paid { grant_refused },
            State::Granted => Self::Granted,
            State::Refunding => Self::Refunding,
            State::Refunded => Self::Refunded { at: at()? },
            State::Expired => Self::Expired { at: at()? },
            State::Canceled => Self::Canceled { at: at()? },
        })
    }
}
