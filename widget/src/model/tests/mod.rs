//! Tests of the state machine as stories: what happens, and which commands follow.
mod coupon;
mod dialog;
mod fixtures;
mod leaving;
mod reloaded;
mod returning;
mod seats;
mod signed_in;
mod team;

use super::{Command, Event, Failure, Model, Note, Notice, Settings, Stage, Step, Target, Trouble};
use fixtures::*;
use shared::{
    Challenge, Code, Currency, Kind, Money, Offering, OpenPurchase, Opened, Pay, Price, PurchaseView, Sale,
    Screen, State, Timestamp,
};

#[test]
fn a_purchase_goes_from_the_button_to_access() {
    let mut model = offer();
    let opening =
        OpenPurchase { sku: "course".into(), coupon: None, variant: None, learner_token: None, places: None };
    assert_eq!(
        model.handle(Event::PurchasePressed),
        [Command::LoadStripe, Command::OpenPurchase { turn: 0, request: opening }]
    );
    let expires_at = Timestamp::from_millis(1);
    assert_eq!(
        model.handle(Event::PurchaseOpened(opened(4900))),
        [tell(Notice::Opened), tell(Notice::Hold { expires_at })]
    );
    assert_eq!(
        model.handle(Event::StripeLoaded),
        [Command::ShowPayment { due: usd(4900) }, Command::Focus(Target::Email)]
    );
    model.handle(Event::EmailTyped(" ada@example.com ".into()));
    assert_eq!(model.handle(Event::PayPressed), [tell(Notice::Paying), check_details()]);
    let pay = Pay { email: "ada@example.com".into(), name: None, expected_total: 4900 };
    assert_eq!(
        model.handle(details_accepted()),
        [Command::PreparePayment { id: "p1".into(), request: pay, answer: None }]
    );
    assert_eq!(
        model.handle(prepared(4900)),
        [Command::ConfirmPayment { id: "p1".into(), client_secret: "cs".into() }]
    );
    assert_eq!(
        model.handle(Event::PaymentConfirmed),
        [Command::Focus(Target::Heading), Command::Refresh { id: "p1".into() }, watch(None, 0)]
    );
    assert_eq!(model.handle(seen(State::Paying, 2)), [watch(Some(2), 0)]);
    assert_eq!(
        model.handle(seen(State::Paid, 3)),
        [
            Command::HidePayment,
            tell(Notice::Paid),
            Command::AwaitAccess,
            Command::Focus(Target::Heading),
            watch(Some(3), 0)
        ]
    );
    model.handle(Event::AccessTookLong);
    assert_eq!(model.stage, Stage::Paid { slow: true });
    assert_eq!(
        model.handle(seen(State::Granted, 4)),
        [tell(Notice::Granted), remember_purchase(), Command::Focus(Target::Heading)]
    );
    assert_eq!(model.stage, Stage::Granted { access_url: Some("https://learn.example/".into()) });
}

#[test]
fn the_same_browser_is_asked_once_before_it_pays_again() {
    let bought = || Event::DetailsAccepted { bought: true };
    let mut model = form();
    model.handle(Event::PayPressed);
    assert_eq!(model.handle(bought()), [Command::Focus(Target::Note)]);
    assert_eq!(model.stage, Stage::Form { note: Some(Note::BoughtBefore) });
    assert_eq!(model.handle(Event::PayPressed), [tell(Notice::Paying), check_details()]);
    let commands = model.handle(bought());
    assert!(matches!(commands[..], [Command::PreparePayment { .. }]), "{commands:?}");
}

#[test]
fn pressing_twice_does_nothing_more() {
    let mut model = offer();
    model.handle(Event::PurchasePressed);
    assert_eq!(model.handle(Event::PurchasePressed), []);
    let mut model = form();
    model.handle(Event::PayPressed);
    assert_eq!(model.handle(Event::PayPressed), []);
    assert_eq!(model.handle(Event::CancelPressed), []);
}

#[test]
fn an_attempt_whose_outcome_is_unknown_is_repeated_as_the_same() {
    for (trouble, same) in [
        (Trouble::Offline, true),
        (Trouble::Timeout, true),
        (Trouble::Unreadable, true),
        (Trouble::Refused(Code::RateLimited), false),
    ] {
        let mut model = offer();
        let first = opens(&model.handle(Event::PurchasePressed));
        model.handle(Event::OpeningFailed(trouble));
        assert_eq!(model.stage, Stage::Failed(Failure::Opening(trouble)));
        let second = opens(&model.handle(Event::TryAgainPressed));
        assert_eq!(first == second, same, "{trouble:?}");
    }
}

#[test]
fn a_closed_sale_closes_the_offer() {
    for (code, sale) in [
        (Code::SoldOut, Sale::SoldOut),
        (Code::SaleNotOpen, Sale::NotOpen),
        (Code::SaleClosed, Sale::Closed),
        (Code::SalePaused, Sale::Paused),
    ] {
        let mut model = offer();
        model.handle(Event::PurchasePressed);
        model.handle(Event::OpeningFailed(Trouble::Refused(code)));
        assert_eq!(model.screen.offering.sale, sale);
        assert_eq!(model.stage, Stage::Offer { note: Some(Trouble::Refused(code)) });
        assert_eq!(model.handle(Event::PurchasePressed), []);
    }
}

#[test]
fn a_blocked_stripe_can_be_tried_again_on_the_same_purchase() {
    let mut model = offer();
    model.handle(Event::PurchasePressed);
    model.handle(Event::StripeFailed);
    let error = tell(Notice::Error { code: "stripe_unavailable" });
    let commands = model.handle(Event::PurchaseOpened(opened(4900)));
    assert_eq!(commands[2..], [error, Command::Focus(Target::Heading)]);
    assert_eq!(model.handle(Event::TryAgainPressed), [Command::LoadStripe]);
    model.handle(Event::StripeLoaded);
    assert_eq!(model.stage, Stage::Form { note: None });
}

#[test]
fn nothing_due_needs_no_stripe() {
    let mut model = offer();
    model.handle(Event::PurchasePressed);
    let commands = model.handle(Event::PurchaseOpened(opened(0)));
    assert_eq!(commands.last(), Some(&Command::Focus(Target::Email)));
    model.handle(Event::EmailTyped("ada@example.com".into()));
    let commands = model.handle(Event::PayPressed);
    assert!(matches!(commands[..], [_, Command::PreparePayment { .. }]), "{commands:?}");
    model.handle(Event::PaymentSettled);
    assert_eq!(model.stage, Stage::Checking { sure: true, looks: 0 });
}

#[test]
fn who_passes_a_challenge_pays_without_another_press() {
    let mut model = preparing();
    let challenge = Challenge {
        provider: "turnstile".into(),
        site_key: "site".into(),
        script: "https://c/api.js".into(),
    };
    assert_eq!(
        model.handle(Event::ChallengeAsked(challenge.clone())),
        [Command::Focus(Target::Note), Command::ShowChallenge(challenge.clone())]
    );
    let commands = model.handle(Event::ChallengePassed("human".into()));
    assert!(
        matches!(&commands[..], [Command::PreparePayment { answer: Some(answer), .. }] if answer == "human"),
        "{commands:?}"
    );
    assert!(matches!(model.handle(prepared(4900))[..], [Command::ConfirmPayment { .. }]));
    assert_eq!(model.handle(Event::ChallengePassed("again".into())), []);

    let mut model = preparing();
    model.handle(Event::ChallengeAsked(challenge));
    model.handle(Event::ChallengeFailed);
    assert_eq!(model.stage, Stage::Form { note: Some(Note::Trouble(Trouble::Unreadable)) });
}

#[test]
fn what_the_form_says_about_a_refused_payment() {
    for (trouble, note) in [
        (Trouble::Refused(Code::InvalidEmail), Note::Email(Trouble::Refused(Code::InvalidEmail))),
        (
            Trouble::Refused(Code::PaymentsUnavailable),
            Note::Trouble(Trouble::Refused(Code::PaymentsUnavailable)),
        ),
        (Trouble::Offline, Note::Trouble(Trouble::Offline)),
    ] {
        let mut model = preparing();
        model.handle(Event::PreparingFailed(trouble));
        assert_eq!(model.stage, Stage::Form { note: Some(note) });
    }
}

#[test]
fn an_ended_purchase_may_well_be_paid() {
    let mut model = preparing();
    model.handle(Event::PreparingFailed(Trouble::Refused(Code::PurchaseEnded)));
    assert_eq!(model.stage, Stage::Checking { sure: false, looks: 0 });
    model.handle(seen(State::Granted, 9));
    assert!(matches!(model.stage, Stage::Granted { .. }));
}

#[test]
fn a_hold_that_ran_out_starts_again() {
    let mut model = preparing();
    model.handle(Event::PreparingFailed(Trouble::Refused(Code::HoldExpired)));
    assert_eq!(model.stage, Stage::Over(State::Expired));
    assert_eq!(opens(&model.handle(Event::StartAgainPressed)).len(), 1, "one press is enough");
}

#[test]
fn a_price_that_moved_is_shown_before_anything_is_confirmed() {
    let mut model = preparing();
    let commands = model.handle(prepared(5900));
    assert_eq!(commands, [Command::ShowPayment { due: usd(5900) }, Command::Focus(Target::Note)]);
    assert_eq!(model.stage, Stage::Form { note: Some(Note::PriceChanged) });

    let mut model = preparing();
    let commands = model.handle(Event::PreparingFailed(Trouble::Refused(Code::PriceChanged)));
    assert_eq!(commands, [tell(Notice::Error { code: "price_changed" }), watch(None, 0)]);
    let mut cheaper = view(State::Held, 2);
    cheaper.price = price(3900);
    model.handle(Event::PurchaseSeen(cheaper));
    assert_eq!(model.stage, Stage::Form { note: Some(Note::PriceChanged) });
    assert_eq!(model.due(), usd(3900));
}

#[test]
fn a_decline_keeps_the_purchase_for_another_card() {
    let mut model = confirming();
    let commands = model.handle(Event::PaymentDeclined("No.".into()));
    assert_eq!(commands, [tell(Notice::Declined), Command::Focus(Target::Note)]);
    assert_eq!(model.handle(Event::PayPressed), [tell(Notice::Paying), check_details()]);
    model.handle(Event::DetailsRefused(Some("Incomplete.".into())));
    assert_eq!(model.stage, Stage::Form { note: Some(Note::Details("Incomplete.".into())) });
    let mut model = confirming();
    let commands = model.handle(Event::PaymentUnauthenticated);
    assert_eq!(commands, [tell(Notice::Declined), Command::Focus(Target::Note)]);
    assert_eq!(model.stage, Stage::Form { note: Some(Note::Unauthenticated) });
}

#[test]
fn an_unknown_outcome_asks_the_server_and_never_says_declined() {
    let mut model = confirming();
    model.handle(Event::PaymentLost);
    for version in [2, 2] {
        model.handle(seen(State::Paying, version));
        assert!(matches!(model.stage, Stage::Checking { sure: false, .. }));
    }
    model.handle(seen(State::Paying, 2));
    assert_eq!(model.stage, Stage::Form { note: Some(Note::Unconfirmed) });
}

#[test]
fn watching_backs_off_while_the_server_is_away() {
    let mut model = confirming();
    model.handle(Event::PaymentConfirmed);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        match model.handle(Event::WatchingFailed(Trouble::Offline)).first() {
            Some(Command::Watch { delay, .. }) => pauses.push(*delay),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pauses, [1000, 2000, 4000, 8000, 15_000, 15_000]);
}

#[test]
fn a_server_that_does_not_wait_is_not_rushed() {
    let mut model = confirming();
    model.handle(Event::PaymentConfirmed);
    model.handle(seen(State::Processing, 2));
    assert_eq!(model.handle(seen(State::Processing, 2)), [watch(Some(2), 1000)]);
}

#[test]
fn the_next_purchase_waits_until_the_last_is_given_up() {
    let mut model = form();
    let commands = model.handle(Event::CancelPressed);
    assert_eq!(commands[..2], [Command::ClosePurchase { id: "p1".into() }, Command::HidePayment]);
    assert!(opens(&model.handle(Event::PurchasePressed)).is_empty());
    assert!(!opens(&model.handle(Event::PurchaseClosed)).is_empty());
}

#[test]
fn an_answer_for_an_earlier_purchase_is_stale() {
    let mut model = form();
    let turn = model.turn();
    model.handle(Event::CancelPressed);
    assert_eq!(model.handle_answer(turn, Event::PaymentConfirmed), []);
    assert_eq!(model.stage, Stage::Offer { note: None });
}

#[test]
fn a_suggested_email_never_replaces_a_typed_one() {
    let mut model = form();
    model.handle(Event::EmailSuggested("host@example.com".into()));
    assert_eq!(model.email, "ada@example.com");
    let mut model = offer();
    model.handle(Event::EmailSuggested("host@example.com".into()));
    assert_eq!(model.email, "host@example.com");
}

#[test]
fn a_wrong_email_is_said_at_the_field() {
    let mut model = form();
    for wrong in
        ["", "ada", "ada@", "@example.com", "ada@example", "ada@.com", "ada@example.", "a da@example.com"]
    {
        model.handle(Event::EmailTyped(wrong.into()));
        assert_eq!(model.handle(Event::PayPressed), [Command::Focus(Target::Email)], "{wrong}");
    }
    assert_eq!(model.stage, Stage::Form { note: Some(Note::Email(Trouble::Refused(Code::InvalidEmail))) });
    model.handle(Event::EmailTyped("ada@".into()));
    assert_eq!(model.stage, Stage::Form { note: None });
}

#[test]
fn focus_targets_have_names_of_their_own() {
    let all = [
        Target::Title,
        Target::Purchase,
        Target::Email,
        Target::Code,
        Target::Redeem,
        Target::Note,
        Target::Heading,
    ];
    let names: std::collections::BTreeSet<_> = all.into_iter().map(Target::name).collect();
    assert_eq!(names.len(), all.len());
}
