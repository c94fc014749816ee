//! The timeline: how far each step of a purchase has come.
use super::Purchase;
use shared::{State, Step, StepState, TimelineEntry, Timestamp};

impl Purchase {
    /// The steps that this purchase has, in order: `seat` only if the offering has seats.
    pub(super) fn timeline(&self) -> Vec<TimelineEntry> {
        let mut steps = Vec::with_capacity(4);
        if self.hold.seated {
            let (state, at) = self.seat();
            steps.push(TimelineEntry { step: Step::Seat, state, at });
        }
        let (state, at) = self.payment();
        steps.push(TimelineEntry { step: Step::Payment, state, at });
        let (state, at) = self.access();
        steps.push(TimelineEntry { step: Step::Access, state, at });
        if let Some((state, at)) = self.account() {
            steps.push(TimelineEntry { step: Step::Account, state, at });
        }
        steps
    }

    fn seat(&self) -> (StepState, Option<Timestamp>) {
        match self.state {
            State::Held
            | State::Paying
            | State::Processing
            | State::Paid
            | State::Granted
            | State::Refunding => (StepState::Done, Some(self.opened_at)),
            State::Expired | State::Canceled | State::Refunded => (StepState::Undone, self.ended_at),
        }
    }

    fn payment(&self) -> (StepState, Option<Timestamp>) {
        match self.state {
            State::Held | State::Paying | State::Processing => (StepState::Pending, None),
            State::Paid | State::Granted => (StepState::Done, self.payment.paid_at),
            State::Expired | State::Canceled => (StepState::Failed, self.ended_at),
            State::Refunding => (StepState::Done, self.payment.paid_at),
            State::Refunded => (StepState::Undone, self.ended_at),
        }
    }

    fn access(&self) -> (StepState, Option<Timestamp>) {
        if self.access.revoked_at.is_some() {
            return (StepState::Undone, self.access.revoked_at);
        }
        match self.state {
            State::Granted => (StepState::Done, self.access.granted_at),
            State::Paid if self.access.grant_refused => (StepState::Failed, None),
            State::Held | State::Paying | State::Processing | State::Paid => (StepState::Pending, None),
            State::Refunding | State::Refunded if self.access.granted_at.is_some() => {
                (StepState::Done, self.access.granted_at)
            }
            State::Expired | State::Canceled | State::Refunding | State::Refunded => {
                (StepState::Failed, None)
            }
        }
    }
}
