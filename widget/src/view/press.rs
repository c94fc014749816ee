//! The buttons a learner can press.
use crate::model::Event;

#[derive(Clone, Copy)]
pub(crate) enum Press {
    Purchase,
    /// Opens the field for a code, applies its code, or removes the coupon.
    Redeem,
    /// Opens the field for places of a team, buys that many, or goes back to one for the learner alone.
    Team,
    /// Asks for more time.
    Extend,
    Cancel,
    /// Submits the form, whose `submit` event reports the press.
    Pay,
    TryAgain,
    StartAgain,
    /// Closes the dialog.
    Close,
    /// Does nothing.
    Nothing,
}

impl Press {
    const ALL: [Self; 8] = [
        Self::Purchase,
        Self::Redeem,
        Self::Team,
        Self::Extend,
        Self::Cancel,
        Self::TryAgain,
        Self::StartAgain,
        Self::Close,
    ];

    /// The button's `data-press`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Redeem => "redeem",
            Self::Team => "team",
            Self::Extend => "extend",
            Self::Cancel => "cancel",
            Self::TryAgain => "again",
            Self::StartAgain => "anew",
            Self::Close => "close",
            Self::Pay | Self::Nothing => "",
        }
    }

    /// The event of the button with this `data-press`.
    pub(crate) fn event(name: &str) -> Option<Event> {
        Some(match Self::ALL.into_iter().find(|press| press.name() == name)? {
            Self::Purchase => Event::PurchasePressed,
            Self::Redeem => Event::CodePressed,
            Self::Team => Event::TeamPressed,
            Self::Extend => Event::ExtendPressed,
            Self::Cancel => Event::CancelPressed,
            Self::TryAgain => Event::TryAgainPressed,
            Self::StartAgain => Event::StartAgainPressed,
            Self::Close => Event::ClosePressed,
            Self::Pay | Self::Nothing => return None,
        })
    }
}
