//! The transitions that give money back.
use super::{Command, Dispute, Limits, Purchase, Refusal};
use shared::{State, Timestamp};

impl Purchase {
    pub(super) fn refund_requested(
        &mut self,
        amount: Option<i64>,
        key: String,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Vec<Command>, Refusal> {
        match self.state {
            State::Paid | State::Granted => {}
            // The bank would not take it: another try may go through.
            State::Refunding if self.refund_failed => {}
            State::Refunding | State::Refunded => return Err(Refusal::Ended),
            State::Held | State::Paying | State::Processing | State::Expired | State::Canceled => {
                return Err(Refusal::NotPaid);
            }
        }
        if self.dispute == Some(Dispute::Open) {
            return Err(Refusal::Disputed);
        }
        let left = self.left_to_refund();
        let amount = amount.unwrap_or(left);
        if amount > left || amount <= 0 {
            return Err(Refusal::RefundTooLarge { left });
        }
        if amount == left {
            return Ok(self.begin_refund(amount, key, now, limits));
        }
        self.refund_asked = self.charged - left + amount;
        Ok(vec![Command::CreateRefund { amount, key }])
    }

    pub(super) fn begin_refund(
        &mut self,
        amount: i64,
        key: String,
        now: Timestamp,
        limits: &Limits,
    ) -> Vec<Command> {
        self.state = State::Refunding;
        self.refund_asked = self.charged;
        self.refund_failed = false;
        self.ended_at = None;
        self.ending = false;
        self.checks = 0;
        self.wait_for_stripe(now, limits);
        vec![Command::CreateRefund { amount, key }]
    }

    pub(super) fn refund_succeeded(&mut self, total_refunded: i64, now: Timestamp) -> Vec<Command> {
        match self.state {
            State::Paid | State::Granted | State::Refunding => {}
            State::Refunded => return vec![],
            // Stripe's messages have no order: the payment's own is still to come.
            State::Held | State::Paying | State::Processing | State::Expired | State::Canceled => {
                return vec![Command::AskStripe];
            }
        }
        self.refunded = total_refunded;
        self.refund_asked = self.refund_asked.max(total_refunded);
        if self.refunded < self.charged { vec![] } else { self.take_back(now) }
    }

    /// The bank would not take the money back, perhaps long after Stripe had called it refunded.
    pub(super) fn refund_failed(&mut self, now: Timestamp, limits: &Limits) -> Vec<Command> {
        if !self.was_paid() {
            return vec![Command::AskStripe];
        }
        self.refund_asked = self.refunded;
        if self.state == State::Refunded {
            self.state = State::Refunding;
            self.refunded = 0;
            self.refund_asked = 0;
            self.ended_at = None;
            self.wait_for_stripe(now, limits);
        }
        if std::mem::replace(&mut self.refund_failed, true) {
            return vec![];
        }
        vec![Command::CallPerson {
            why: "a refund failed at the bank: give the money back another way".to_owned(),
        }]
    }

    /// Stripe's messages have no order: what is decided stays decided, and where the payment's own message is still to
    /// come, Stripe is asked for all of it.
    pub(super) fn disputed(&mut self, dispute: Dispute, now: Timestamp) -> Vec<Command> {
        if !self.was_paid() {
            return vec![Command::AskStripe];
        }
        match (self.dispute, dispute) {
            (Some(Dispute::Won | Dispute::Lost), Dispute::Open) | (Some(Dispute::Lost), Dispute::Won) => {}
            (_, dispute) => self.dispute = Some(dispute),
        }
        let lost = self.dispute == Some(Dispute::Lost);
        if lost && self.state != State::Refunded { self.take_back(now) } else { vec![] }
    }

    /// Money is taken once for each purchase: what another intent took goes back.
    pub(super) fn return_stray(&self, intent: String, amount: i64) -> Vec<Command> {
        if self.intent.as_ref() == Some(&intent) {
            return vec![];
        }
        let key = self.money_key(&intent);
        vec![Command::ReturnStray { intent, amount, key }]
    }

    /// The money is gone: so are access and seat. A grant that was refused may have been made by an earlier try that
    /// got no answer.
    pub(super) fn take_back(&mut self, now: Timestamp) -> Vec<Command> {
        let mut commands = self.release_seat();
        if self.grant_asked && self.revoked_at.is_none() {
            commands.push(Command::RevokeGrant);
        }
        self.state = State::Refunded;
        self.refund_failed = false;
        self.wake_at = None;
        self.ended_at = Some(now);
        commands
    }

    /// Minor units that nobody has asked to be given back yet.
    #[must_use]
    pub fn left_to_refund(&self) -> i64 {
        self.charged - self.refunded.max(self.refund_asked)
    }

    /// Whether money was taken, as far as we have been told.
    #[must_use]
    pub fn was_paid(&self) -> bool {
        match self.state {
            State::Paid | State::Granted | State::Refunding | State::Refunded => true,
            State::Held | State::Paying | State::Processing | State::Expired | State::Canceled => false,
        }
    }

    /// An idempotency key for money that the machine itself sends back: one for each purchase and cause.
    pub(super) fn money_key(&self, cause: &str) -> String {
        [self.reference.as_str(), cause].join("-")
    }
}
