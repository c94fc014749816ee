//! The checkout as a pure state machine: events in, commands out. It reads no clock and does no I/O.
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

use crate::text::concat;
use shared::{Money, Screen};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) screen: Screen,
    pub(crate) stage: Stage,
    pub(crate) email: String,
    pub(crate) purchase: Option<Purchase>,
    /// Consecutive calls that failed while watching.
    pub(crate) misses: u32,
    /// Requests for the purchase that are in flight.
    looks: u32,
    email_typed: bool,
    /// The email is the signed-in learner's, masked, and can't be changed.
    pub(crate) signed_in: bool,
    /// The learner already had the offering.
    pub(crate) owned: bool,
    /// A coupon code, from the page or typed; whether its field is open, and whether a purchase is opened with it.
    code: String,
    code_open: bool,
    code_wanted: bool,
    /// The message of the form once it is shown.
    pending: Option<Note>,
    /// The number of places for a team; the content of the field for that number, and whether the field is open.
    pub(crate) team: Option<i64>,
    places: String,
    places_open: bool,
    /// The purchase was opened although no seat was left: its seat came with the coupon.
    brought_seat: bool,
    settings: Settings,
    stripe: Script,
    /// Milliseconds until the hold expires, as of the last reading of the clock.
    hold_left: Option<i64>,
    ticking: bool,
    /// More time was asked for, which the server grants once.
    pub(crate) extended: bool,
    /// A purchase is being cancelled. The next one waits, so that it never finds the learner's own seat taken.
    closing: bool,
    told_paid: bool,
    /// The learner was told that this browser has bought the offering before.
    told_bought: bool,
    /// There is no payment form yet: the checkout was taken over from another element, or the page removed the form.
    resumed: bool,
    /// How often the page has removed the payment form.
    removals: u32,
    /// The learner has closed the dialog; the page shows what was in it.
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
            extended: false,
            closing: false,
            told_paid: false,
            told_bought: false,
            resumed: false,
            removals: 0,
            folded: false,
            turn: 0,
        }
    }

    /// The price, as last shown.
    pub(crate) fn due(&self) -> Money {
        self.purchase.as_ref().map_or(self.screen.offering.price, |purchase| purchase.price.due())
    }

    /// The id by which the tab finds the purchase after a reload; empty if there is nothing to find.
    pub(crate) fn kept(&self) -> &str {
        match (&self.stage, &self.purchase) {
            (Stage::Over(_), _) | (_, None) => "",
            // Whoever signs in again is told what they have; the next one in this tab is not.
            (Stage::Granted { .. }, _) if self.owned || self.signed_in => "",
            (_, Some(purchase)) => &purchase.id,
        }
    }

    /// Whether the dialog that follows the offer is open over the page.
    pub(crate) const fn is_dialog_open(&self) -> bool {
        self.screen.dialog && !self.folded && !self.stage.is_offer()
    }

    /// The number of purchases begun: an answer that belongs to an earlier one is stale.
    pub(crate) const fn turn(&self) -> u32 {
        self.turn
    }

    /// Handles the answer to a request made in `turn`.
    pub(crate) fn handle_answer(&mut self, turn: u32, event: Event) -> Vec<Command> {
        if turn == self.turn { self.handle(event) } else { self.clear_away(event) }
    }

    pub(crate) fn handle(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::PurchasePressed => self.press_purchase(),
            Event::PurchaseOpened(opened) => self.keep_purchase(opened),
            Event::OpeningFailed(trouble) => self.fail_opening(trouble),
            Event::PurchaseFound { seen, owned } => self.find_purchase(seen, owned),
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
            Event::ExtendPressed => self.extend_hold(),
            Event::ExtendingFailed(trouble) => self.fail_extending(trouble),
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

    /// The offering and the email it is bought with.
    fn bought(&self) -> String {
        concat(&[&self.screen.offering.sku, " ", self.email.trim()])
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
