//! The coupon of a purchase: one use of it is held like a seat, and released when the purchase ends unpaid or refunded.
use super::CouponCode;
use super::{Command, Decision, Effect, Limits, Purchase, Refusal};
use crate::fault_injection::Guard;
use serde::{Deserialize, Serialize};
use shared::{Price, State, Timestamp};

/// One use of a coupon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    pub code: CouponCode,
    /// A seat came with it, and goes back with it.
    pub brings_seat: bool,
    /// It counts, until it is released.
    pub held: bool,
}

impl Redemption {
    /// A use that counts from now on.
    #[must_use]
    pub fn of(code: CouponCode, brings_seat: bool) -> Self {
        Self { code, brings_seat, held: true }
    }
}

impl Purchase {
    /// The coupon that lowers its price, even if its use was released.
    #[must_use]
    pub fn redemption(&self) -> Option<&Redemption> {
        self.redemption.as_ref()
    }

    /// Whether its price can be changed at `now`; the error says why not.
    pub fn still_repriced(&self, now: Timestamp) -> Result<(), Refusal> {
        self.still_payable(now)?;
        // Stripe's page shows the price that it was created with.
        if self.payment.checkout_session.is_some() { Err(Refusal::PaidOtherwise) } else { Ok(()) }
    }

    /// Whether the use of its coupon was released, so that a late payment needs a new one.
    #[must_use]
    pub fn has_lost_redemption(&self) -> bool {
        self.redemption.as_ref().is_some_and(|redemption| !redemption.held) && !self.was_paid()
    }

    pub(super) fn brings_seat(&self) -> bool {
        self.redemption.as_ref().is_some_and(|redemption| redemption.brings_seat)
    }

    /// The store has already taken the new coupon's use, and a seat if the old one goes with the old coupon.
    pub(super) fn reprice(
        &mut self,
        price: Price,
        redemption: Option<Redemption>,
        limits: &Limits,
    ) -> Decision {
        let brings_seat = redemption.as_ref().is_some_and(|redemption| redemption.brings_seat);
        let spare = self.hold.owns_seat && !self.brings_seat() && brings_seat;
        let seat = Decision::from(spare.then_some(Effect::ReleaseSeat));
        let decision = seat.and(self.release_redemption(limits));
        self.redemption = redemption;
        self.price = price;
        decision
    }

    pub(super) fn release_redemption(&mut self, limits: &Limits) -> Option<Effect> {
        let redemption = self.redemption.as_mut().filter(|redemption| redemption.held)?;
        redemption.held = false;
        limits
            .guards
            .hold(Guard::RedemptionGoesBack)
            .then(|| Effect::ReleaseRedemption { code: redemption.code.clone() })
    }

    /// The store has found a new use for a late payment.
    pub(super) fn regain_redemption(&mut self) {
        if let Some(redemption) = &mut self.redemption {
            redemption.held = true;
        }
    }

    /// A coupon covers the whole price: an earlier intent must take no money, and what it has taken is refunded as a
    /// stray.
    pub(super) fn drop_intent(&mut self) -> Option<Command> {
        self.payment.attempt = None;
        self.payment.intent.take().map(|intent| Command::CancelStray { intent })
    }

    /// Whether it was settled without money.
    #[must_use]
    pub fn is_settled_free(&self) -> bool {
        match self.state() {
            State::Paid | State::Granted | State::Refunding | State::Refunded => self.payment.charged == 0,
            State::Held | State::Paying | State::Processing | State::Expired | State::Canceled => false,
        }
    }
}
