//! Variants: what the checkout itself must know about them.
use super::{Command, Model, Stage, Target};
use shared::Screen;

impl Model {
    /// Closes the dialog. If money may be moving, the element keeps showing the progress in the page.
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

    /// Takes on another variant's look. The offering and the hold stay as they are.
    pub(super) fn change_screen(&mut self, screen: Screen) -> Vec<Command> {
        self.screen.variant = screen.variant;
        self.screen.dialog = screen.dialog;
        Vec::new()
    }
}
