//! Purchases that are found again after the page was reloaded.
use super::{
    Command, Event, Model, Note, Notice, Sale, Stage, State, Target, confirming, form, offer, opens, tell,
    usd, view, watch,
};
use crate::words::{Words, locales};
use shared::{Seats, Timestamp};

#[test]
fn a_purchase_under_way_goes_on_where_it_was() {
    let mut model = sold_out();
    assert!(found(&mut model, State::Held).is_empty(), "Stripe waits for a press");
    assert_eq!(
        (words().offer(&model).as_str(), words().seats(&model).as_str()),
        ("Continue", "Your seat is reserved")
    );
    assert!(words().promise(&model).starts_with("Welcome back."), "{}", words().promise(&model));
    assert!(!model.asks_for_seat());
    assert_eq!(model.handle(Event::PurchasePressed), [Command::LoadStripe], "no other purchase is opened");
    let commands = model.handle(Event::StripeLoaded);
    let shown = [Command::ShowPayment { due: usd(4900) }, Command::Tick, Command::Focus(Target::Email)];
    assert_eq!(commands, shown);
    assert_eq!(model.stage, Stage::Form { note: None });
}

#[test]
fn after_a_payment_in_doubt_the_form_says_so() {
    let mut model = offer();
    found(&mut model, State::Paying);
    model.handle(Event::PurchasePressed);
    model.handle(Event::StripeLoaded);
    assert_eq!(model.stage, Stage::Form { note: Some(Note::Unconfirmed) });
}

#[test]
fn what_was_paid_is_shown_and_told_once() {
    let mut model = offer();
    assert_eq!(found(&mut model, State::Granted), []);
    assert!(matches!(model.stage, Stage::Granted { access_url: Some(_) }));
    let mut model = offer();
    assert_eq!(found(&mut model, State::Processing), [watch(Some(3), 0)]);
    assert_eq!(model.stage, Stage::Processing);
    let paid = model.clone().handle(Event::PurchaseSeen(view(State::Paid, 4)));
    assert!(paid.contains(&tell(Notice::Paid)), "the page has not heard of it: {paid:?}");
    // The bank refuses in the end, and Stripe has not been loaded on this page.
    assert_eq!(model.handle(Event::PurchaseSeen(view(State::Paying, 4))), [Command::LoadStripe]);
    model.handle(Event::StripeLoaded);
    assert_eq!(model.stage, Stage::Form { note: Some(Note::Unconfirmed) });
    let mut model = offer();
    assert_eq!(found(&mut model, State::Paid), [watch(Some(3), 0), Command::AwaitAccess]);
    assert_eq!(model.stage, Stage::Paid { slow: false });
    let again = model.handle(Event::PurchaseSeen(view(State::Paid, 4)));
    assert!(!again.contains(&tell(Notice::Paid)), "once: {again:?}");
}

#[test]
fn what_is_over_or_comes_late_changes_nothing() {
    for state in [State::Expired, State::Canceled, State::Refunding, State::Refunded] {
        let mut model = offer();
        found(&mut model, state);
        assert_eq!((model.stage.clone(), model.kept()), (Stage::Offer { note: None }, ""));
        assert_eq!(opens(&model.handle(Event::PurchasePressed)).len(), 1);
    }
    let mut model = offer();
    model.handle(Event::PurchasePressed);
    assert_eq!(found(&mut model, State::Held), [], "another purchase is being opened");
    assert_eq!(model.kept(), "");
}

#[test]
fn the_id_is_kept_from_the_opening_to_the_end() {
    let mut model = form();
    assert_eq!(model.kept(), "p1");
    model.handle(Event::CancelPressed);
    assert_eq!(model.kept(), "");
    let mut model = confirming();
    assert_eq!(model.kept(), "p1");
    model.handle(Event::PurchaseSeen(view(State::Refunded, 9)));
    assert_eq!(model.kept(), "");
    let mut model = form();
    model.signed_in = true;
    assert_eq!(model.kept(), "p1");
    model.handle(Event::PurchaseSeen(view(State::Granted, 9)));
    assert_eq!(model.kept(), "");
    // The next learner in this browser may be someone else.
    let mut model = offer();
    model.handle(Event::PurchaseFound { seen: view(State::Granted, 3), owned: true });
    assert_eq!(model.kept(), "");
}

fn found(model: &mut Model, state: State) -> Vec<Command> {
    let mut seen = view(state, 3);
    seen.hold_expires_at = Some(Timestamp::from_millis(600_000));
    model.handle(Event::PurchaseFound { seen, owned: false })
}

/// The learner's own seat was the last.
fn sold_out() -> Model {
    let mut model = offer();
    model.screen.offering.seats = Some(Seats { capacity: 1, left: 0 });
    model.screen.offering.sale = Sale::SoldOut;
    model
}

fn words() -> &'static Words {
    locales().english().words()
}
