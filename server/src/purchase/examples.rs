//! Purchases, events and times for tests.
use super::*;
use shared::{Currency, Money, State};

pub(super) const LIMITS: Limits = Limits {
    hold: Duration::from_secs(600),
    payment: Duration::from_secs(1200),
    check: Duration::from_secs(15),
    partial_dispute_ends_access: false,
    guards: Guards::ALL,
};
pub(super) const OPENED: Timestamp = Timestamp::from_millis(1_800_000_000_000);
pub(super) const SOON: Timestamp = Timestamp::from_millis(1_800_000_060_000);
pub(super) const A_MINUTE_LATER: Timestamp = Timestamp::from_millis(1_800_000_120_000);
/// Ten seconds before the hold of a purchase that was opened at [`OPENED`] ends.
pub(super) const LAST_MOMENT: Timestamp = Timestamp::from_millis(1_800_000_590_000);
pub(super) const AFTER_EXPIRY: Timestamp = Timestamp::from_millis(1_800_100_000_000);

pub(super) fn disputed(standing: Dispute) -> Event {
    let withdrawn = if standing == Dispute::Won { 0 } else { 4900 };
    let lost = if standing == Dispute::Lost { withdrawn } else { 0 };
    Event::Disputed(Disputed { standing, money: DisputedMoney { withdrawn, lost }, refundable: false })
}

pub(super) fn opening(seated: bool) -> Opening {
    Opening {
        id: PurchaseId::from_random([1; 20]),
        reference: Reference::from_random([1; 8]),
        sku: "ru-test".to_owned(),
        seated,
        variant: None,
        price: Price::of(Money { amount: 4900, currency: usd() }),
        redemption: None,
        team: None,
        signed_in: None,
    }
}

pub(super) fn usd() -> Currency {
    Currency::parse("usd").unwrap()
}

pub(super) fn learner() -> Learner {
    Learner { email: Email::parse("ada@example.com").unwrap(), name: None, external_id: None, issuer: None }
}

pub(super) fn pay() -> Event {
    pay_by(PaymentPath::Inline, 4900)
}

pub(super) fn pay_hosted() -> Event {
    pay_by(PaymentPath::Hosted(terms()), 4900)
}

pub(super) fn pay_by(path: PaymentPath, expected_total: i64) -> Event {
    Event::PaySubmitted {
        learner: learner(),
        expected_total,
        key: IdempotencyKey::new("key"),
        title: None,
        methods: None,
        path,
    }
}

pub(super) fn terms() -> PageTerms {
    let (title, lang) = ("Redis".to_owned(), "en".to_owned());
    PageTerms { title, lang, back: "https://checkout/p/1".to_owned() }
}

pub(super) fn session_created() -> Event {
    Event::SessionCreated { session: SessionId::new("cs_1") }
}

pub(super) fn succeeded(amount: i64, seat: SeatFound) -> Event {
    Event::PaymentSucceeded { intent: IntentId::new("pi_1"), amount, currency: Some(usd()), seat }
}

pub(super) fn tells(event: AccountEvent) -> Command {
    Command::NotifyAccounts { event }
}

pub(super) fn asked() -> Event {
    Event::AccountsFound { receivers: vec!["sm".to_owned()], event: AccountEvent::Granted }
}

pub(super) fn refund(amount: Option<i64>) -> Event {
    Event::RefundRequested { amount, key: IdempotencyKey::new("refund") }
}

pub(super) fn purchase(events: &[Event]) -> Purchase {
    let mut purchase = Purchase::open(opening(true), OPENED, &LIMITS);
    for event in events {
        purchase.handle(event.clone(), SOON, &LIMITS).unwrap();
    }
    purchase
}

/// A purchase in `state`, brought there by events.
pub(super) fn in_state(state: State) -> Purchase {
    let created = Event::IntentCreated { intent: IntentId::new("pi_1") };
    let paid = || vec![pay(), created.clone(), succeeded(4900, SeatFound::Yes)];
    let granted = || [paid(), vec![Event::GrantCreated { access_url: "https://learn".to_owned() }]].concat();
    let events = match state {
        State::Held => vec![],
        State::Paying => vec![pay(), created],
        State::Processing => vec![pay(), created, Event::PaymentProcessing],
        State::Paid => paid(),
        State::Granted => granted(),
        State::Expired => {
            let mut expired = purchase(&[]);
            expired.handle(Event::Woken, AFTER_EXPIRY, &LIMITS).unwrap();
            return expired;
        }
        State::Canceled => vec![Event::CancelRequested],
        State::Refunding => [granted(), vec![refund(None)]].concat(),
        State::Refunded => {
            [granted(), vec![refund(None), Event::RefundsCounted { succeeded: 4900, failed: 0 }]].concat()
        }
    };
    purchase(&events)
}

/// Purchases that are paid on Stripe's page, in the states where their table differs.
pub(super) fn hosted() -> Vec<(String, Purchase)> {
    let created = || Event::IntentCreated { intent: IntentId::new("pi_1") };
    let tried = || vec![pay_hosted(), session_created(), created()];
    let stories = [
        ("paying, hosted", vec![pay_hosted(), session_created()]),
        ("paying, hosted, tried", tried()),
        ("paying, hosted, ending", [tried(), vec![Event::CancelRequested]].concat()),
        ("paying, hosted, closed", [tried(), vec![Event::CancelRequested, Event::SessionClosed]].concat()),
        ("processing, hosted", [tried(), vec![Event::PaymentProcessing]].concat()),
        (
            "canceled, hosted",
            vec![pay_hosted(), Event::SessionClosed, Event::IntentCanceled { intent: None }],
        ),
    ];
    stories.into_iter().map(|(name, events)| (name.to_owned(), purchase(&events))).collect()
}
