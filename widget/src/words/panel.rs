//! The panel in place of the form: progress, success, an end or a failure.
use super::{Key, Words};
use crate::{
    model::{Failure, Model, Stage},
    text::concat,
};
use shared::{Kind, State};

/// The text of the panel in place of the form, and the next step.
pub(crate) struct Panel {
    pub(crate) tone: Tone,
    pub(crate) heading: String,
    pub(crate) text: String,
    pub(crate) action: PanelAction,
}

#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Busy,
    Good,
    Bad,
}

pub(crate) enum PanelAction {
    Wait,
    TryAgain(String),
    StartAgain(String),
    /// A link: its label and its URL.
    Go(String, String),
}

impl PanelAction {
    /// The button's label, and the link's label and URL; empty if there is none.
    pub(crate) fn parts(self) -> (String, String, String) {
        match self {
            Self::TryAgain(label) | Self::StartAgain(label) => (label, String::new(), String::new()),
            Self::Go(label, address) => (String::new(), label, address),
            Self::Wait => <_>::default(),
        }
    }
}

impl Tone {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

impl Words {
    pub(crate) fn panel(&self, model: &Model) -> Panel {
        let status_page = || match &model.purchase {
            Some(purchase) => {
                PanelAction::Go(self.say(Key::StatusPage), concat(&[&model.screen.api, "/p/", &purchase.id]))
            }
            None => PanelAction::Wait,
        };
        let panel = |tone, heading, text, action| Panel {
            tone,
            heading: self.say(heading),
            text: self.say(text),
            action,
        };
        let busy = Tone::Busy;
        match &model.stage {
            Stage::Checking { .. } | Stage::Paid { .. } | Stage::Processing if model.misses > 2 => {
                panel(busy, Key::WaitingHeading, Key::WaitingText, status_page())
            }
            Stage::Checking { sure: true, .. } => {
                panel(busy, Key::ConfirmingHeading, Key::ConfirmingText, PanelAction::Wait)
            }
            Stage::Checking { sure: false, .. } => {
                panel(busy, Key::CheckingHeading, Key::CheckingText, PanelAction::Wait)
            }
            Stage::Processing => panel(busy, Key::ProcessingHeading, Key::ProcessingText, status_page()),
            Stage::Paid { slow } => {
                let (heading, text) = paid(model.due().amount > 0);
                let (text, action) =
                    if *slow { (Key::PaidSlowText, status_page()) } else { (text, PanelAction::Wait) };
                panel(Tone::Good, heading, text, action)
            }
            Stage::Granted { access_url } => {
                let (heading, text, link) = match model.team {
                    Some(_) => (Key::TeamHeading, Key::TeamText, Key::TeamLink),
                    None if model.owned => (Key::OwnedHeading, Key::OwnedText, Key::StartLearning),
                    None => {
                        let text = granted(model.screen.offering.kind, model.due().amount > 0);
                        (Key::GrantedHeading, text, Key::StartLearning)
                    }
                };
                let go = |url| PanelAction::Go(self.say(link), url);
                panel(Tone::Good, heading, text, access_url.clone().map_or(PanelAction::Wait, go))
            }
            Stage::Over(state) => self.over(*state, model.screen.offering.kind),
            Stage::Failed(failure) => self.failed(*failure),
            Stage::Offer { .. } | Stage::Opening | Stage::Form { .. } | Stage::Paying(_) => {
                Panel { tone: busy, heading: String::new(), text: String::new(), action: PanelAction::Wait }
            }
        }
    }

    fn over(&self, state: State, kind: Kind) -> Panel {
        let (heading, text, label) = match state {
            State::Expired => (expired(kind), Key::ExpiredText, Key::StartAgain),
            State::Refunding => (Key::RefundingHeading, Key::RefundingText, Key::Back),
            State::Refunded => (Key::RefundedHeading, Key::RefundedText, Key::Back),
            State::Canceled
            | State::Held
            | State::Paying
            | State::Processing
            | State::Paid
            | State::Granted => (Key::EndedHeading, Key::EndedText, Key::StartAgain),
        };
        let action = PanelAction::StartAgain(self.say(label));
        Panel { tone: Tone::Bad, heading: self.say(heading), text: self.say(text), action }
    }

    fn failed(&self, failure: Failure) -> Panel {
        let (heading, text, label) = match failure {
            Failure::Opening(trouble) => (Key::OpeningFailed, self.because(trouble), Key::TryAgain),
            Failure::Stripe => (Key::StripeFailed, self.say(Key::StripeFailedText), Key::TryAgain),
        };
        let action = PanelAction::TryAgain(self.say(label));
        Panel { tone: Tone::Bad, heading: self.say(heading), text, action }
    }
}

/// Says that access is there; `paid` if anything was due.
pub(super) const fn granted(kind: Kind, paid: bool) -> Key {
    match kind {
        Kind::Course | Kind::Lab | Kind::Exam | Kind::Live if !paid => Key::OwnedText,
        Kind::Course => Key::GrantedText,
        Kind::Lab => Key::GrantedLab,
        Kind::Exam => Key::GrantedExam,
        Kind::Live => Key::GrantedLive,
    }
}

/// Says that the time to pay is over; only live trainings have seats to hold.
pub(super) const fn expired(kind: Kind) -> Key {
    match kind {
        Kind::Course | Kind::Lab | Kind::Exam => Key::TimedOutHeading,
        Kind::Live => Key::ExpiredHeading,
    }
}

/// Heading and text while access is on its way; `paid` if anything was due.
pub(super) const fn paid(paid: bool) -> (Key, Key) {
    if paid { (Key::PaidHeading, Key::PaidText) } else { (Key::AccessComing, Key::ConfirmingText) }
}
