//! Places for a team: chosen in the form, bought instead of the learner's own, and cancelled again.
use super::*;
use crate::words::{Words, locales};
use shared::{Seats, Team};

#[test]
fn places_for_a_team_are_bought_in_place_of_ones_own() {
    let mut model = team_form();
    assert_eq!(words().team(&model), "Buying for a team?");
    assert_eq!(model.handle(Event::TeamPressed), [Command::Focus(Target::Places)]);
    model.handle(Event::PlacesTyped(" 3 ".into()));
    assert_eq!(words().team(&model), "Update quantity");
    let commands = model.handle(Event::TeamPressed);
    assert_eq!(commands[..2], [Command::ClosePurchase { id: "p1".into() }, Command::HidePayment]);
    assert_eq!(places(&model.handle(Event::PurchaseClosed)), [Some(3)], "its own place is free before");
    assert_eq!(
        model.handle(Event::PurchaseOpened(opened(14700)))[2..],
        [Command::ShowPayment { due: usd(14700) }, Command::Focus(Target::Team)]
    );
    assert_eq!(words().status(&model), "3 × $49.00  $147.00\nTotal  $147.00\nPay $147.00");
    assert_eq!(words().email_hint(&model), "", "who learns is decided later");
    assert_eq!((words().team(&model).as_str(), model.places()), ("Just me", None));
    assert_eq!(model.handle(Event::CodePressed), [], "a team has no coupon");

    model.handle(Event::TeamPressed);
    assert_eq!(places(&model.handle(Event::PurchaseClosed)), [None]);
}

#[test]
fn only_a_number_of_places_that_are_sold_together_is_asked_for() {
    for typed in ["", "many", "0", "11", "-3", "2.5", "99999999999"] {
        let mut model = team_form();
        model.handle(Event::TeamPressed);
        model.handle(Event::PlacesTyped(typed.into()));
        assert_eq!(model.handle(Event::PayPressed), [Command::Focus(Target::Places)], "{typed:?}");
        assert_eq!(words().places_fault(&model), "Choose 2–10 seats.");
        assert_eq!(words().status(&model), "Choose 2–10 seats.");
        model.handle(Event::PlacesTyped("2".into()));
        assert_eq!(words().places_fault(&model), "");
    }
    let mut model = team_form();
    model.handle(Event::TeamPressed);
    model.handle(Event::PlacesTyped("1".into()));
    assert_eq!(model.handle(Event::TeamPressed), [Command::Focus(Target::Team)], "one is one's own");
    assert_eq!(model.handle(Event::PayPressed), [tell(Notice::Paying), check_details()]);
}

#[test]
fn a_team_is_offered_where_it_is_sold_and_no_coupon_is_applied() {
    assert!(!form().may_buy_for_team());
    let mut model = team_form();
    assert!(model.may_buy_for_team());
    let mut opened = opened(3920);
    opened.price.coupon = Some("WELCOME20".into());
    model.handle(Event::CancelPressed);
    model.handle(Event::PurchaseClosed);
    model.handle(Event::PurchasePressed);
    model.handle(Event::PurchaseOpened(opened));
    assert!(!model.may_buy_for_team());
}

#[test]
fn pay_chooses_typed_places_first() {
    let mut model = team_form();
    model.handle(Event::TeamPressed);
    model.handle(Event::PlacesTyped("4".into()));
    assert_eq!(model.handle(Event::PayPressed)[0], Command::ClosePurchase { id: "p1".into() });
    assert_eq!(places(&model.handle(Event::PurchaseClosed)), [Some(4)]);
}

#[test]
fn where_so_many_seats_are_not_left_one_is_held_again() {
    let mut model = team_form();
    model.screen.offering.seats = Some(Seats { capacity: 30, left: 2 });
    choose(&mut model, "4");
    let trouble = Trouble::Refused(Code::SoldOut);
    let commands = model.handle(Event::OpeningFailed(trouble));
    let told = |command: &Command| {
        matches!(command, Command::Tell { notice: Notice::Error { code: "sold_out" }, .. })
    };
    assert!(told(&commands[0]), "{commands:?}");
    assert_eq!(places(&commands), [None]);
    let commands = model.handle(Event::PurchaseOpened(opened(4900)));
    assert_eq!(commands.last(), Some(&Command::Focus(Target::Places)));
    assert_eq!(words().places_fault(&model), "There aren't enough seats left.");
    assert_eq!((model.places(), model.screen.offering.sale), (Some("4"), Sale::Open));
}

#[test]
fn an_attempt_for_a_team_whose_outcome_is_unknown_is_repeated_as_the_same() {
    let mut model = team_form();
    let first = choose(&mut model, "4");
    model.handle(Event::OpeningFailed(Trouble::Timeout));
    assert_eq!(opens(&model.handle(Event::TryAgainPressed)), opens(&first));
}

#[test]
fn a_teams_access_is_its_codes() {
    let mut model = team_form();
    choose(&mut model, "3");
    model.handle(Event::PurchaseOpened(opened(14700)));
    model.handle(Event::PayPressed);
    let commands = model.handle(Event::DetailsAccepted { bought: true });
    assert!(matches!(commands[..], [Command::PreparePayment { .. }]), "a team may buy again: {commands:?}");
    model.handle(prepared(14700));
    model.handle(Event::PaymentConfirmed);
    let commands = model.handle(seen(State::Granted, 4));
    assert!(
        !commands.iter().any(|command| matches!(command, Command::RememberPurchase { .. })),
        "{commands:?}"
    );
    let panel = words().panel(&model);
    assert_eq!(panel.heading, "Your codes are ready");
    assert_eq!(panel.action.parts().1, "See the codes");
}

#[test]
fn a_learner_who_leaves_the_form_buys_for_one_next() {
    let mut model = team_form();
    choose(&mut model, "3");
    model.handle(Event::PurchaseOpened(opened(14700)));
    model.handle(Event::CancelPressed);
    model.handle(Event::PurchaseClosed);
    assert_eq!(places(&model.handle(Event::PurchasePressed)), [None]);
}

#[test]
fn a_hold_for_a_team_that_ran_out_is_held_again_for_all() {
    let mut model = team_form();
    choose(&mut model, "3");
    model.handle(Event::PurchaseOpened(opened(14700)));
    model.handle(seen(State::Expired, 2));
    assert_eq!(places(&model.handle(Event::StartAgainPressed)), [Some(3)]);
}

fn team_form() -> Model {
    let mut model = form();
    model.screen.offering.team = Some(Team { min: 2, max: 10 });
    model
}

/// Chooses `typed` places and returns the commands that open the purchase.
fn choose(model: &mut Model, typed: &str) -> Vec<Command> {
    model.handle(Event::TeamPressed);
    model.handle(Event::PlacesTyped(typed.into()));
    model.handle(Event::TeamPressed);
    let commands = model.handle(Event::PurchaseClosed);
    assert_eq!(places(&commands).len(), 1);
    commands
}

/// The numbers of places with which `commands` open purchases.
fn places(commands: &[Command]) -> Vec<Option<i64>> {
    let places = |command: &Command| {
        if let Command::OpenPurchase { request, .. } = command { Some(request.places) } else { None }
    };
    commands.iter().filter_map(places).collect()
}

fn words() -> &'static Words {
    locales().english().words()
}
