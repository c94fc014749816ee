//! Where the checkout stands, as the learner sees it.
use super::Trouble;
use shared::{Price, State, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Offer {
        note: Option<Trouble>,
    },
    Opening,
    Form {
        note: Option<Note>,
    },
    Paying(Step),
    /// Asking the server how the payment went; `looks` counts answers that did not say. `sure` where Stripe has
    /// said that it went well.
    Checking {
        sure: bool,
        looks: u32,
    },
    Processing,
    Paid {
        slow: bool,
    },
    Granted {
        access_url: Option<String>,
    },
    Over(State),
    Failed(Failure),
}

impl Stage {
    /// The first screen is shown.
    pub(crate) const fn is_offer(&self) -> bool {
        match self {
            Self::Offer { .. } | Self::Opening => true,
            Self::Form { .. }
            | Self::Paying(_)
            | Self::Checking { .. }
            | Self::Processing
            | Self::Paid { .. }
            | Self::Granted { .. }
            | Self::Over(_)
            | Self::Failed(_) => false,
        }
    }
}

/// How far one press of the pay button has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    CheckingDetails,
    Preparing,
    Confirming,
    /// The price moved: finding out the new one.
    Repricing,
    /// The server is asked about a coupon.
    Applying,
}

/// What the form has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Email(Trouble),
    /// Why the code was refused; nothing where a coupon was applied or taken off, and the price is another.
    Coupon(Option<Trouble>),
    /// Why so many places can't be had; nothing where that is no number of places.
    Places(Option<Trouble>),
    /// The purchase is for another number of places than before, and the price is another.
    Team,
    Details(String),
    Declined(String),
    /// The bank could not tell that it was the learner.
    Unauthenticated,
    PriceChanged,
    /// The offering was bought in this browser before.
    BoughtBefore,
    /// The learner is to show to be human.
    Challenge,
    /// The server knows of no payment after one whose outcome was in doubt.
    Unconfirmed,
    Trouble(Trouble),
}

/// What ends the way to the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Opening(Trouble),
    Stripe,
}

/// The purchase as far as the page needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Purchase {
    pub(crate) id: String,
    pub(crate) reference: String,
    pub(crate) price: Price,
    pub(crate) hold_expires_at: Timestamp,
    pub(crate) version: Option<i64>,
}
