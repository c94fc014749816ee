//! The transition table: every event in every state.
use super::{
    AccountEvent, Attempt, Command, Decision, Dispute, Effect, Event, IntentId, Limits, Phase, Purchase,
    Refusal, SeatFound,
};
use crate::fault_injection::Guard;
use shared::{State, StepState, Timestamp};
use std::time::Duration;

/// Number of declines after which a purchase accepts no further card.
pub const MOST_DECLINES: u32 = 20;

/// Stripe is asked at least this often about a payment that settles later.
const LONGEST_CHECK: Duration = Duration::from_secs(3600);

impl Purchase {
    /// Applies `event` at `now` and returns what follows. A refusal leaves the purchase as it was, and so
    /// does an event without news, which also keeps the version.
    pub fn handle(&mut self, event: Event, now: Timestamp, limits: &Limits) -> Result<Decision, Refusal> {
        let before = self.clone();
        match self.apply(event, now, limits) {
            Ok(decision) => {
                if *self != before {
                    self.version += 1;
                }
                Ok(decision)
            }
            Err(refusal) => {
                *self = before;
                Err(refusal)
            }
        }
    }

    fn apply(&mut self, event: Event, now: Timestamp, limits: &Limits) -> Result<Decision, Refusal> {
        match event {
            Event::PriceChanged { price, redemption } => {
                self.still_repriced(now)?;
                Ok(self.reprice(price, redemption, limits))
            }
            Event::PaySubmitted { learner, expected_total, key, title, methods, path } => {
                self.still_payable(now)?;
                self.check_path(&path)?;
                if !self.can_be_paid_for(&learner) {
                    return Err(Refusal::PaidOtherwise);
                }
                if expected_total != self.price.total {
                    return Err(Refusal::PriceChanged { total: self.price.total });
                }
                self.learner = Some(learner.clone());
                if self.price.total == 0 {
                    let stray = Decision::from(self.drop_intent());
                    return Ok(stray.and(self.become_paid(now)));
                }
                if self.payment.attempt.is_none() || !limits.guards.hold(Guard::FrozenAttempt) {
                    self.payment.attempt =
                        Some(Attempt { key, price: self.price.clone(), learner, title, methods });
                    self.choose_path(path, now, limits);
                }
                if self.phase == Phase::Held {
                    self.phase = Phase::Paying { cancel_requested: false };
                    self.payment.expires_at = Some(now.plus(limits.payment));
                }
                self.checks = 0;
                self.wait_for_stripe(now, limits);
                Ok(Decision::default())
            }
            Event::IntentCreated { intent } if self.is_settled_free() => {
                Ok(Command::CancelStray { intent }.into())
            }
            Event::IntentCreated { intent } => {
                if self.payment.intent.is_some() {
                    return Ok(Decision::default());
                }
                self.payment.intent = Some(intent);
                Ok(self.takes_no_payment().then_some(Command::CancelIntent).into())
            }
            Event::IntentNotCreated => {
                let session = self.payment.checkout_session.as_ref().and_then(|page| page.session.as_ref());
                if self.payment.intent.is_none() && session.is_none() {
                    self.payment.attempt = None;
                }
                Ok(Decision::default())
            }
            Event::SessionCreated { session } => Ok(self.session_created(session)),
            Event::SessionClosed => {
                self.session_closed();
                Ok(Decision::default())
            }
            Event::PaymentActionRequired => Ok(Decision::default()),
            Event::PaymentAwaited => {
                // The message about processing was an older one, or the processing failed.
                if self.state() == State::Processing {
                    self.back_to_paying(now, limits);
                }
                Ok(Decision::default())
            }
            Event::PaymentProcessing => {
                if matches!(self.state(), State::Held | State::Paying) {
                    let cancel_requested = self.phase.is_cancel_requested();
                    self.phase = Phase::Processing { cancel_requested };
                    self.wait_for_stripe(now, limits);
                }
                Ok(Decision::default())
            }
            Event::PaymentFailed { failure } => Ok(self.payment_failed(failure, now, limits)),
            Event::PaymentSucceeded { intent, amount, currency, seat } => {
                let exact = amount == self.price.total && currency == Some(self.price.currency);
                Ok(self.payment_succeeded(intent, amount, exact, seat, now, limits))
            }
            // About another intent, or from before this one was known.
            Event::IntentCanceled { intent }
                if self.payment.intent.is_some() && intent != self.payment.intent =>
            {
                Ok(self.phase.is_cancel_requested().then_some(Command::CancelIntent).into())
            }
            Event::IntentCanceled { .. } => Ok(match self.state() {
                State::Held | State::Paying | State::Processing if self.page_is_open(limits) => {
                    if self.phase.is_cancel_requested() {
                        Decision::default()
                    } else {
                        self.begin_cancel(now, limits)
                    }
                }
                State::Held | State::Paying | State::Processing => {
                    self.end(Phase::Canceled { at: now }, limits)
                }
                State::Paid
                | State::Granted
                | State::Expired
                | State::Canceled
                | State::Refunding
                | State::Refunded => Decision::default(),
            }),
            Event::ExtensionRequested => {
                self.extend(now)?;
                Ok(Decision::default())
            }
            Event::CancelRequested => match self.state() {
                State::Held => Ok(self.end(Phase::Canceled { at: now }, limits)),
                State::Paying => Ok(self.begin_cancel(now, limits)),
                State::Processing
                | State::Paid
                | State::Granted
                | State::Expired
                | State::Canceled
                | State::Refunding
                | State::Refunded => Err(Refusal::Ended),
            },
            Event::PayerBlocked => {
                let stops = self.phase == Phase::Paying { cancel_requested: false };
                Ok(if stops { self.begin_cancel(now, limits) } else { Decision::default() })
            }
            Event::Woken => Ok(self.woken(now, limits)),
            Event::StripeHadNews { intent: Some(intent) }
                if self.payment.intent.as_ref().is_some_and(|recorded| *recorded != intent) =>
            {
                Ok(Command::CancelStray { intent }.into())
            }
            Event::StripeHadNews { .. } => Ok(Command::AskStripe.into()),
            Event::GrantCreated { access_url } => Ok(self.grant_created(access_url, now)),
            Event::GrantRefused => {
                if let Phase::Paid { grant_refused } = &mut self.phase {
                    *grant_refused = true;
                }
                Ok(Decision::default())
            }
            Event::GrantRevoked => {
                if self.state() != State::Refunded || self.access.revoked_at.is_some() {
                    return Ok(Decision::default());
                }
                self.access.revoked_at = Some(now);
                Ok(Command::NotifyAccounts { event: AccountEvent::Revoked }.into())
            }
            Event::RefundRequested { amount, key } => self.refund_requested(amount, key, now, limits),
            Event::RefundsCounted { succeeded, failed } => {
                Ok(self.refunds_counted(succeeded, failed, now, limits))
            }
            Event::RefundRefused { amount } => {
                self.refund_refused(amount);
                Ok(Decision::default())
            }
            Event::Disputed(news) => Ok(self.disputed(news, now, limits)),
            Event::LearnerErased { owner } => self.learner_erased(owner),
            Event::AccountsFound { receivers, event } => Ok(self.accounts_asked(receivers, event)),
            Event::AccountAnswered { receiver, took } => {
                self.account_answered(receiver, took, now);
                Ok(Decision::default())
            }
        }
    }

    /// Amounts and times stay, and so does the access, which FlockJay knows by the purchase.
    fn learner_erased(&mut self, owner: bool) -> Result<Decision, Refusal> {
        let is_disputed = self.disputes.standing == Some(Dispute::Open);
        // A pending notification names the learner.
        let is_told = self.accounts().all(|(_, state, _)| state != StepState::Pending);
        match self.state() {
            State::Granted | State::Expired | State::Canceled | State::Refunded
                if !is_disputed && is_told =>
            {
                self.payment.attempt = None;
                if owner {
                    (self.learner, self.signed_in) = (None, None);
                }
                Ok(Decision::default())
            }
            State::Held
            | State::Paying
            | State::Processing
            | State::Paid
            | State::Granted
            | State::Expired
            | State::Canceled
            | State::Refunding
            | State::Refunded => Err(Refusal::UnderWay),
        }
    }

    fn become_paid(&mut self, now: Timestamp) -> Decision {
        self.phase = Phase::Paid { grant_refused: false };
        self.payment.paid_at = Some(now);
        self.wake_at = None;
        if self.is_for_team() {
            return self.become_team_granted(now);
        }
        self.access.grant_requested = true;
        Command::CreateGrant.into()
    }

    /// The codes are the team's access, and the seats are reserved for them from now on.
    fn become_team_granted(&mut self, now: Timestamp) -> Decision {
        self.phase = Phase::Granted;
        self.access.granted_at = Some(now);
        self.hold.owns_seat = false;
        Decision::from(Effect::IssuePack).and(Command::NotifyAccounts { event: AccountEvent::Granted })
    }

    fn payment_failed(&mut self, failure: String, now: Timestamp, limits: &Limits) -> Decision {
        if !matches!(self.state(), State::Held | State::Paying | State::Processing) {
            return Decision::default();
        }
        if self.payment.last_failure.as_ref() == Some(&failure) {
            // This failure is known and is Stripe's latest report, so nothing is processing any more.
            if self.state() == State::Processing {
                self.back_to_paying(now, limits);
            }
            return Decision::default();
        }
        self.payment.last_failure = Some(failure);
        self.payment.declines += 1;
        self.back_to_paying(now, limits);
        if self.payment.declines >= MOST_DECLINES {
            self.begin_cancel(now, limits)
        } else {
            Decision::default()
        }
    }

    fn back_to_paying(&mut self, now: Timestamp, limits: &Limits) {
        let cancel_requested = self.phase.is_cancel_requested();
        self.phase = Phase::Paying { cancel_requested };
        self.payment.expires_at = self.payment.expires_at.or(Some(now.plus(limits.payment)));
        self.wait_for_stripe(now, limits);
    }

    fn payment_succeeded(
        &mut self,
        intent: IntentId,
        amount: i64,
        exact: bool,
        seat: SeatFound,
        now: Timestamp,
        limits: &Limits,
    ) -> Decision {
        match self.state() {
            State::Held | State::Paying | State::Processing | State::Expired | State::Canceled => {}
            State::Paid | State::Granted | State::Refunding | State::Refunded => {
                return self.return_stray(intent, amount, limits);
            }
        }
        // The intent that was paid counts, even if another is on record.
        let displaced = self.payment.intent.replace(intent.clone()).filter(|displaced| *displaced != intent);
        let is_foreign = displaced.is_some() || self.payment.attempt.is_none();
        let asks = (is_foreign || self.payment.checkout_session.is_some())
            && limits.guards.hold(Guard::StripeIsAskedForMore);
        let stray = Decision::from(displaced.map(|intent| Command::CancelStray { intent }));
        // Its page must take no second payment, and refunds may have been reported before the intent belonged to a
        // purchase.
        let decision = stray.and(asks.then_some(Command::AskStripe));
        self.payment.charged = amount;
        if self.has_lost_seat() {
            self.hold.owns_seat = seat == SeatFound::Yes;
        }
        if self.has_lost_redemption() && seat == SeatFound::Yes {
            self.regain_redemption();
        }
        let exact = exact || !limits.guards.hold(Guard::ExactAmount);
        if exact && seat == SeatFound::Yes {
            return decision.and(self.become_paid(now));
        }
        // Charged for what can't be delivered, or not the amount that was shown: refund all of it.
        self.payment.paid_at = Some(now);
        decision.and(self.begin_refund(self.money_key("unwanted"), now, limits))
    }

    fn grant_created(&mut self, access_url: String, now: Timestamp) -> Decision {
        match self.state() {
            State::Paid => {
                self.phase = Phase::Granted;
                self.access.url = Some(access_url);
                self.access.granted_at = Some(now);
                Command::NotifyAccounts { event: AccountEvent::Granted }.into()
            }
            // Refunded while FlockJay was answering.
            State::Refunded => {
                self.access.granted_at = Some(now);
                self.access.revoked_at = None;
                Command::RevokeGrant.into()
            }
            State::Refunding => {
                self.access.granted_at = Some(now);
                Decision::default()
            }
            State::Granted => {
                self.access.url = Some(access_url);
                Decision::default()
            }
            State::Held | State::Paying | State::Processing | State::Expired | State::Canceled => {
                Decision::default()
            }
        }
    }

    fn woken(&mut self, now: Timestamp, limits: &Limits) -> Decision {
        if self.wake_at.is_none_or(|at| now < at) {
            return Decision::default();
        }
        match self.state() {
            State::Held => self.end(Phase::Expired { at: now }, limits),
            State::Paying => {
                self.checks += 1;
                self.wait_for_stripe(now, limits);
                let is_late = self.payment.expires_at.is_none_or(|until| now >= until);
                if self.phase.is_cancel_requested() || is_late {
                    self.begin_cancel(now, limits)
                } else {
                    Command::AskStripe.into()
                }
            }
            State::Processing | State::Refunding => {
                self.checks += 1;
                self.wait_for_stripe(now, limits);
                Command::AskStripe.into()
            }
            State::Paid | State::Granted | State::Expired | State::Canceled | State::Refunded => {
                self.wake_at = None;
                Decision::default()
            }
        }
    }

    /// The seat is kept until Stripe has confirmed that nothing will be paid.
    fn begin_cancel(&mut self, now: Timestamp, limits: &Limits) -> Decision {
        self.phase.request_cancel();
        self.wait_for_stripe(now, limits);
        let released = if limits.guards.hold(Guard::SeatUntilCanceled) { None } else { self.release_seat() };
        Decision::from(released).and(Command::CancelIntent)
    }

    fn end(&mut self, phase: Phase, limits: &Limits) -> Decision {
        self.phase = phase;
        self.wake_at = None;
        self.release(limits)
    }

    /// Releases its seat and its use of a coupon.
    pub(super) fn release(&mut self, limits: &Limits) -> Decision {
        Decision::from(self.release_seat()).and(self.release_redemption(limits))
    }

    /// A seat that came with a coupon goes back with it.
    fn release_seat(&mut self) -> Option<Effect> {
        let owned = std::mem::take(&mut self.hold.owns_seat);
        (owned && !self.brings_seat()).then_some(Effect::ReleaseSeat)
    }

    /// Schedules the next look at Stripe: waits double, but never skip the end of the time to pay.
    pub(super) fn wait_for_stripe(&mut self, now: Timestamp, limits: &Limits) {
        let wait = limits.check.saturating_mul(1 << self.checks.min(16)).min(LONGEST_CHECK);
        let look = now.plus(wait);
        self.wake_at = Some(match (self.state(), self.payment.expires_at) {
            (State::Paying, Some(until)) if until > now => look.min(until),
            _ => look,
        });
    }
}
