//! Coupon codes: provided by the page or typed, applied in place and removed again.
use super::{Command, Model, Note, Stage, Step, Target, Trouble};
use shared::{PurchaseView, Sale};

impl Model {
    pub(super) fn take_code(&mut self, text: String) -> Vec<Command> {
        // A field that is not shown doesn't count.
        if text == self.code || self.code().is_none() {
            return Vec::new();
        }
        self.code = text;
        self.code_open = true;
        if self.code_fault().is_some() {
            self.say_nothing();
        }
        Vec::new()
    }

    /// Opens the field, applies its code, or removes the coupon.
    pub(super) fn press_code(&mut self) -> Vec<Command> {
        let form = matches!(self.stage, Stage::Form { .. });
        let sold_out = matches!(self.stage, Stage::Offer { .. }) && self.asks_for_seat();
        if !form && !sold_out || self.team.is_some() {
            return Vec::new();
        }
        if self.applied().is_some() {
            return self.change_coupon(None);
        }
        let Some(code) = self.typed_code() else {
            self.code_open = true;
            if sold_out {
                self.say_nothing();
            }
            return vec![Command::Focus(Target::Code)];
        };
        if form {
            let code = code.to_owned();
            return self.change_coupon(Some(code));
        }
        self.code_open = true;
        self.code_wanted = true;
        self.next_turn();
        self.open()
    }

    /// Opens a purchase at the list price instead of one with the code; its form will show what is wrong with the code.
    /// If no seat is left, every purchase needs a code, so the offer shows the problem instead.
    pub(super) fn open_without_code(&mut self, trouble: Trouble) -> Vec<Command> {
        self.code_open = true;
        self.next_turn();
        if self.brought_seat {
            self.stage = Stage::Offer { note: Some(trouble) };
            return vec![Command::Focus(Target::Code)];
        }
        self.pending = Some(Note::Coupon(Some(trouble)));
        vec![self.open_command()]
    }

    /// Shows the price after a coupon was applied or removed.
    pub(super) fn reprice(&mut self, seen: PurchaseView) -> Vec<Command> {
        let (Stage::Paying(Step::Applying), Some(purchase)) = (&self.stage, &mut self.purchase) else {
            return Vec::new();
        };
        purchase.price = seen.price;
        purchase.version = Some(seen.version);
        let is_due = purchase.price.total > 0;
        // The next purchase starts with this one's coupon, if there still is one.
        self.code_wanted = purchase.price.coupon.is_some();
        self.code_open = false;
        self.brought_seat &= self.code_wanted;
        // If nothing was due before, Stripe's form may not be there yet.
        self.pending = Some(Note::Coupon(None));
        self.stage = Stage::Opening;
        if is_due { self.load_stripe() } else { self.show_form() }
    }

    fn change_coupon(&mut self, coupon: Option<String>) -> Vec<Command> {
        self.stage = Stage::Paying(Step::Applying);
        let change = |purchase: &super::Purchase| Command::ChangeCoupon { id: purchase.id.clone(), coupon };
        self.purchase.as_ref().map(change).into_iter().collect()
    }

    fn say_nothing(&mut self) {
        self.stage =
            if self.purchase.is_some() { Stage::Form { note: None } } else { Stage::Offer { note: None } };
    }
}

impl Model {
    /// The code of the purchase's coupon.
    pub(crate) fn applied(&self) -> Option<&str> {
        self.purchase.as_ref()?.price.coupon.as_deref()
    }

    /// The content of the code field; `None` if it is closed.
    pub(crate) fn code(&self) -> Option<&str> {
        if self.applied().is_some() || self.team.is_some() {
            return None;
        }
        (self.code_open || self.code_wanted && self.stage.is_offer()).then_some(&*self.code)
    }

    /// The trimmed content of the code field; `None` if that is empty.
    pub(super) fn typed_code(&self) -> Option<&str> {
        self.code().map(str::trim).filter(|code| !code.is_empty())
    }

    /// The error at the code, if any.
    pub(crate) fn code_fault(&self) -> Option<Trouble> {
        match self.stage {
            Stage::Form { note: Some(Note::Coupon(trouble)) } => trouble,
            Stage::Offer { note } if self.code_open && self.asks_for_seat() => note,
            Stage::Offer { .. }
            | Stage::Opening
            | Stage::Form { .. }
            | Stage::Paying(_)
            | Stage::Checking { .. }
            | Stage::Processing
            | Stage::Paid { .. }
            | Stage::Granted { .. }
            | Stage::Over(_)
            | Stage::Failed(_) => None,
        }
    }

    /// Whether only a code that brings a seat can open a purchase.
    pub(crate) fn asks_for_seat(&self) -> bool {
        match self.stage {
            Stage::Offer { .. } => self.screen.offering.sale == Sale::SoldOut && self.purchase.is_none(),
            // The learner's own seat may have been the last.
            Stage::Opening => self.brought_seat,
            Stage::Form { .. }
            | Stage::Paying(_)
            | Stage::Checking { .. }
            | Stage::Processing
            | Stage::Paid { .. }
            | Stage::Granted { .. }
            | Stage::Over(_)
            | Stage::Failed(_) => false,
        }
    }

    pub(super) fn is_code_refused(&self) -> bool {
        self.code_fault().is_some_and(|trouble| !trouble.leaves_doubt())
    }
}
