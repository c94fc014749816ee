//! Variants that open a dialog.
use super::*;

#[test]
fn the_dialog_is_open_after_the_offer_and_only_where_the_variant_has_one() {
    assert!(!form().is_dialog_open());
    let mut model = form_in_dialog();
    assert!(model.is_dialog_open());
    model.handle(Event::CancelPressed);
    assert!(!model.is_dialog_open());
}

#[test]
fn leaving_the_form_gives_the_purchase_up() {
    let mut model = form_in_dialog();
    let commands = model.handle(Event::ClosePressed);
    assert!(commands.contains(&Command::ClosePurchase { id: "p1".into() }), "{commands:?}");
    assert_eq!(model.stage, Stage::Offer { note: None });
    assert!(form().handle(Event::ClosePressed).is_empty(), "without a dialog there is nothing to leave");
}

#[test]
fn leaving_while_money_moves_only_folds_it_and_what_comes_of_it_is_told() {
    let mut model = form_in_dialog();
    model.handle(Event::PayPressed);
    assert!(model.handle(Event::ClosePressed).is_empty() && model.is_dialog_open());
    model.handle(details_accepted());
    model.handle(prepared(4900));
    model.handle(Event::PaymentConfirmed);
    assert_eq!(model.handle(Event::ClosePressed), [Command::Focus(Target::Heading)]);
    assert!(!model.is_dialog_open());
    assert_eq!(model.stage, Stage::Checking { sure: true, looks: 0 });
}

#[test]
fn a_payment_that_failed_after_all_opens_the_dialog_again() {
    let mut model = form_in_dialog();
    model.handle(Event::PayPressed);
    model.handle(details_accepted());
    model.handle(prepared(4900));
    model.handle(Event::PaymentLost);
    model.handle(Event::ClosePressed);
    assert!(!model.is_dialog_open());
    for version in 1..4 {
        model.handle(seen(State::Paying, version));
    }
    assert!(matches!(model.stage, Stage::Form { note: Some(_) }), "{:?}", model.stage);
    assert!(model.is_dialog_open());
}

#[test]
fn a_checkout_that_goes_on_elsewhere_opens_no_dialog_by_itself() {
    let mut kept = form_in_dialog();
    kept.stage = Stage::Granted { access_url: None };
    let mut model = offer();
    model.screen.dialog = true;
    model.handle(Event::CheckoutKept(Box::new(kept)));
    assert!(!model.is_dialog_open() && !model.stage.is_offer());
}

#[test]
fn another_variant_changes_looks_and_no_purchase() {
    let mut model = form();
    let screen = Screen { variant: Some("button".into()), dialog: true, ..model.screen.clone() };
    assert!(model.handle(Event::ScreenChanged(Box::new(screen))).is_empty());
    assert!(model.is_dialog_open() && model.purchase.is_some());
}

#[test]
fn the_purchase_is_opened_with_the_variant_that_is_shown() {
    let mut model = offer();
    model.screen.variant = Some("compact".into());
    let request = OpenPurchase {
        sku: "course".into(),
        coupon: None,
        variant: Some("compact".into()),
        learner_token: None,
        places: None,
    };
    assert_eq!(
        model.handle(Event::PurchasePressed),
        [Command::LoadStripe, Command::OpenPurchase { turn: 0, request }]
    );
}

fn form_in_dialog() -> Model {
    let mut model = form();
    model.screen.dialog = true;
    model
}
