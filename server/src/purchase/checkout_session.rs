//! A purchase that is paid on a page of Stripe's own, for browsers without JavaScript or WASM.
use super::{Command, Learner, Limits, PageTerms, Purchase, Refusal, Way};
use crate::trial::{Guard, holds};
use serde::{Deserialize, Serialize};
use shared::{State, Timestamp};
use std::time::Duration;

/// Stripe refuses a session that lives for less than half an hour from its creation, which may be repeated until the
/// time to pay is over (<https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at>).
const STRIPES_LEAST: Duration = Duration::from_secs(31 * 60);
/// And one that lives for more than a day.
const STRIPES_MOST: Duration = Duration::from_secs((24 * 60 - 1) * 60);

/// Stripe's page for one purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hosted {
    /// Frozen with the attempt, so that a repeat is the same request.
    pub terms: PageTerms,
    /// When Stripe closes the page, should nobody do so before.
    pub expires_at: Timestamp,
    /// Stripe's checkout session.
    pub session: Option<String>,
    /// The page takes no payment any more.
    pub closed: bool,
}

impl Purchase {
    /// Stripe's page, where it is paid on one.
    #[must_use]
    pub fn hosted(&self) -> Option<&Hosted> {
        self.hosted.as_ref()
    }

    /// Why Pay may not be pressed at `now`, if it may not.
    pub fn still_payable(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.declines >= super::MOST_DECLINES {
            return Err(Refusal::TooManyDeclines);
        }
        if self.ending {
            return Err(Refusal::Ended);
        }
        let until = match self.state {
            State::Held => self.hold_expires_at,
            State::Paying => self.pay_expires_at.unwrap_or(self.hold_expires_at),
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

    /// Two ways at once would be two payments.
    pub(super) fn same_way(&self, way: &Way) -> Result<(), Refusal> {
        let other = match way {
            Way::Inline => self.hosted.is_some(),
            Way::Hosted(_) => self.hosted.is_none() && self.attempt.is_some(),
        };
        if other { Err(Refusal::PaidOtherwise) } else { Ok(()) }
    }

    /// Whether Stripe's page, where one was asked for, is this learner's: it says an email, and can't be told of another.
    #[must_use]
    pub fn can_be_paid_for(&self, learner: &Learner) -> bool {
        let asked_for = self.hosted.is_some() && self.attempt.is_some();
        !asked_for || self.learner.as_ref().is_none_or(|known| known.is_same(learner))
    }

    /// The first press of Pay decides what the page says and for how long it is there.
    pub(super) fn choose_way(&mut self, way: Way, now: Timestamp, limits: &Limits) {
        let Way::Hosted(terms) = way else { return };
        let pay_until = self.pay_expires_at.unwrap_or(now.plus(limits.payment));
        let expires_at = pay_until.plus(STRIPES_LEAST).min(now.plus(STRIPES_MOST));
        self.hosted = Some(Hosted { terms, expires_at, session: None, closed: false });
    }

    pub(super) fn session_created(&mut self, session: String) -> Vec<Command> {
        match &mut self.hosted {
            Some(hosted) if hosted.session.is_none() => {
                hosted.session = Some(session);
                hosted.closed = false;
            }
            Some(_) | None => return vec![],
        }
        if self.state.is_over() || self.ending { vec![Command::CancelIntent] } else { vec![] }
    }

    pub(super) fn session_closed(&mut self) {
        if let Some(hosted) = &mut self.hosted {
            hosted.closed = true;
        }
    }

    /// Whether a page may still take a payment, whatever became of the intent of an earlier try on it.
    pub(super) fn page_is_open(&self) -> bool {
        self.hosted.as_ref().is_some_and(|hosted| !hosted.closed) && holds(Guard::PageIsClosed)
    }
}
