//! Whether a purchase may be paid: until when, by whom, and on which path.
use super::{Learner, MOST_DECLINES, PaymentPath, Purchase, Refusal};
use shared::{State, Timestamp};
use std::time::Duration;

/// A hold may be extended once it has less than this left.
const ENDING: Duration = Duration::from_secs(60);
/// The time that an extension adds.
const EXTENSION: Duration = Duration::from_secs(300);

impl Purchase {
    /// Whether Pay may be pressed at `now`; the error says why not.
    pub fn still_payable(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.payment.declines >= MOST_DECLINES {
            return Err(Refusal::TooManyDeclines);
        }
        if self.phase.is_cancel_requested() {
            return Err(Refusal::Ended);
        }
        let until = match self.state() {
            State::Held | State::Paying => self.pay_until(),
            State::Expired => return Err(Refusal::HoldExpired),
            State::Processing
            | State::Paid
            | State::Granted
            | State::Canceled
            | State::Refunding
            | State::Refunded => return Err(Refusal::Ended),
        };
        if now < until { Ok(()) } else { Err(Refusal::HoldExpired) }
    }

    /// When the time to press Pay, or to pay, is over.
    pub(super) fn pay_until(&self) -> Timestamp {
        self.payment.expires_at.unwrap_or(self.hold.expires_at)
    }

    /// Gives the learner more time, once, when there is little left (<https://www.w3.org/TR/WCAG22/#timing-adjustable>).
    pub(super) fn extend(&mut self, now: Timestamp) -> Result<(), Refusal> {
        self.still_payable(now)?;
        // Stripe's page has a time of its own.
        if self.payment.checkout_session.is_some() {
            return Err(Refusal::PaidOtherwise);
        }
        if self.hold.extended {
            return Err(Refusal::AlreadyExtended);
        }
        let until = self.pay_until();
        if until.since(now) >= ENDING {
            return Err(Refusal::HoldNotEnding);
        }
        self.hold.extended = true;
        let until = until.plus(EXTENSION);
        if self.state() == State::Held {
            self.hold.expires_at = until;
            self.wake_at = Some(until);
        } else {
            self.payment.expires_at = Some(until);
        }
        Ok(())
    }

    /// Refuses a second path: two at once could lead to two payments.
    pub(super) fn check_path(&self, path: &PaymentPath) -> Result<(), Refusal> {
        let other = match path {
            PaymentPath::Inline => self.payment.checkout_session.is_some(),
            PaymentPath::Hosted(_) => {
                self.payment.checkout_session.is_none() && self.payment.attempt.is_some()
            }
        };
        if other { Err(Refusal::PaidOtherwise) } else { Ok(()) }
    }

    /// Whether this learner may pay: once requested, Stripe's page shows one email, which can't be changed.
    #[must_use]
    pub fn can_be_paid_for(&self, learner: &Learner) -> bool {
        let asked_for = self.payment.checkout_session.is_some() && self.payment.attempt.is_some();
        !asked_for || self.learner.as_ref().is_none_or(|known| known.is_same(learner))
    }

    /// Whether it is over, or its payment intent is being cancelled.
    pub(super) fn takes_no_payment(&self) -> bool {
        self.state().is_over() || self.phase.is_cancel_requested()
    }
}
