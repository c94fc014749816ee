//! The stages of the checkout, as the learner sees them.
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
    /// Asking the server how the payment went. `looks` counts answers that did not say; `sure` if the payment has
    /// been reported as successful.
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
    /// Whether the form is shown.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        expect(dead_code, reason = "only an element in a page has states")
    )]
    pub(crate) const fn is_form(&self) -> bool {
        matches!(self, Self::Form { .. } | Self::Paying(_))
    }

    /// Whether the first screen is shown.
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

/// The progress of one press of the pay button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    CheckingDetails,
    Preparing,
    Confirming,
    /// The price changed: fetching the new one.
    Repricing,
    /// The server is applying or removing a coupon.
    Applying,
}

/// A message in the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Email(Trouble),
    /// Why the code was refused; `None` if a coupon was applied or removed, which changed the price.
    Coupon(Option<Trouble>),
    /// Why that many places can't be bought; `None` if the input is not a valid number of places.
    Places(Option<Trouble>),
    /// The number of places has changed, and so has the price.
    Team,
    Details(String),
    Declined(String),
    /// The bank could not authenticate the learner.
    Unauthenticated,
    PriceChanged,
    /// The offering was bought in this browser with this email before.
    BoughtBefore,
    /// The learner must prove to be human.
    Challenge,
    /// The outcome of a payment was unknown, and the server knows of no payment.
    Unconfirmed,
    Trouble(Trouble),
}

/// Why the form could not be shown.
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
