//! What a learner can press.
use crate::model::Event;

#[derive(Clone, Copy)]
pub(crate) enum Press {
    Purchase,
    Cancel,
    TryAgain,
    StartAgain,
    /// Leaves the dialog.
    Close,
    /// Does nothing.
    Nothing,
}

impl Press {
    const ALL: [Self; 5] = [Self::Purchase, Self::Cancel, Self::TryAgain, Self::StartAgain, Self::Close];

    /// The button's `data-press`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Cancel => "cancel",
            Self::TryAgain => "again",
            Self::StartAgain => "anew",
            Self::Close => "close",
            Self::Nothing => "",
        }
    }

    /// What was pressed, by its `data-press`.
    pub(crate) fn event(name: &str) -> Option<Event> {
        Some(match Self::ALL.into_iter().find(|press| press.name() == name)? {
            Self::Purchase => Event::PurchasePressed,
            Self::Cancel => Event::CancelPressed,
            Self::TryAgain => Event::TryAgainPressed,
            Self::StartAgain => Event::StartAgainPressed,
            Self::Close => Event::ClosePressed,
            Self::Nothing => return None,
        })
    }
}
