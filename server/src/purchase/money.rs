//! The transitions that give money back.
use super::{AccountEvent, Command, Dispute, Disputed, Limits, Purchase, Refusal};
use crate::trial::{Guard, holds};
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
            State::Refunding if self.is_refund_stuck() => {}
            // Access has ended with a part of the money, or a bank has given some back.
            State::Refunded if self.left_to_refund() > 0 => {}
            State::Refunding | State::Refunded => return Err(Refusal::Ended),
            State::Held | State::Paying | State::Processing | State::Expired | State::Canceled => {
                return Err(Refusal::NotPaid);
            }
        }
        if self.dispute_forbids_refund() {
            return Err(Refusal::Disputed);
        }
        let left = self.left_to_refund();
        match amount {
            // Nothing was due: only access and seat go back.
            None if self.charged == 0 => Ok(self.take_back(now)),
            None if left > 0 => Ok(self.begin_refund(key, now, limits)),
            Some(amount) if (1..left).contains(&amount) => {
                self.refund_asked = self.charged - self.lost() - left + amount;
                self.refund_failed = false;
                Ok(vec![Command::CreateRefund { amount: Some(amount), key }])
            }
            Some(amount) if amount == left && left > 0 => Ok(self.begin_refund(key, now, limits)),
            None | Some(_) => Err(Refusal::RefundTooLarge { left }),
        }
    }

    /// All of it goes back, however much Stripe still has.
    pub(super) fn begin_refund(&mut self, key: String, now: Timestamp, limits: &Limits) -> Vec<Command> {
        // Without an amount Stripe gives back what it has not refunded, also what a bank has taken.
        let amount = (self.lost() > 0).then(|| self.left_to_refund());
        self.state = State::Refunding;
        self.refund_asked = self.charged - self.lost();
        self.refund_failed = false;
        self.ended_at = None;
        self.ending = false;
        self.checks = 0;
        self.wait_for_stripe(now, limits);
        vec![Command::CreateRefund { amount, key }]
    }

    fn revoke_pack(&self) -> Option<Command> {
        let has_codes = self.is_for_team() && self.granted_at.is_some();
        (has_codes && holds(Guard::CodesGoWithMoney)).then_some(Command::RevokePack)
    }

    /// Takes what Stripe says of all refunds. News has no order; since what has failed stays failed, and only a failure
    /// makes less of what has succeeded, older news is known.
    pub(super) fn refunds_counted(
        &mut self,
        succeeded: i64,
        failed: i64,
        now: Timestamp,
        limits: &Limits,
    ) -> Vec<Command> {
        // What was returned to who got it for nothing was another intent's.
        if !self.was_paid()
            || self.charged == 0
            || (failed, succeeded) <= (self.refunds_failed, self.refunded)
        {
            return vec![];
        }
        let (failed_now, fell) = (failed - self.refunds_failed, succeeded < self.refunded);
        let (gone, was_all_gone) = (self.gone(), self.is_all_gone());
        (self.refunds_failed, self.refunded) = (failed, succeeded);
        self.refund_asked = succeeded.max(self.refund_asked - failed_now);
        if self.is_all_gone() {
            let is_over = self.state == State::Refunded;
            return if is_over {
                self.tell_of_money(gone).into_iter().collect()
            } else {
                self.take_back(now)
            };
        }
        if failed_now == 0 {
            return self.tell_of_money(gone).into_iter().collect();
        }
        // The bank would not take the money, perhaps long after Stripe had called it given back.
        if self.state == State::Refunded && was_all_gone {
            self.state = State::Refunding;
            self.ended_at = None;
            self.wait_for_stripe(now, limits);
        }
        self.refund_failed = true;
        let call = Command::CallPerson {
            why: "a refund failed at the bank: `purchases refund` tries again, or give the money back another way"
                .to_owned(),
        };
        // Who counts the money has heard that it is back.
        let told = fell.then_some(Command::TellAccounts { event: AccountEvent::Refunded });
        [call].into_iter().chain(told).collect()
    }

    /// What was refused is not under way, and may be asked for again.
    pub(super) fn refund_refused(&mut self, amount: Option<i64>) {
        let asked = amount.map_or(0, |amount| self.refund_asked - amount);
        self.refund_asked = asked.max(self.refunded);
        self.refund_failed |= self.state == State::Refunding;
    }

    /// Takes what Stripe says of all disputes: it was asked, so that this is no old news. Where the payment's own message is
    /// still to come, it is asked for all of it.
    pub(super) fn disputed(&mut self, news: Disputed, now: Timestamp, limits: &Limits) -> Vec<Command> {
        if !self.was_paid() {
            return vec![Command::AskStripe];
        }
        // What it cost nothing can't be asked back: another intent's money is.
        if self.is_settled_free() {
            return vec![];
        }
        let (before, gone) = (self.lost(), self.gone());
        (self.dispute, self.disputed) = (Some(news.standing), Some(news.money));
        self.dispute_forbids_refund = news.standing == Dispute::Open && !news.refundable;
        let lost = self.lost();
        if self.state != State::Refunded
            && lost > 0
            && (self.is_all_gone() || limits.partial_dispute_ends_access)
        {
            return self.take_back(now);
        }
        let mut commands = Vec::new();
        if lost < before && matches!(self.state, State::Refunding | State::Refunded) {
            self.dispute_regained = true;
            self.refund_failed |= self.state == State::Refunding;
            let why = "a dispute that was lost has been won after all, and access has ended or is to end: give it another \
                       way, or give the money back with `purchases refund`";
            commands.push(Command::CallPerson { why: why.to_owned() });
        }
        commands.extend(self.tell_of_money(gone));
        commands
    }

    /// Minor units that are not ours any more.
    fn gone(&self) -> i64 {
        self.refunded + self.lost()
    }

    /// Where a part is gone, or is back, whoever counts the money hears of it, and access stays as it is.
    fn tell_of_money(&self, gone_before: i64) -> Option<Command> {
        let counts = matches!(self.state, State::Granted | State::Refunded);
        (counts && self.gone() != gone_before)
            .then_some(Command::TellAccounts { event: AccountEvent::Refunded })
    }

    /// Minor units that banks have taken back for good.
    #[must_use]
    pub fn lost(&self) -> i64 {
        let left = self.charged - self.refunded;
        match self.disputed {
            Some(money) => money.lost.min(left),
            // Before amounts were told, access ended with all of it.
            None if self.dispute == Some(Dispute::Lost) && self.state == State::Refunded => left,
            None => 0,
        }
    }

    /// Whether Stripe refunds nothing until a bank has decided.
    #[must_use]
    pub fn dispute_forbids_refund(&self) -> bool {
        self.dispute_forbids_refund || self.is_dispute_unclear()
    }

    /// Whether a release that knew of no amounts has told of a dispute last.
    pub(crate) fn is_dispute_unclear(&self) -> bool {
        matches!(self.dispute, Some(Dispute::Open | Dispute::Lost)) && self.disputed.is_none()
    }

    fn is_all_gone(&self) -> bool {
        self.gone() >= self.charged
    }

    /// Money is taken once for each purchase: what another intent took goes back.
    pub(super) fn return_stray(&self, intent: String, amount: i64) -> Vec<Command> {
        if self.intent.as_ref() == Some(&intent) || !holds(Guard::StrayGoesBack) {
            return vec![];
        }
        let key = self.money_key(&intent);
        vec![Command::ReturnStray { intent, amount, key }]
    }

    /// The money is gone: so are access and seat. A grant that was refused may have been made by an earlier try that
    /// got no answer.
    pub(super) fn take_back(&mut self, now: Timestamp) -> Vec<Command> {
        let mut commands = self.release();
        if let Some(revoke) = self.revoke_pack() {
            self.revoked_at = Some(now);
            commands.push(revoke);
        }
        if self.grant_asked && self.revoked_at.is_none() && holds(Guard::RevokedWithMoney) {
            commands.push(Command::RevokeGrant);
        }
        self.state = State::Refunded;
        self.refund_failed = false;
        self.wake_at = None;
        self.ended_at = Some(now);
        commands.push(Command::TellAccounts { event: AccountEvent::Refunded });
        commands
    }

    /// Whether money should have gone back, and nothing is under way that sends it.
    pub(super) fn is_refund_stuck(&self) -> bool {
        self.refund_failed || (self.state == State::Refunding && self.left_to_refund() > 0)
    }

    /// Minor units that nobody has asked to be given back yet.
    #[must_use]
    pub fn left_to_refund(&self) -> i64 {
        let asked = if holds(Guard::RefundsAddUp) { self.refund_asked } else { 0 };
        (self.charged - self.refunded.max(asked) - self.lost()).max(0)
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
