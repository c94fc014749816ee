//! Settings that change and elements that are removed, at every stage of a purchase.
use super::{
    Command, Event, Model, Note, Notice, Settings, Stage, State, Target, Trouble, confirming, form, offer,
    opened, opens, preparing, remember_purchase, seen, tell, usd, watch,
};

#[test]
fn another_coupon_opens_another_purchase() {
    let mut model = form();
    let settings = Settings { coupon: Some("TEN".into()), ..Settings::default() };
    let commands = model.handle(Event::SettingsChanged(settings));
    assert_eq!(commands[0], Command::ClosePurchase { id: "p1".into() });
    assert!(!opens(&model.handle(Event::PurchaseClosed)).is_empty());
}

#[test]
fn a_removed_element_gives_its_purchase_back_unless_money_may_move() {
    let closes = Command::ClosePurchase { id: "p1".into() };
    assert_eq!(form().handle(Event::ElementRemoved), [closes.clone(), Command::HidePayment]);
    assert_eq!(preparing().handle(Event::ElementRemoved), [closes.clone(), Command::HidePayment]);
    for model in [confirming(), checking(), paid()] {
        let mut removed = model.clone();
        assert_eq!(
            removed.handle(Event::ElementRemoved),
            [Command::HidePayment, Command::Keep(Box::new(model))]
        );
    }
}

#[test]
fn an_element_that_comes_back_finds_its_payment_again() {
    let mut model = offer();
    assert_eq!(
        model.handle(Event::CheckoutKept(Box::new(confirming()))),
        [Command::Focus(Target::Heading), Command::Refresh { id: "p1".into() }, watch(None, 0)]
    );
    assert_eq!(model.email, "ada@example.com");
    assert_eq!(model.handle(Event::PurchasePressed), [], "one purchase is enough");
    model.handle(seen(State::Granted, 4));
    assert!(matches!(model.stage, Stage::Granted { .. }));
}

#[test]
fn a_payment_that_never_was_gets_its_form_back() {
    let mut model = offer();
    model.handle(Event::CheckoutKept(Box::new(confirming())));
    for _ in 0..2 {
        model.handle(seen(State::Paying, 2));
        assert!(matches!(model.stage, Stage::Checking { sure: false, .. }));
    }
    assert_eq!(model.handle(seen(State::Paying, 2)), [Command::LoadStripe]);
    assert_eq!(
        model.handle(Event::StripeLoaded),
        [Command::ShowPayment { due: usd(4900) }, Command::Focus(Target::Note)]
    );
    assert_eq!(model.stage, Stage::Form { note: Some(Note::Unconfirmed) });
}

#[test]
fn what_was_told_before_is_not_told_again() {
    let mut model = offer();
    let commands = model.handle(Event::CheckoutKept(Box::new(paid())));
    assert_eq!(commands, [watch(Some(3), 0), Command::AwaitAccess]);
    let commands = model.handle(seen(State::Granted, 4));
    assert_eq!(commands, [tell(Notice::Granted), remember_purchase(), Command::Focus(Target::Heading)]);
    assert_eq!(model.handle(seen(State::Granted, 4)), [], "two looks may be under way at once");
    let mut next = offer();
    assert_eq!(next.handle(Event::CheckoutKept(Box::new(model))), []);
    assert!(matches!(next.stage, Stage::Granted { .. }));
}

#[test]
fn a_coupon_that_changes_while_opening_waits_for_the_answer() {
    for answer in [Event::PurchaseOpened(opened(4900)), Event::OpeningFailed(Trouble::Timeout)] {
        let mut model = offer();
        model.handle(Event::PurchasePressed);
        let turn = model.turn();
        let settings = Settings { coupon: Some("TEN".into()), ..Settings::default() };
        assert_eq!(model.handle(Event::SettingsChanged(settings)), []);
        let mut commands = model.handle_answer(turn, answer);
        if commands == [Command::ClosePurchase { id: "p1".into() }] {
            commands = model.handle(Event::PurchaseClosed);
        }
        let opened = opens(&commands);
        let [Command::OpenPurchase { request, turn: next }] = &opened[..] else { panic!("{commands:?}") };
        assert_eq!((request.coupon.as_deref(), *next), (Some("TEN"), turn + 1));
    }
}

fn checking() -> Model {
    let mut model = confirming();
    model.handle(Event::PaymentConfirmed);
    model
}

fn paid() -> Model {
    let mut model = checking();
    model.handle(seen(State::Paid, 3));
    model
}
