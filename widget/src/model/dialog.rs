//! Variants: what of them the checkout itself must know.
use super::{Command, Model, Stage, Target};
use shared::Screen;

impl Model {
    /// Leaves the dialog. Where money may be moving, its place on the page goes on telling what becomes of it.
    pub(super) fn close_dialog(&mut self) -> Vec<Command> {
        if !self.is_dialog_open() {
            return Vec::new();
        }
        match self.stage {
            Stage::Form { .. } => self.cancel(),
            Stage::Failed(_) => self.start_again(),
            Stage::Over(_) => {
                self.forget();
                self.stage = Stage::Offer { note: None };
                vec![Command::Focus(Target::Purchase)]
            }
            Stage::Checking { .. } | Stage::Processing | Stage::Paid { .. } | Stage::Granted { .. } => {
                self.folded = true;
                vec![Command::Focus(Target::Heading)]
            }
            Stage::Offer { .. } | Stage::Opening | Stage::Paying(_) => Vec::new(),
        }
    }

    /// Takes another variant's looks. What is sold and what is held stay as they are.
    pub(super) fn change_screen(&mut self, screen: Screen) -> Vec<Command> {
        self.screen.variant = screen.variant;
        self.screen.dialog = screen.dialog;
        Vec::new()
    }
}
