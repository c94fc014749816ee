//! Learners who come back to the page, and pages that remove the form.
use super::*;

#[test]
fn back_from_the_banks_page_the_server_is_asked_how_it_stands() {
    for (state, stage) in [
        (State::Granted, Stage::Granted { access_url: Some("https://learn.example/".into()) }),
        (State::Processing, Stage::Processing),
        (State::Canceled, Stage::Over(State::Canceled)),
    ] {
        let mut model = confirming();
        let asked = model.handle(Event::Returned { left: true });
        assert_eq!(
            asked,
            [Command::Focus(Target::Heading), Command::Refresh { id: "p1".into() }, watch(None, 0)]
        );
        model.handle(seen(state, 9));
        assert_eq!(model.stage, stage);
    }
    let mut model = confirming();
    model.handle(Event::Returned { left: true });
    for version in [2, 2, 2] {
        model.handle(seen(State::Paying, version));
    }
    assert_eq!(
        model.stage,
        Stage::Form { note: Some(Note::Unconfirmed) },
        "nothing was paid: the form again"
    );
}

#[test]
fn a_look_at_another_tab_disturbs_no_payment_and_sees_what_has_happened() {
    let mut model = confirming();
    assert_eq!(model.handle(Event::Returned { left: false }), [watch(None, 0)]);
    model.handle(seen(State::Paying, 2));
    assert_eq!(model.stage, Stage::Paying(Step::Confirming), "3-D Secure may be open in an app");
    model.handle(Event::Returned { left: false });
    model.handle(seen(State::Paid, 3));
    assert_eq!(model.stage, Stage::Paid { slow: false });
    let mut model = form();
    assert_eq!(model.handle(Event::Returned { left: false }), [watch(None, 0)]);
    model.handle(seen(State::Expired, 5));
    assert_eq!(model.stage, Stage::Over(State::Expired));
    let mut granted = confirming();
    granted.handle(Event::PaymentConfirmed);
    granted.handle(seen(State::Granted, 9));
    for mut model in [offer(), granted] {
        assert_eq!(model.handle(Event::Returned { left: true }), []);
    }
}

#[test]
fn however_often_one_looks_only_one_look_goes_on() {
    let mut model = confirming();
    model.handle(Event::PaymentConfirmed);
    model.handle(Event::Returned { left: false });
    model.handle(Event::Returned { left: false });
    let goes_on = |commands: Vec<Command>| {
        commands.into_iter().filter(|command| matches!(command, Command::Watch { .. })).count()
    };
    let counts = [2, 2, 2].map(|version| goes_on(model.handle(seen(State::Processing, version))));
    assert_eq!(counts, [0, 0, 1]);
}

#[test]
fn a_form_that_the_page_has_removed_comes_back_but_not_for_ever() {
    let mut model = form();
    for _ in 0..3 {
        assert_eq!(
            model.handle(Event::PaymentRemoved),
            [Command::HidePayment, Command::ShowPayment { due: usd(4900) }]
        );
        assert_eq!(model.stage, Stage::Form { note: None });
    }
    let given_up = model.handle(Event::PaymentRemoved);
    assert_eq!(given_up[0], Command::HidePayment);
    assert_eq!(model.stage, Stage::Failed(Failure::Stripe), "it says so, and can be tried again");
    let mut model = preparing();
    model.handle(Event::PaymentRemoved);
    assert_eq!(model.stage, Stage::Form { note: None }, "Pay answers");
    let mut model = confirming();
    let asked = model.handle(Event::PaymentRemoved);
    assert_eq!(asked[0], Command::HidePayment);
    assert_eq!(model.stage, Stage::Checking { sure: false, looks: 0 }, "money may be moving");
    for version in [2, 2, 2] {
        model.handle(seen(State::Paying, version));
    }
    assert_eq!(model.stage, Stage::Form { note: Some(Note::Unconfirmed) });
}

#[test]
fn a_price_that_moved_unseen_is_shown_in_stripes_form_too() {
    let mut model = form();
    model.handle(Event::Returned { left: false });
    let mut view = view(State::Held, 2);
    view.price = price(2450);
    let shown = model.handle(Event::PurchaseSeen(view));
    assert_eq!(shown[0], Command::ShowPayment { due: usd(2450) });
    assert_eq!(model.stage, Stage::Form { note: Some(Note::PriceChanged) });
}

#[test]
fn an_older_answer_that_comes_last_ends_no_waiting() {
    let mut model = confirming();
    model.handle(Event::PaymentConfirmed);
    model.handle(Event::Returned { left: false });
    model.handle(seen(State::Processing, 6));
    assert_eq!(model.handle(seen(State::Paying, 5)), [watch(Some(6), 0)]);
    // Nor does a turn that ended with a request in flight.
    let mut model = form();
    model.handle(Event::Returned { left: false });
    model.handle(Event::CancelPressed);
    assert_eq!(model.looks, 0);
}

#[test]
fn looks_between_two_tabs_are_no_doubt_and_a_late_word_of_stripes_counts() {
    let mut model = confirming();
    model.handle(Event::Returned { left: true });
    for _ in 0..4 {
        model.handle(Event::Returned { left: false });
        model.handle(seen(State::Paying, 2));
    }
    assert_eq!(model.stage, Stage::Checking { sure: false, looks: 0 });
    for version in [2, 2, 2, 2] {
        model.handle(seen(State::Paying, version));
    }
    assert_eq!(model.stage, Stage::Form { note: Some(Note::Unconfirmed) });
    let asked = model.handle(Event::PaymentConfirmed);
    assert!(asked.contains(&Command::Refresh { id: "p1".into() }));
    assert_eq!(model.stage, Stage::Checking { sure: true, looks: 0 });
}

#[test]
fn a_form_for_nothing_comes_back_without_stripes() {
    let mut model = form();
    model.handle(Event::Returned { left: false });
    let mut free = view(State::Held, 2);
    free.price = price(0);
    model.handle(Event::PurchaseSeen(free));
    assert_eq!(model.handle(Event::PaymentRemoved), [Command::HidePayment]);
    assert_eq!(model.stage, Stage::Form { note: None });
}

#[test]
fn fields_that_are_not_shown_say_nothing_when_they_are_asked() {
    let mut model = offer();
    model.handle(Event::SettingsChanged(Settings { coupon: Some("SAVE20".into()), learner_token: None }));
    model.handle(Event::PurchasePressed);
    let mut bought = opened(3920);
    bought.price.coupon = Some("SAVE20".into());
    model.handle(Event::PurchaseOpened(bought));
    model.handle(Event::StripeLoaded);
    model.handle(Event::CodeTyped(String::new()));
    model.handle(Event::CancelPressed);
    model.handle(Event::PurchaseClosed);
    let opens = opens(&model.handle(Event::PurchasePressed));
    let [Command::OpenPurchase { request, .. }] = opens.as_slice() else { panic!("{opens:?}") };
    assert_eq!(request.coupon.as_deref(), Some("SAVE20"));
}
