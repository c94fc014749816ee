//! Elements that are removed during a purchase, and the next one that takes over.
use super::{Command, Event, Model, Note, Stage, Step};

impl Model {
    pub(super) fn leave(&mut self) -> Vec<Command> {
        match self.stage {
            Stage::Offer { .. }
            | Stage::Opening
            | Stage::Form { .. }
            | Stage::Paying(Step::CheckingDetails | Step::Preparing | Step::Repricing | Step::Applying)
            | Stage::Failed(_) => self.close(),
            // The next learner may be someone else.
            Stage::Granted { .. } if self.owned => Vec::new(),
            // Money may be moving: a learner who comes back must not be asked to pay again.
            Stage::Paying(Step::Confirming)
            | Stage::Checking { .. }
            | Stage::Processing
            | Stage::Paid { .. }
            | Stage::Granted { .. } => vec![Command::HidePayment, Command::Keep(Box::new(self.clone()))],
            Stage::Over(_) => vec![Command::HidePayment],
        }
    }

    /// Continues where another element left off. The screen stays this element's own.
    pub(super) fn resume(&mut self, kept: Self) -> Vec<Command> {
        let Stage::Offer { .. } = self.stage else { return Vec::new() };
        *self = Self {
            screen: self.screen.clone(),
            settings: self.settings.clone(),
            stripe: self.stripe,
            turn: self.turn + 1,
            closing: false,
            resumed: true,
            // Nobody has pressed anything in this element yet.
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

    /// Handles a late answer to a request that is no longer wanted.
    pub(super) fn clear_away(&mut self, event: Event) -> Vec<Command> {
        if let Event::PurchaseOpened(opened) = event {
            return vec![Command::ClosePurchase { id: opened.id }];
        }
        if let Event::OpeningFailed(_) = event { self.finish_closing() } else { Vec::new() }
    }

    /// Shows the payment form again after a payment that the server knows nothing about.
    pub(super) fn admit_doubt(&mut self) -> Vec<Command> {
        if !self.resumed {
            // The price may have changed in the meantime.
            let payment = self.show_payment();
            return payment.into_iter().chain(self.note(Note::Unconfirmed)).collect();
        }
        self.stage = Stage::Opening;
        self.load_stripe()
    }
}
