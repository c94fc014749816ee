//! The transitions of refunds and disputes.
use super::{
    AccountEvent, Command, Decision, Dispute, Disputed, Effect, IdempotencyKey, IntentId, Limits, Phase,
    Purchase, Refusal,
};
use crate::fault_injection::Guard;
use shared::{State, Timestamp};

impl Purchase {
    pub(super) fn refund_requested(
        &mut self,
        amount: Option<i64>,
        key: IdempotencyKey,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Decision, Refusal> {
        match self.state() {
            State::Paid | State::Granted => {}
            // The bank rejected it: another attempt may succeed.
            State::Refunding if self.is_refund_stuck() => {}
            // Access ended with a part of the money, or a bank has returned some.
            State::Refunded if self.left_to_refund() > 0 => {}
            State::Refunding | State::Refunded => return Err(Refusal::Ended),
            State::Held | State::Paying | State::Processing | State::Expired | State::Canceled => {
                return Err(Refusal::NotPaid);
            }
        }
        if self.dispute_forbids_refund() {
            return Err(Refusal::Disputed);
        }
        if !limits.guards.hold(Guard::RefundsAddUp) {
            self.refunds.requested = 0;
        }
        let left = self.left_to_refund();
        match amount {
            // Nothing was paid: only access and seat are withdrawn.
            None if self.payment.charged == 0 => Ok(self.conclude_refund(now, limits)),
            None if left > 0 => Ok(self.begin_refund(key, now, limits)),
            Some(amount) if (1..left).contains(&amount) => {
                self.refunds.requested = self.payment.charged - self.lost() - left + amount;
                self.refunds.last_failed = false;
                Ok(Command::CreateRefund { amount: Some(amount), key }.into())
            }
            Some(amount) if amount == left && left > 0 => Ok(self.begin_refund(key, now, limits)),
            None | Some(_) => Err(Refusal::RefundTooLarge { left }),
        }
    }

    /// Refunds all of it, however much Stripe still has.
    pub(super) fn begin_refund(&mut self, key: IdempotencyKey, now: Timestamp, limits: &Limits) -> Decision {
        // Without an amount, Stripe refunds all that it has not refunded yet, including what a bank has taken.
        let amount = (self.lost() > 0).then(|| self.left_to_refund());
        self.phase = Phase::Refunding;
        self.refunds.requested = self.payment.charged - self.lost();
        self.refunds.last_failed = false;
        self.checks = 0;
        self.wait_for_stripe(now, limits);
        Command::CreateRefund { amount, key }.into()
    }

    fn revoke_pack(&self, limits: &Limits) -> Option<Effect> {
        let has_codes = self.is_for_team() && self.access.granted_at.is_some();
        (has_codes && limits.guards.hold(Guard::CodesGoWithMoney)).then_some(Effect::RevokePack)
    }

    /// Applies what Stripe says about all refunds. News arrives in any order, but older news is recognized: what has
    /// failed stays failed, and only a failure reduces what has succeeded.
    pub(super) fn refunds_counted(
        &mut self,
        succeeded: i64,
        failed: i64,
        now: Timestamp,
        limits: &Limits,
    ) -> Decision {
        // If the purchase was free, another intent was refunded.
        if !self.was_paid()
            || self.payment.charged == 0
            || (failed, succeeded) <= (self.refunds.failed, self.refunds.succeeded)
        {
            return Decision::default();
        }
        let (failed_now, fell) = (failed - self.refunds.failed, succeeded < self.refunds.succeeded);
        let (reversed, was_fully_reversed) = (self.reversed(), self.is_fully_reversed());
        (self.refunds.failed, self.refunds.succeeded) = (failed, succeeded);
        self.refunds.requested = succeeded.max(self.refunds.requested - failed_now);
        if self.is_fully_reversed() {
            let is_over = self.state() == State::Refunded;
            return if is_over {
                self.notify_reversal(reversed).into()
            } else {
                self.conclude_refund(now, limits)
            };
        }
        if failed_now == 0 {
            return self.notify_reversal(reversed).into();
        }
        // The bank rejected the refund, perhaps long after Stripe had reported it as succeeded.
        if self.state() == State::Refunded && was_fully_reversed {
            self.phase = Phase::Refunding;
            self.wait_for_stripe(now, limits);
        }
        self.refunds.last_failed = true;
        let call = Command::Escalate {
            why: "a refund failed at the bank: `purchases refund` tries again, or give the money back another way"
                .to_owned(),
        };
        // Account receivers were told that the money was refunded: notify them again.
        let told = fell.then_some(Command::NotifyAccounts { event: AccountEvent::Refunded });
        Decision::from(call).and(told)
    }

    /// A refused refund is not under way, and may be requested again.
    pub(super) fn refund_refused(&mut self, amount: Option<i64>) {
        let asked = amount.map_or(0, |amount| self.refunds.requested - amount);
        self.refunds.requested = asked.max(self.refunds.succeeded);
        self.refunds.last_failed |= self.state() == State::Refunding;
    }

    /// Applies what Stripe says about all disputes: since it was asked, this is current. If the payment's own message
    /// is still to come, Stripe is asked for everything.
    pub(super) fn disputed(&mut self, news: Disputed, now: Timestamp, limits: &Limits) -> Decision {
        if !self.was_paid() {
            return Command::AskStripe.into();
        }
        // A free purchase can't be disputed: the dispute is about another intent.
        if self.is_settled_free() {
            return Decision::default();
        }
        let (before, reversed) = (self.lost(), self.reversed());
        (self.disputes.standing, self.disputes.money) = (Some(news.standing), Some(news.money));
        self.disputes.forbid_refund = news.standing == Dispute::Open && !news.refundable;
        let lost = self.lost();
        if self.state() != State::Refunded
            && lost > 0
            && (self.is_fully_reversed() || limits.partial_dispute_ends_access)
        {
            return self.conclude_refund(now, limits);
        }
        let mut decision = Decision::default();
        if lost < before && matches!(self.state(), State::Refunding | State::Refunded) {
            self.disputes.regained = true;
            self.refunds.last_failed |= self.state() == State::Refunding;
            let why = "a dispute that was lost has been won after all, and access has ended or is to end: give it another \
                       way, or give the money back with `purchases refund`";
            decision = Command::Escalate { why: why.to_owned() }.into();
        }
        decision.and(self.notify_reversal(reversed))
    }

    /// Minor units that were refunded or lost.
    fn reversed(&self) -> i64 {
        self.refunds.succeeded + self.lost()
    }

    /// Notifies account receivers if a part was refunded, lost or returned; access stays as it is.
    fn notify_reversal(&self, reversed_before: i64) -> Option<Command> {
        let counts = matches!(self.state(), State::Granted | State::Refunded);
        (counts && self.reversed() != reversed_before)
            .then_some(Command::NotifyAccounts { event: AccountEvent::Refunded })
    }

    /// Minor units that banks have taken back for good.
    #[must_use]
    pub fn lost(&self) -> i64 {
        let left = self.payment.charged - self.refunds.succeeded;
        match self.disputes.money {
            Some(money) => money.lost.min(left),
            // Before amounts were recorded, access ended with all of it.
            None if self.disputes.standing == Some(Dispute::Lost) && self.state() == State::Refunded => left,
            None => 0,
        }
    }

    /// Whether Stripe refunds nothing until a bank has decided.
    #[must_use]
    pub fn dispute_forbids_refund(&self) -> bool {
        self.disputes.forbid_refund || self.is_dispute_unclear()
    }

    /// Whether the dispute was last recorded by a release that knew no amounts.
    pub(crate) fn is_dispute_unclear(&self) -> bool {
        matches!(self.disputes.standing, Some(Dispute::Open | Dispute::Lost)) && self.disputes.money.is_none()
    }

    fn is_fully_reversed(&self) -> bool {
        self.reversed() >= self.payment.charged
    }

    /// Each purchase is paid once: what another intent took is refunded.
    pub(super) fn return_stray(&self, intent: IntentId, amount: i64, limits: &Limits) -> Decision {
        if self.payment.intent.as_ref() == Some(&intent) || !limits.guards.hold(Guard::StrayGoesBack) {
            return Decision::default();
        }
        let key = self.money_key(intent.as_str());
        Command::ReturnStray { intent, amount, key }.into()
    }

    /// The money was refunded or lost, so access and seat end. Even a refused grant is revoked: an earlier attempt that
    /// got no answer may have made it.
    pub(super) fn conclude_refund(&mut self, now: Timestamp, limits: &Limits) -> Decision {
        let revoked_pack = self.revoke_pack(limits);
        if revoked_pack.is_some() {
            self.access.revoked_at = Some(now);
        }
        let revokes = self.access.grant_requested
            && self.access.revoked_at.is_none()
            && limits.guards.hold(Guard::RevokedWithMoney);
        let decision = self.release(limits).and(revoked_pack).and(revokes.then_some(Command::RevokeGrant));
        self.phase = Phase::Refunded { at: now };
        self.refunds.last_failed = false;
        self.wake_at = None;
        decision.and(Command::NotifyAccounts { event: AccountEvent::Refunded })
    }

    /// Whether money should have been refunded, but no refund is under way.
    pub(super) fn is_refund_stuck(&self) -> bool {
        self.refunds.last_failed || (self.state() == State::Refunding && self.left_to_refund() > 0)
    }

    /// Minor units that are neither refunded, nor requested to be, nor lost.
    #[must_use]
    pub fn left_to_refund(&self) -> i64 {
        let asked = self.refunds.succeeded.max(self.refunds.requested);
        (self.payment.charged - asked - self.lost()).max(0)
    }

    /// Whether it was paid, or settled for free, as far as we know.
    #[must_use]
    pub fn was_paid(&self) -> bool {
        match self.state() {
            State::Paid | State::Granted | State::Refunding | State::Refunded => true,
            State::Held | State::Paying | State::Processing | State::Expired | State::Canceled => false,
        }
    }

    /// The idempotency key of a refund that the state machine itself starts: one per purchase and cause.
    pub(super) fn money_key(&self, cause: &str) -> IdempotencyKey {
        IdempotencyKey::new([self.reference.as_str(), cause].join("-"))
    }
}
