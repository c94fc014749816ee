//! Every event in every state, compared with a table that people can review.
use super::examples::*;
use super::*;
use expect_test::expect_file;
use shared::{Money, State};
use std::fmt::Write as _;

/// Every event, with the variations that matter.
fn events() -> Vec<(&'static str, Event, Timestamp)> {
    vec![
        (
            "price changed",
            Event::PriceChanged {
                price: Price::of(Money { amount: 1000, currency: usd() }),
                redemption: None,
            },
            SOON,
        ),
        ("pay submitted", pay(), SOON),
        ("pay submitted, other total", pay_by(PaymentPath::Inline, 1), SOON),
        ("pay submitted, late", pay(), AFTER_EXPIRY),
        ("pay submitted, hosted", pay_hosted(), SOON),
        ("intent created", Event::IntentCreated { intent: IntentId::new("pi_1") }, SOON),
        ("intent not created", Event::IntentNotCreated, SOON),
        ("session created", session_created(), SOON),
        ("session closed", Event::SessionClosed, SOON),
        ("action required", Event::PaymentActionRequired, SOON),
        ("payment awaited", Event::PaymentAwaited, SOON),
        ("processing", Event::PaymentProcessing, SOON),
        ("payment failed", Event::PaymentFailed { failure: "ch_1".to_owned() }, SOON),
        ("payment succeeded", succeeded(4900, SeatFound::Yes), SOON),
        (
            "payment succeeded, other intent",
            Event::PaymentSucceeded {
                intent: IntentId::new("pi_2"),
                amount: 4900,
                currency: Some(usd()),
                seat: SeatFound::Yes,
            },
            SOON,
        ),
        ("payment succeeded, no seat", succeeded(4900, SeatFound::No), SOON),
        ("payment succeeded, other amount", succeeded(1, SeatFound::Yes), SOON),
        ("intent canceled", Event::IntentCanceled { intent: Some(IntentId::new("pi_1")) }, SOON),
        ("intent canceled, none known", Event::IntentCanceled { intent: None }, SOON),
        ("extension requested", Event::ExtensionRequested, SOON),
        ("extension requested, at the last moment", Event::ExtensionRequested, LAST_MOMENT),
        ("gave up", Event::CancelRequested, SOON),
        ("payer stopped", Event::PayerBlocked, SOON),
        ("woken, early", Event::Woken, OPENED),
        ("woken, late", Event::Woken, AFTER_EXPIRY),
        ("stripe had news", Event::StripeHadNews { intent: Some(IntentId::new("pi_1")) }, SOON),
        ("stripe had news, other intent", Event::StripeHadNews { intent: Some(IntentId::new("pi_2")) }, SOON),
        ("grant created", Event::GrantCreated { access_url: "https://learn".to_owned() }, SOON),
        ("grant refused", Event::GrantRefused, SOON),
        ("grant revoked", Event::GrantRevoked, SOON),
        ("accounts asked", asked(), SOON),
        ("account answered", Event::AccountAnswered { receiver: "sm".to_owned(), took: true }, SOON),
        ("refund requested", refund(None), SOON),
        ("refund requested, part", refund(Some(100)), SOON),
        ("refund requested, too much", refund(Some(4901)), SOON),
        ("refund succeeded", Event::RefundsCounted { succeeded: 4900, failed: 0 }, SOON),
        ("refund succeeded, part", Event::RefundsCounted { succeeded: 100, failed: 0 }, SOON),
        ("refund failed", Event::RefundsCounted { succeeded: 0, failed: 4900 }, SOON),
        ("refund refused", Event::RefundRefused { amount: None }, SOON),
        ("dispute opened", disputed(Dispute::Open), SOON),
        ("dispute won", disputed(Dispute::Won), SOON),
        ("dispute lost", disputed(Dispute::Lost), SOON),
        ("learner erased", Event::LearnerErased { owner: true }, SOON),
    ]
}

/// `UPDATE_EXPECT=1` writes the table anew; review its diff.
#[test]
fn every_event_in_every_state_does_what_the_table_says() {
    let mut table = String::new();
    let inline = State::ALL.iter().map(|&state| (state.to_string(), in_state(state)));
    for (name, before) in inline.chain(hosted()) {
        writeln!(table, "{name}").unwrap();
        for (name, event, now) in events() {
            let mut after = before.clone();
            let outcome = match after.handle(event, now, &LIMITS) {
                Err(refusal) => format!("refused: {refusal:?}"),
                Ok(decision) if after == before && decision == Decision::default() => "-".to_owned(),
                Ok(decision) => {
                    [after.state().as_str(), &decision.names().join(", ")].join(" ").trim_end().to_owned()
                }
            };
            writeln!(table, "    {name:<32} {outcome}").unwrap();
        }
    }
    expect_file!["table.txt"].assert_eq(&table);
}

#[test]
fn a_hosted_purchase_stays_one_and_its_request_stays_the_same() {
    let mut purchase = purchase(&[pay_hosted()]);
    let first = (purchase.attempt().cloned(), purchase.checkout_session().cloned());
    let other = PageTerms { title: "Another".to_owned(), ..terms() };
    purchase.handle(pay_by(PaymentPath::Hosted(other), 4900), A_MINUTE_LATER, &LIMITS).unwrap();
    assert_eq!((purchase.attempt().cloned(), purchase.checkout_session().cloned()), first);
    assert_eq!(purchase.handle(pay(), SOON, &LIMITS), Err(Refusal::PaidOtherwise));
    let left = purchase.checkout_session().unwrap().expires_at.since(SOON.plus(LIMITS.payment));
    assert!(
        left >= Duration::from_secs(1800),
        "a repeat at the last moment is long enough for Stripe: {left:?}"
    );
    assert_eq!(in_state(State::Paying).handle(pay_hosted(), SOON, &LIMITS), Err(Refusal::PaidOtherwise));
}

#[test]
fn stripes_page_is_for_one_email() {
    let by = |email: &str| Event::PaySubmitted {
        learner: Learner { email: Email::parse(email).unwrap(), name: None, external_id: None, issuer: None },
        expected_total: 4900,
        key: IdempotencyKey::new("other"),
        title: None,
        methods: None,
        path: PaymentPath::Hosted(terms()),
    };
    let mut purchase = purchase(&[pay_hosted()]);
    assert_eq!(purchase.handle(by("ADA@example.com"), SOON, &LIMITS), Ok(Decision::default()));
    assert_eq!(purchase.handle(by("grace@example.com"), SOON, &LIMITS), Err(Refusal::PaidOtherwise));
    // If Stripe created none, the next one is created for the next payer.
    purchase.handle(Event::IntentNotCreated, SOON, &LIMITS).unwrap();
    assert_eq!(purchase.handle(by("grace@example.com"), SOON, &LIMITS), Ok(Decision::default()));
}

#[test]
fn a_hold_is_extended_once_and_ends_later() {
    let mut purchase = in_state(State::Held);
    purchase.handle(Event::ExtensionRequested, LAST_MOMENT, &LIMITS).unwrap();
    let until = OPENED.plus(LIMITS.hold + Duration::from_secs(300));
    assert_eq!((purchase.view().hold_expires_at, purchase.wake_at()), (Some(until), Some(until)));
    // The sweep that was about to end it leaves it alone.
    purchase.handle(Event::Woken, OPENED.plus(LIMITS.hold), &LIMITS).unwrap();
    assert_eq!(purchase.state(), State::Held);
    let again = purchase.handle(Event::ExtensionRequested, OPENED.plus(Duration::from_secs(890)), &LIMITS);
    assert_eq!(again, Err(Refusal::AlreadyExtended));
    purchase.handle(Event::Woken, until, &LIMITS).unwrap();
    assert_eq!(purchase.state(), State::Expired);
    assert_eq!(purchase.handle(Event::ExtensionRequested, until, &LIMITS), Err(Refusal::HoldExpired));
}

#[test]
fn the_time_to_pay_is_extended_as_well() {
    let mut purchase = in_state(State::Paying);
    let until = purchase.view().hold_expires_at.unwrap();
    let early = Timestamp::from_millis(until.as_millis() - 60_000);
    assert_eq!(purchase.handle(Event::ExtensionRequested, early, &LIMITS), Err(Refusal::HoldNotEnding));
    let late = Timestamp::from_millis(until.as_millis() - 59_999);
    purchase.handle(Event::ExtensionRequested, late, &LIMITS).unwrap();
    assert_eq!(purchase.view().hold_expires_at, Some(until.plus(Duration::from_secs(300))));
    // Stripe is asked as before, and nothing is cancelled.
    let decision = purchase.handle(Event::Woken, until, &LIMITS).unwrap();
    assert_eq!(decision.commands, [Command::AskStripe]);
    assert_eq!(purchase.handle(pay(), until, &LIMITS), Ok(Decision::default()));
}

#[test]
fn twenty_declines_close_a_purchase() {
    let mut purchase = in_state(State::Paying);
    for n in 1..=MOST_DECLINES {
        let decision =
            purchase.handle(Event::PaymentFailed { failure: n.to_string() }, SOON, &LIMITS).unwrap();
        assert_eq!(decision, (n == MOST_DECLINES).then_some(Command::CancelIntent).into());
    }
    assert_eq!(purchase.handle(pay(), SOON, &LIMITS), Err(Refusal::TooManyDeclines));
}

#[test]
fn a_failure_told_twice_counts_once() {
    let mut purchase = in_state(State::Paying);
    let failed = Event::PaymentFailed { failure: "ch_1".to_owned() };
    purchase.handle(failed.clone(), SOON, &LIMITS).unwrap();
    let version = purchase.version();
    assert_eq!(purchase.handle(failed, SOON, &LIMITS), Ok(Decision::default()));
    assert_eq!(purchase.version(), version);
}

#[test]
fn a_processing_that_comes_late_is_no_trap() {
    for last_word in [Event::PaymentFailed { failure: "ch_1".to_owned() }, Event::PaymentAwaited] {
        let mut purchase = in_state(State::Paying);
        purchase.handle(Event::PaymentFailed { failure: "ch_1".to_owned() }, SOON, &LIMITS).unwrap();
        purchase.handle(Event::PaymentProcessing, SOON, &LIMITS).unwrap();
        purchase.handle(last_word, SOON, &LIMITS).unwrap();
        assert_eq!(
            (purchase.state(), purchase.handle(pay(), SOON, &LIMITS)),
            (State::Paying, Ok(Decision::default()))
        );
    }
}

#[test]
fn a_refund_that_fails_after_all_calls_a_person_once_and_is_not_shown_as_done() {
    let mut purchase = in_state(State::Refunded);
    let failed = Event::RefundsCounted { succeeded: 0, failed: 4900 };
    let decision = purchase.handle(failed.clone(), SOON, &LIMITS).unwrap();
    assert_eq!(decision.names(), ["call_person", "tell_accounts"]);
    assert_eq!(purchase.state(), State::Refunding);
    assert_eq!(purchase.handle(failed, SOON, &LIMITS), Ok(Decision::default()));
    let older = Event::RefundsCounted { succeeded: 4900, failed: 0 };
    assert_eq!(purchase.handle(older, SOON, &LIMITS), Ok(Decision::default()), "it has failed since");
    assert!(purchase.still_wants(&decision.commands[0]));
    // Refunded again: the seat was released the first time.
    purchase.handle(refund(None), SOON, &LIMITS).unwrap();
    let done = Event::RefundsCounted { succeeded: 4900, failed: 4900 };
    assert_eq!(
        purchase.handle(done, SOON, &LIMITS),
        Ok(Decision::from(Command::RevokeGrant).and(tells(AccountEvent::Refunded)))
    );
    assert!(!purchase.still_wants(&decision.commands[0]));
}

#[test]
fn stripe_is_asked_at_doubling_intervals_until_the_time_to_pay_is_over() {
    let mut purchase = in_state(State::Paying);
    let mut waits = Vec::new();
    let mut now = SOON;
    loop {
        let at = purchase.wake_at().unwrap();
        waits.push(at.since(now).as_secs());
        now = at;
        match purchase.handle(Event::Woken, now, &LIMITS).unwrap().commands.as_slice() {
            [Command::AskStripe] => {}
            [Command::CancelIntent] => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(waits, [15, 30, 60, 120, 240, 480, 255]);
}

#[test]
fn nothing_due_is_paid_without_stripe() {
    let free = Price { discount: 4900, total: 0, ..opening(false).price };
    let mut purchase = Purchase::open(Opening { price: free, ..opening(false) }, OPENED, &LIMITS);
    let event = pay_by(PaymentPath::Inline, 0);
    assert_eq!(purchase.handle(event, SOON, &LIMITS), Ok(Command::CreateGrant.into()));
    assert_eq!((purchase.state(), purchase.attempt()), (State::Paid, None));
}

#[test]
fn a_browser_sees_no_full_email() {
    let view = in_state(State::Granted).view();
    assert_eq!(view.email.as_deref(), Some("a•••@example.com"));
    assert!(!format!("{:?}", in_state(State::Granted)).contains("ada@"));
}

#[test]
fn every_refund_that_fails_calls_a_person() {
    let mut purchase = in_state(State::Granted);
    for n in 1..=2 {
        purchase.handle(refund(Some(900)), SOON, &LIMITS).unwrap();
        let failed = Event::RefundsCounted { succeeded: 0, failed: 900 * n };
        let decision = purchase.handle(failed, SOON, &LIMITS).unwrap();
        assert_eq!(decision.names(), ["call_person"]);
    }
    assert_eq!((purchase.state(), purchase.left_to_refund()), (State::Granted, 4900));
}

#[test]
fn a_refund_that_stripe_refuses_may_be_asked_for_again() {
    let mut purchase = in_state(State::Granted);
    purchase.handle(refund(Some(3000)), SOON, &LIMITS).unwrap();
    purchase.handle(Event::RefundsCounted { succeeded: 3000, failed: 0 }, SOON, &LIMITS).unwrap();
    purchase.handle(Event::RefundRefused { amount: Some(3000) }, SOON, &LIMITS).unwrap();
    assert_eq!(purchase.left_to_refund(), 1900);
    purchase.handle(refund(None), SOON, &LIMITS).unwrap();
    assert_eq!(purchase.handle(refund(None), SOON, &LIMITS), Err(Refusal::Ended), "it is under way");
    purchase.handle(Event::RefundRefused { amount: None }, SOON, &LIMITS).unwrap();
    assert!(purchase.handle(refund(None), SOON, &LIMITS).is_ok());
}

#[test]
fn what_cost_nothing_can_be_taken_back_too() {
    let free = Price { discount: 4900, total: 0, ..opening(true).price };
    let mut purchase = Purchase::open(Opening { price: free, ..opening(true) }, OPENED, &LIMITS);
    let event = pay_by(PaymentPath::Inline, 0);
    purchase.handle(event, SOON, &LIMITS).unwrap();
    assert_eq!(purchase.handle(refund(Some(1)), SOON, &LIMITS), Err(Refusal::RefundTooLarge { left: 0 }));
    let decision = purchase.handle(refund(None), SOON, &LIMITS).unwrap();
    assert_eq!(decision.names(), ["release_seat", "revoke_grant", "tell_accounts"]);
}

#[test]
fn a_part_of_what_failed_to_go_back_is_no_trap_for_the_rest() {
    let mut purchase = in_state(State::Refunding);
    purchase.handle(Event::RefundsCounted { succeeded: 0, failed: 4900 }, SOON, &LIMITS).unwrap();
    purchase.handle(refund(Some(1000)), SOON, &LIMITS).unwrap();
    purchase.handle(Event::RefundsCounted { succeeded: 1000, failed: 4900 }, SOON, &LIMITS).unwrap();
    let rest = purchase.handle(refund(None), SOON, &LIMITS).unwrap().commands;
    assert!(matches!(rest[..], [Command::CreateRefund { amount: None, .. }]), "{rest:?}");
}
