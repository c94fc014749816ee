//! What a learner can press.
use crate::model::Event;

#[derive(Clone, Copy)]
pub(crate) enum Press {
    Purchase,
    /// Opens the field for a code, applies what is in it, or takes it off.
    Redeem,
    /// Opens the field for places of a team, buys as many as are in it, or one for oneself.
    Team,
    Cancel,
    /// Sends the form, which tells it.
    Pay,
    TryAgain,
    StartAgain,
    /// Leaves the dialog.
    Close,
    /// Does nothing.
    Nothing,
}

impl Press {
    const ALL: [Self; 7] = [
        Self::Purchase,
        Self::Redeem,
        Self::Team,
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
            Self::Cancel => "cancel",
            Self::TryAgain => "again",
            Self::StartAgain => "anew",
            Self::Close => "close",
            Self::Pay | Self::Nothing => "",
        }
    }

    /// What was pressed, by its `data-press`.
    pub(crate) fn event(name: &str) -> Option<Event> {
        Some(match Self::ALL.into_iter().find(|press| press.name() == name)? {
            Self::Purchase => Event::PurchasePressed,
            Self::Redeem => Event::CodePressed,
            Self::Team => Event::TeamPressed,
            Self::Cancel => Event::CancelPressed,
            Self::TryAgain => Event::TryAgainPressed,
            Self::StartAgain => Event::StartAgainPressed,
            Self::Close => Event::ClosePressed,
            Self::Pay | Self::Nothing => return None,
        })
    }
}
