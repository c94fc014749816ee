//! The checkout as a pure machine: events in, commands out. It reads no clock and does no I/O.
mod command;
mod coupon;
mod dialog;
mod event;
mod leaving;
mod opening;
mod paying;
#[cfg(feature = "preview")]
pub(crate) mod scenes;
mod seats;
mod stage;
mod team;
#[cfg(not(target_arch = "wasm32"))]
#[cfg(test)]
mod tests;
mod trouble;
mod watching;

pub(crate) use command::{Command, Notice, Target};
pub(crate) use event::{Event, Settings};
pub(crate) use stage::{Failure, Note, Purchase, Stage, Step};
pub(crate) use trouble::Trouble;

use shared::{Money, Screen};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) screen: Screen,
    pub(crate) stage: Stage,
    pub(crate) email: String,
    pub(crate) purchase: Option<Purchase>,
    /// Calls that failed in a row while watching.
    pub(crate) misses: u32,
    /// Looks at the purchase that are under way.
    looks: u32,
    email_typed: bool,
    /// The email is that of who is signed in, masked, and can't be another.
    pub(crate) signed_in: bool,
    /// The learner had it before they came here.
    pub(crate) owned: bool,
    /// A coupon's code, from the page or typed; whether its field is open, and whether a purchase is opened with it.
    code: String,
    code_open: bool,
    code_wanted: bool,
    /// What the form will say once it is there.
    pending: Option<Note>,
    /// For how many of a team it is bought; what is in the field for that number, and whether it is open.
    pub(crate) team: Option<i64>,
    places: String,
    places_open: bool,
    /// The purchase was opened where no seat was left: its seat came with the coupon.
    brought_seat: bool,
    settings: Settings,
    stripe: Script,
    /// Milliseconds that the hold still lasts, at the last look at the clock.
    hold_left: Option<i64>,
    ticking: bool,
    /// A purchase is being given up; the next one waits, so that it never finds its own seat taken.
    closing: bool,
    told_paid: bool,
    /// The learner knows that this browser has bought it before.
    told_bought: bool,
    /// Taken over from another element, with no payment form yet.
    resumed: bool,
    /// How often the page has taken the payment form away.
    removals: u32,
    /// The learner has closed the dialog; the page shows what it said.
    folded: bool,
    turn: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Absent,
    Loading,
    Loaded,
}

impl Model {
    pub(crate) const fn new(screen: Screen) -> Self {
        Self {
            screen,
            stage: Stage::Offer { note: None },
            email: String::new(),
            purchase: None,
            misses: 0,
            looks: 0,
            email_typed: false,
            signed_in: false,
            owned: false,
            code: String::new(),
            code_open: false,
            code_wanted: false,
            pending: None,
            team: None,
            places: String::new(),
            places_open: false,
            brought_seat: false,
            settings: Settings { coupon: None, learner_token: None },
            stripe: Script::Absent,
            hold_left: None,
            ticking: false,
            closing: false,
            told_paid: false,
            told_bought: false,
            resumed: false,
            removals: 0,
            folded: false,
            turn: 0,
        }
    }

    /// What the learner pays, as last shown.
    pub(crate) fn due(&self) -> Money {
        self.purchase.as_ref().map_or(self.screen.offering.price, |purchase| purchase.price.due())
    }

    /// Whether what comes after the offer lies over the page.
    pub(crate) const fn is_dialog_open(&self) -> bool {
        self.screen.dialog && !self.folded && !self.stage.is_offer()
    }

    /// Counts the purchases begun: an answer that belongs to an earlier one is stale.
    pub(crate) const fn turn(&self) -> u32 {
        self.turn
    }

    /// Takes an answer that was asked for in `turn`.
    pub(crate) fn handle_answer(&mut self, turn: u32, event: Event) -> Vec<Command> {
        if turn == self.turn { self.handle(event) } else { self.clear_away(event) }
    }

    pub(crate) fn handle(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::PurchasePressed => self.press_purchase(),
            Event::PurchaseOpened(opened) => self.keep_purchase(opened),
            Event::OpeningFailed(trouble) => self.fail_opening(trouble),
            Event::AccessFound(seen) => self.show_access(seen),
            Event::StripeLoaded => self.keep_stripe(),
            Event::StripeFailed => self.fail_stripe(),
            Event::EmailTyped(text) => self.take_email(text),
            Event::EmailSuggested(text) => self.suggest_email(text),
            Event::CodeTyped(text) => self.take_code(text),
            Event::CodePressed => self.press_code(),
            Event::Repriced(seen) => self.reprice(seen),
            Event::PlacesTyped(text) => self.take_places(text),
            Event::TeamPressed => self.press_team(),
            Event::PayPressed => self.press_pay(),
            Event::DetailsAccepted { bought } => self.accept_details(bought),
            Event::DetailsRefused(words) => self.refuse_details(words),
            Event::PaymentPrepared { client_secret, total } => self.confirm_payment(client_secret, total),
            Event::PaymentSettled => self.check(true),
            Event::PreparingFailed(trouble) => self.fail_preparing(trouble),
            Event::ChallengeAsked(challenge) => self.ask_challenge(challenge),
            Event::ChallengePassed(answer) => self.pass_challenge(answer),
            Event::ChallengeFailed => self.fail_challenge(),
            Event::PaymentConfirmed => self.confirm(),
            Event::PaymentDeclined(words) => self.decline(Note::Declined(words)),
            Event::PaymentUnauthenticated => self.decline(Note::Unauthenticated),
            Event::PaymentLost => self.check(false),
            Event::PurchaseSeen(seen) => self.see_purchase(seen),
            Event::WatchingFailed(trouble) => self.miss_purchase(trouble),
            Event::SeatsChanged(news) => self.see_seats(news),
            Event::ClockRead(now) => self.see_clock(now),
            Event::AccessTookLong => self.admit_delay(),
            Event::CancelPressed => self.cancel(),
            Event::PurchaseClosed => self.finish_closing(),
            Event::TryAgainPressed => self.try_again(),
            Event::StartAgainPressed => self.start_again(),
            Event::ClosePressed => self.close_dialog(),
            Event::ScreenChanged(screen) => self.change_screen(*screen),
            Event::SettingsChanged(settings) => self.change_settings(settings),
            Event::Returned { left } => self.come_back(left),
            Event::PaymentRemoved => self.restore_payment(),
            Event::ElementRemoved => self.leave(),
            Event::CheckoutKept(kept) => self.resume(*kept),
        }
    }

    fn tell(&self, notice: Notice) -> Command {
        let variant = self.screen.variant.clone();
        Command::Tell {
            notice,
            variant,
            purchase: self.purchase.as_ref().map(|purchase| purchase.reference.clone()),
        }
    }
}
