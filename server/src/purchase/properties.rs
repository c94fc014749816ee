//! Invariants that must hold after any sequence of events.
use super::examples::{LIMITS, disputed, learner, terms, usd};
use super::*;
use proptest::prelude::*;
use shared::{Money, State};

/// Half price with a coupon, or half the list price without: the total is the same.
fn price(coupon: Option<&str>) -> (Price, Option<Redemption>) {
    let redemption = coupon.map(|code| Redemption::of(CouponCode::parse(code).unwrap(), false));
    let list = if coupon.is_some() { 9800 } else { 4900 };
    let coupon = coupon.map(str::to_owned);
    let bare = Price::of(Money { amount: list, currency: usd() });
    (Price { discount: list - 4900, total: 4900, coupon, ..bare }, redemption)
}

fn any_event() -> impl Strategy<Value = Event> {
    let seat = prop_oneof![Just(SeatFound::Yes), Just(SeatFound::No)];
    let path = prop_oneof![Just(PaymentPath::Inline), Just(PaymentPath::Hosted(terms()))];
    prop_oneof![
        8 => path.prop_map(|path| Event::PaySubmitted {
            learner: learner(),
            expected_total: 4900,
            key: IdempotencyKey::new("key"),
            title: None,
            methods: None,
            path,
        }),
        4 => Just(Event::SessionCreated { session: SessionId::new("cs_1") }),
        2 => Just(Event::SessionClosed),
        2 => Just(Event::ExtensionRequested),
        4 => Just(Event::IntentCreated { intent: IntentId::new("pi_1") }),
        1 => Just(Event::IntentNotCreated),
        1 => Just(Event::PaymentActionRequired),
        1 => Just(Event::PaymentAwaited),
        2 => Just(Event::PaymentProcessing),
        2 => (0..3_u8).prop_map(|n| Event::PaymentFailed { failure: n.to_string() }),
        4 => (prop_oneof![9 => Just(4900_i64), 1 => Just(1)], seat).prop_map(|(amount, seat)| {
            Event::PaymentSucceeded { intent: IntentId::new("pi_1"), amount, currency: Some(usd()), seat }
        }),
        1 => Just(Event::IntentCanceled { intent: Some(IntentId::new("pi_1")) }),
        1 => Just(Event::IntentCanceled { intent: None }),
        2 => prop_oneof![Just(None), Just(Some("ONE")), Just(Some("TWO"))].prop_map(|coupon| {
            let (price, redemption) = price(coupon);
            Event::PriceChanged { price, redemption }
        }),
        1 => Just(Event::CancelRequested),
        1 => Just(Event::PayerBlocked),
        4 => Just(Event::Woken),
        1 => Just(Event::StripeHadNews { intent: None }),
        2 => Just(Event::GrantCreated { access_url: "https://learn".to_owned() }),
        1 => Just(Event::GrantRefused),
        1 => Just(Event::GrantRevoked),
        1 => (1..6000_i64).prop_map(|n| Event::RefundRequested { amount: Some(n), key: IdempotencyKey::new("r") }),
        1 => Just(Event::RefundRequested { amount: None, key: IdempotencyKey::new("r") }),
        1 => (0..=4900_i64, 0..=4900_i64).prop_map(|(succeeded, failed)| Event::RefundsCounted { succeeded, failed }),
        1 => Just(Event::RefundsCounted { succeeded: 4900, failed: 0 }),
        1 => Just(Event::RefundRefused { amount: None }),
        1 => (1..4900_i64).prop_map(|n| Event::RefundRefused { amount: Some(n) }),
        1 => any::<bool>().prop_map(|owner| Event::LearnerErased { owner }),
        1 => Just(disputed(Dispute::Open)),
        1 => Just(disputed(Dispute::Won)),
        1 => Just(disputed(Dispute::Lost)),
        2 => (any_standing(), 0..=4900_i64, 0..=4900_i64, any::<bool>()).prop_map(|(standing, one, other, refundable)| {
            let money = DisputedMoney { withdrawn: one.max(other), lost: one.min(other) };
            Event::Disputed(Disputed { standing, money, refundable })
        }),
    ]
}

fn any_standing() -> impl Strategy<Value = Dispute> {
    prop_oneof![Just(Dispute::Open), Just(Dispute::Won), Just(Dispute::Lost)]
}

/// Follows a purchase and counts what the invariants are about.
struct Ledger {
    purchase: Purchase,
    now: Timestamp,
    succeeded: bool,
    owned_seats: i32,
    redemptions: i32,
    asked_grants: usize,
    asked_revokes: usize,
    asked_refunds: usize,
    booked: Booked,
}

impl Ledger {
    fn open() -> Self {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let (price, redemption) = price(Some("ONE"));
        let opening = Opening {
            id: PurchaseId::from_random([1; 20]),
            reference: Reference::from_random([1; 8]),
            sku: "ru-test".to_owned(),
            seated: true,
            variant: None,
            price,
            redemption,
            team: None,
            signed_in: None,
        };
        let purchase = Purchase::open(opening, now, &LIMITS);
        Self {
            purchase,
            now,
            succeeded: false,
            owned_seats: 1,
            redemptions: 1,
            asked_grants: 0,
            asked_revokes: 0,
            asked_refunds: 0,
            booked: Booked::default(),
        }
    }

    fn step(&mut self, event: Event, later: u64) -> Result<(), TestCaseError> {
        self.now = self.now.plus(Duration::from_secs(later));
        let before = self.purchase.clone();
        // As the store does.
        if matches!(event, Event::PaymentSucceeded { seat: SeatFound::Yes, .. }) && before.has_lost_seat() {
            self.owned_seats += 1;
        }
        if matches!(event, Event::PaymentSucceeded { seat: SeatFound::Yes, .. })
            && before.has_lost_redemption()
        {
            self.redemptions += 1;
        }
        let redeems = matches!(event, Event::PriceChanged { redemption: Some(_), .. });
        self.succeeded |= matches!(event, Event::PaymentSucceeded { .. });
        match self.purchase.handle(event, self.now, &LIMITS) {
            Err(_) => prop_assert_eq!(&before, &self.purchase, "a refusal changes nothing"),
            Ok(Decision { effects, commands }) => {
                self.redemptions += i32::from(redeems);
                let gives_back = effects.contains(&Effect::ReleaseSeat);
                let open = |page: &CheckoutSession| page.session.is_some() && !page.closed;
                if gives_back && !before.was_paid() {
                    prop_assert!(
                        !self.purchase.checkout_session().is_some_and(open),
                        "a seat is free while its page is open"
                    );
                }
                for effect in &effects {
                    match effect {
                        Effect::ReleaseSeat => self.owned_seats -= 1,
                        Effect::ReleaseRedemption { .. } => self.redemptions -= 1,
                        Effect::IssuePack | Effect::RevokePack => {}
                    }
                }
                for command in &commands {
                    match command {
                        Command::CreateGrant => self.asked_grants += 1,
                        Command::RevokeGrant => self.asked_revokes += 1,
                        Command::CreateRefund { .. } => self.asked_refunds += 1,
                        Command::AskStripe
                        | Command::CancelIntent
                        | Command::CancelStray { .. }
                        | Command::ReturnStray { .. }
                        | Command::Escalate { .. }
                        | Command::NotifyAccounts { .. }
                        | Command::NotifyAccount { .. } => {}
                    }
                }
                let changed = before != self.purchase;
                prop_assert_eq!(self.purchase.version() - before.version(), i64::from(changed));
            }
        }
        self.book();
        self.check()
    }

    /// As the store does.
    fn book(&mut self) {
        for Entry { movement, amount, .. } in self.purchase.unbooked(self.booked) {
            match movement {
                Movement::Charge => self.booked.charged += amount,
                Movement::Refund => self.booked.refunded += amount,
                Movement::RefundFailed => self.booked.refunded -= amount,
                Movement::DisputeOpened => self.booked.withdrawn += amount,
                Movement::DisputeWon => self.booked.withdrawn -= amount,
                Movement::DisputeLost => self.booked.lost += amount,
                Movement::DisputeRegained => self.booked.lost -= amount,
                Movement::Stray | Movement::StrayReturned | Movement::Fee => {}
            }
        }
    }

    /// Once Stripe and FlockJay have given their final answers, no purchase waits forever.
    fn ends(mut self) -> Result<(), TestCaseError> {
        for _ in 0..40 {
            let last_word = match self.purchase.state() {
                State::Held => Event::Woken,
                State::Paying
                    if self.purchase.is_cancel_requested()
                        && self.purchase.checkout_session().is_some_and(|page| !page.closed) =>
                {
                    Event::SessionClosed
                }
                State::Paying if self.purchase.is_cancel_requested() => {
                    Event::IntentCanceled { intent: self.purchase.intent().cloned() }
                }
                State::Paying => Event::Woken,
                State::Processing => Event::PaymentAwaited,
                State::Paid => Event::GrantCreated { access_url: "https://learn".to_owned() },
                State::Refunding => Event::RefundsCounted { succeeded: 4900, failed: 1_000_000 },
                State::Granted | State::Expired | State::Canceled | State::Refunded => return Ok(()),
            };
            self.step(last_word, 3600)?;
        }
        Err(TestCaseError::fail(format!("it never ends: {:?}", self.purchase)))
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let state = self.purchase.state();
        let owns = match state {
            State::Held | State::Paying | State::Processing | State::Paid | State::Granted => Some(1),
            State::Expired | State::Canceled | State::Refunded => Some(0),
            State::Refunding => None,
        };
        if let Some(owns) = owns {
            prop_assert_eq!(
                self.owned_seats,
                owns,
                "a seat is owned exactly while it is in effect: {}",
                state
            );
        }
        if let Some(owns) = owns {
            let redeems = i32::from(self.purchase.redemption().is_some()) * owns;
            prop_assert_eq!(self.redemptions, redeems, "and so is the use of a coupon: {}", state);
        }
        prop_assert!((0..=1).contains(&self.owned_seats));
        prop_assert!(self.asked_grants <= 1, "a grant is asked for at most once");
        prop_assert!(self.asked_grants == 0 || self.succeeded, "and never without money");
        let settled = matches!(state, State::Paid | State::Granted | State::Refunding | State::Refunded);
        prop_assert_eq!(self.succeeded, settled, "money is never forgotten, and never made up");
        if matches!(state, State::Paid | State::Granted) {
            prop_assert_eq!(self.asked_grants, 1, "what is paid has its grant asked for");
        }
        if state == State::Refunded && self.asked_grants == 1 {
            prop_assert!(self.asked_revokes >= 1, "what was given back is taken back");
        }
        prop_assert_eq!(self.purchase.unbooked(self.booked), vec![], "the books know all of it");
        let (reversed, left) =
            (self.purchase.refunded() + self.purchase.lost(), self.purchase.left_to_refund());
        if self.purchase.refunded() <= self.purchase.charged() {
            prop_assert!(reversed <= self.purchase.charged(), "no more is refunded or lost than was taken");
            prop_assert!(
                (0..=self.purchase.charged() - reversed).contains(&left),
                "{left} left, {reversed} refunded or lost"
            );
        }
        let waits = matches!(state, State::Held | State::Paying | State::Processing | State::Refunding);
        prop_assert_eq!(self.purchase.wake_at().is_some(), waits, "what waits is looked after: {}", state);
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_invariants_hold_after_any_events(steps in prop::collection::vec((any_event(), 0..900_u64), 1..60)) {
        let mut ledger = Ledger::open();
        for (event, later) in steps {
            ledger.step(event, later)?;
        }
        ledger.ends()?;
    }
}
