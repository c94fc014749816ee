//! Seats that change while someone watches, and the learner's own, which is held for a while.
use super::{
    Code, Command, Event, Model, Notice, Sale, Stage, State, Target, Timestamp, Trouble, offer, opened,
    opens, tell, view, watch,
};
use crate::words::{Words, locales};
use shared::{Seats, SeatsNews};

#[test]
fn seats_are_shown_and_told_as_they_change() {
    let mut model = live(12);
    assert_eq!(words().seats(&model), "12 seats left");
    let told = model.handle(Event::SeatsChanged(news(1, Sale::Open)));
    assert_eq!(
        told,
        [Command::Tell { notice: Notice::Seats(news(1, Sale::Open)), variant: None, purchase: None }]
    );
    assert_eq!(words().seats(&model), "Last seat");
    assert_eq!(model.handle(Event::SeatsChanged(news(1, Sale::Open))), [], "nothing new");
}

#[test]
fn sold_out_turns_back_when_a_seat_frees() {
    let mut model = live(1);
    model.handle(Event::PurchasePressed);
    model.handle(Event::OpeningFailed(Trouble::Refused(Code::SoldOut)));
    model.handle(Event::SeatsChanged(news(0, Sale::SoldOut)));
    assert_eq!(model.handle(Event::PurchasePressed), []);
    model.handle(Event::SeatsChanged(news(1, Sale::Open)));
    assert_eq!(model.stage, Stage::Offer { note: None });
    assert_eq!(opens(&model.handle(Event::PurchasePressed)).len(), 1);
}

#[test]
fn my_own_hold_is_never_shown_to_me_as_sold_out() {
    let mut model = held(1);
    model.handle(Event::SeatsChanged(news(0, Sale::SoldOut)));
    assert_eq!(words().seats(&model), "Your seat is reserved");
    model.handle(Event::CancelPressed);
    assert_eq!((model.screen.offering.sale, words().seats(&model).as_str()), (Sale::Open, "Last seat"));
}

#[test]
fn a_hold_counts_down_and_says_so_once_before_it_ends() {
    let mut model = held(3);
    assert!(!words().held(&model).contains("for another"), "no clock was read yet");
    assert_eq!(tick(&mut model, 400), [Command::Tick]);
    assert_eq!(words().held(&model), "We're holding your seat for 3:20");
    let expires_at = Timestamp::from_millis(600_000);
    assert_eq!(tick(&mut model, 541), [Command::Tick, tell(Notice::HoldExpiring { expires_at })]);
    assert_eq!(words().held(&model), "We're holding your seat for 0:59");
    assert_eq!(words().status(&model), "Your hold ends in less than a minute.");
    assert_eq!(tick(&mut model, 542), [Command::Tick]);
}

#[test]
fn more_time_is_asked_for_once_in_the_last_minute() {
    let mut model = held(3);
    tick(&mut model, 539);
    assert!(!model.may_extend());
    assert_eq!(model.handle(Event::ExtendPressed), [], "there is time enough");
    tick(&mut model, 541);
    assert!(model.may_extend());
    let asks = Command::ExtendHold { id: "p1".into() };
    assert_eq!(model.handle(Event::ExtendPressed), [asks, Command::Focus(Target::Email)]);
    assert!(!model.may_extend() && model.handle(Event::ExtendPressed).is_empty());
    let expires_at = Timestamp::from_millis(900_000);
    let mut extended = view(State::Held, 2);
    extended.hold_expires_at = Some(expires_at);
    assert_eq!(model.handle(Event::PurchaseSeen(extended)), [tell(Notice::Hold { expires_at })]);
    tick(&mut model, 545);
    assert_eq!(words().held(&model), "We're holding your seat for 5:55");
    assert_eq!(words().status(&model), words().held_until(&model), "screen readers hear of it");
    tick(&mut model, 899);
    assert!(!model.may_extend(), "only once");
}

#[test]
fn more_time_that_was_not_given_can_be_asked_for_again() {
    let mut model = held(3);
    tick(&mut model, 550);
    // Also while the form says something else.
    model.stage = Stage::Form { note: Some(super::Note::Details("Incomplete.".to_owned())) };
    assert_eq!(model.handle(Event::ExtendPressed).len(), 2);
    let said = model.handle(Event::ExtendingFailed(Trouble::Offline));
    assert_eq!(said, [Command::Focus(Target::Note)]);
    assert!(words().note(&model).contains("offline") && model.may_extend());
}

#[test]
fn only_the_server_says_that_a_hold_ran_out() {
    let mut model = held(3);
    tick(&mut model, 599);
    assert_eq!(tick(&mut model, 600), [Command::Tick, watch(None, 0)]);
    assert_eq!(tick(&mut model, 601), [Command::Tick], "asked once");
    // The sweep has not expired it yet.
    let mut seen = view(State::Held, 1);
    seen.hold_expires_at = Some(Timestamp::from_millis(600_000));
    assert_eq!(model.handle(Event::PurchaseSeen(seen.clone())), [watch(Some(1), 0)]);
    let mut prolonged = model.clone();
    model.handle(Event::PurchaseSeen(view(State::Expired, 2)));
    assert_eq!(model.stage, Stage::Over(State::Expired));
    assert_eq!(tick(&mut model, 602), [], "the clock stops");

    let expires_at = Timestamp::from_millis(1_800_000);
    (seen.version, seen.hold_expires_at) = (2, Some(expires_at));
    assert_eq!(prolonged.handle(Event::PurchaseSeen(seen)), [tell(Notice::Hold { expires_at })]);
    tick(&mut prolonged, 603);
    assert_eq!(words().held(&prolonged), "We're holding your seat for 19:57");
}

fn tick(model: &mut Model, seconds: i64) -> Vec<Command> {
    model.handle(Event::ClockRead(Timestamp::from_millis(seconds * 1000)))
}

fn news(left: i64, sale: Sale) -> SeatsNews {
    SeatsNews { left: Some(left), capacity: Some(30), sale }
}

fn live(left: i64) -> Model {
    let mut model = offer();
    model.screen.offering.seats = Some(Seats { capacity: 30, left });
    model
}

/// A seat held until 600 seconds after the epoch.
fn held(left: i64) -> Model {
    let mut model = live(left);
    model.handle(Event::PurchasePressed);
    model.handle(Event::StripeLoaded);
    let mut opened = opened(4900);
    opened.hold_expires_at = Timestamp::from_millis(600_000);
    let commands = model.handle(Event::PurchaseOpened(opened));
    assert!(commands.contains(&Command::Tick), "{commands:?}");
    assert_eq!(commands.last(), Some(&Command::Focus(Target::Email)));
    model
}

fn words() -> &'static Words {
    locales().english().words()
}
