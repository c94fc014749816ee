//! The timeline: how far each step of a purchase has come.
use super::{Phase, Purchase};
use shared::{Step, StepState, TimelineEntry, Timestamp};

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
        match self.phase {
            Phase::Held
            | Phase::Paying { .. }
            | Phase::Processing { .. }
            | Phase::Paid { .. }
            | Phase::Granted
            | Phase::Refunding => (StepState::Done, Some(self.opened_at)),
            Phase::Expired { at } | Phase::Canceled { at } | Phase::Refunded { at } => {
                (StepState::Undone, Some(at))
            }
        }
    }

    fn payment(&self) -> (StepState, Option<Timestamp>) {
        match self.phase {
            Phase::Held | Phase::Paying { .. } | Phase::Processing { .. } => (StepState::Pending, None),
            Phase::Paid { .. } | Phase::Granted | Phase::Refunding => (StepState::Done, self.payment.paid_at),
            Phase::Expired { at } | Phase::Canceled { at } => (StepState::Failed, Some(at)),
            Phase::Refunded { at } => (StepState::Undone, Some(at)),
        }
    }

    fn access(&self) -> (StepState, Option<Timestamp>) {
        if self.access.revoked_at.is_some() {
            return (StepState::Undone, self.access.revoked_at);
        }
        match self.phase {
            Phase::Granted => (StepState::Done, self.access.granted_at),
            Phase::Paid { grant_refused: true } => (StepState::Failed, None),
            Phase::Held
            | Phase::Paying { .. }
            | Phase::Processing { .. }
            | Phase::Paid { grant_refused: false } => (StepState::Pending, None),
            Phase::Refunding | Phase::Refunded { .. } if self.access.granted_at.is_some() => {
                (StepState::Done, self.access.granted_at)
            }
            Phase::Expired { .. } | Phase::Canceled { .. } | Phase::Refunding | Phase::Refunded { .. } => {
                (StepState::Failed, None)
            }
        }
    }
}
