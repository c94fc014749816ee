//! An element that goes while its purchase is under way, and the next one that takes over.
use super::{Command, Event, Model, Note, Stage, Step};

impl Model {
    pub(super) fn leave(&mut self) -> Vec<Command> {
        match self.stage {
            Stage::Offer { .. }
            | Stage::Opening
            | Stage::Form { .. }
            | Stage::Paying(Step::CheckingDetails | Step::Preparing | Step::Repricing | Step::Applying)
            | Stage::Failed(_) => self.close(),
            // Whoever comes next may be another learner.
            Stage::Granted { .. } if self.owned => Vec::new(),
            // Money may be moving: whoever comes back must not be asked to pay once more.
            Stage::Paying(Step::Confirming)
            | Stage::Checking { .. }
            | Stage::Processing
            | Stage::Paid { .. }
            | Stage::Granted { .. } => vec![Command::HidePayment, Command::Keep(Box::new(self.clone()))],
            Stage::Over(_) => vec![Command::HidePayment],
        }
    }

    /// Goes on where another element has left off. The screen is the newer one's.
    pub(super) fn resume(&mut self, kept: Self) -> Vec<Command> {
        let Stage::Offer { .. } = self.stage else { return Vec::new() };
        *self = Self {
            screen: self.screen.clone(),
            settings: self.settings.clone(),
            stripe: self.stripe,
            turn: self.turn + 1,
            closing: false,
            resumed: true,
            // Nobody has pressed anything here yet.
            folded: true,
            ticking: false,
            hold_left: None,
            looks: 0,
            ..kept
        };
        match self.stage {
            Stage::Granted { .. } => Vec::new(),
            Stage::Paid { .. } => {
                let mut commands = self.watch(0);
                commands.push(Command::AwaitAccess);
                commands
            }
            Stage::Paying(_) | Stage::Checking { .. } | Stage::Processing => self.check_again(),
            Stage::Offer { .. } | Stage::Opening | Stage::Form { .. } | Stage::Over(_) | Stage::Failed(_) => {
                Vec::new()
            }
        }
    }

    /// Takes a late answer to what is not wanted any more.
    pub(super) fn clear_away(&mut self, event: Event) -> Vec<Command> {
        if let Event::PurchaseOpened(opened) = event {
            return vec![Command::ClosePurchase { id: opened.id }];
        }
        if let Event::OpeningFailed(_) = event { self.finish_closing() } else { Vec::new() }
    }

    /// The payment form again, for a payment that the server knows nothing of.
    pub(super) fn admit_doubt(&mut self) -> Vec<Command> {
        if !self.resumed {
            // The price may have moved meanwhile.
            let payment = self.show_payment();
            return payment.into_iter().chain(self.note(Note::Unconfirmed)).collect();
        }
        self.stage = Stage::Opening;
        self.load_stripe()
    }
}
