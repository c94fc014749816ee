//! The transitions that give money back.
use super::{Command, Limits, Purchase, Refusal};
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
            State::Refunding | State::Refunded => return Err(Refusal::Ended),
            State::Held | State::Paying | State::Processing | State::Expired | State::Canceled => {
                return Err(Refusal::NotPaid);
            }
        }
        let left = self.refundable();
        let amount = amount.unwrap_or(left);
        if amount > left || amount <= 0 {
            return Err(Refusal::RefundTooLarge { left });
        }
        if amount == left {
            return Ok(self.begin_refund(amount, key, now, limits));
        }
        Ok(vec![Command::CreateRefund { amount, key }])
    }

    pub(super) fn begin_refund(
        &mut self,
        amount: i64,
        key: String,
        now: Timestamp,
        limits: &Limits,
    ) -> Vec<Command> {
        // One that had ended gave its seat back then, and has none to give back again.
        self.seated = self.seated && !self.has_lost_seat();
        self.state = State::Refunding;
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
            State::Held
            | State::Paying
            | State::Processing
            | State::Expired
            | State::Canceled
            | State::Refunded => return vec![],
        }
        self.refunded = self.refunded.max(total_refunded);
        if self.refunded < self.charged { vec![] } else { self.take_back(now) }
    }

    /// The money is gone: so are access and seat. A grant that was asked for and not answered may have been made.
    pub(super) fn take_back(&mut self, now: Timestamp) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.grant_asked && !self.grant_refused {
            commands.push(Command::RevokeGrant);
        }
        if self.seated {
            commands.push(Command::ReleaseSeat);
        }
        self.state = State::Refunded;
        self.refund_failed = false;
        self.wake_at = None;
        self.ended_at = Some(now);
        commands
    }

    /// An idempotency key for money that the machine itself sends back: one for each purchase and cause.
    pub(super) fn money_key(&self, cause: &str) -> String {
        [self.reference.as_str(), cause].join("-")
    }
}
