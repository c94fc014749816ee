//! From the offer to the payment form, and back.
use super::{
    Command, Failure, Model, Note, Notice, Purchase, Script, Settings, Stage, Step, Target, Trouble,
};
use shared::{Code, OpenPurchase, Opened, PurchaseView, Sale, State, Timestamp};

/// How often the payment form is restored after the page removes it.
const MOST_REMOVALS: u32 = 3;

impl Model {
    pub(super) fn press_purchase(&mut self) -> Vec<Command> {
        let Stage::Offer { .. } = self.stage else { return Vec::new() };
        if self.purchase.is_some() {
            return self.continue_purchase();
        }
        if self.screen.offering.sale != Sale::Open {
            return Vec::new();
        }
        self.open()
    }

    pub(super) fn keep_purchase(&mut self, opened: Opened) -> Vec<Command> {
        let Stage::Opening = self.stage else { return vec![Command::ClosePurchase { id: opened.id }] };
        let expires_at = opened.hold_expires_at;
        let refused = opened.token_refused.is_some();
        let was_signed_in = std::mem::replace(&mut self.signed_in, opened.email.is_some());
        if let Some(email) = opened.email {
            self.email = email;
        } else if was_signed_in {
            // It belongs to a learner who has signed out.
            self.email.clear();
        }
        self.purchase = Some(Purchase {
            id: opened.id,
            reference: opened.reference,
            price: opened.price,
            hold_expires_at: expires_at,
            version: None,
        });
        let mut commands = vec![self.tell(Notice::Opened), self.tell(Notice::Hold { expires_at })];
        if refused {
            commands.push(self.tell(Notice::Error { code: "learner_token_refused" }));
        }
        commands.extend(self.show_form());
        commands
    }

    pub(super) fn fail_opening(&mut self, trouble: Trouble) -> Vec<Command> {
        let Stage::Opening = self.stage else { return Vec::new() };
        let sale = match trouble {
            Trouble::Refused(Code::SoldOut) => Some(Sale::SoldOut),
            Trouble::Refused(Code::SaleNotOpen) => Some(Sale::NotOpen),
            Trouble::Refused(Code::SaleClosed) => Some(Sale::Closed),
            Trouble::Refused(Code::SalePaused) => Some(Sale::Paused),
            Trouble::Refused(_)
            | Trouble::RefusedFor(..)
            | Trouble::TooMany { .. }
            | Trouble::Offline
            | Trouble::Timeout
            | Trouble::Unreadable => None,
        };
        let told = self.tell(Notice::Error { code: trouble.code() });
        if let Some(sale) = sale.filter(|_| self.team.is_none()) {
            self.screen.offering.sale = sale;
            self.stage = Stage::Offer { note: Some(trouble) };
            self.next_turn();
            let target = if self.code_fault().is_some() { Target::Code } else { Target::Title };
            return vec![told, Command::Focus(target)];
        }
        if self.team.is_some() && !trouble.leaves_doubt() {
            let mut commands = self.open_for_one(trouble);
            commands.insert(0, told);
            return commands;
        }
        if trouble.is_about_coupon() && std::mem::take(&mut self.code_wanted) {
            let mut commands = self.open_without_code(trouble);
            commands.insert(0, told);
            return commands;
        }
        self.stage = Stage::Failed(Failure::Opening(trouble));
        vec![told, Command::Focus(Target::Heading)]
    }

    pub(super) fn keep_stripe(&mut self) -> Vec<Command> {
        self.stripe = Script::Loaded;
        self.show_form()
    }

    pub(super) fn fail_stripe(&mut self) -> Vec<Command> {
        self.stripe = Script::Absent;
        match self.stage {
            Stage::Opening => self.show_form(),
            Stage::Form { .. } => {
                let mut commands = vec![Command::HidePayment];
                commands.extend(self.give_stripe_up());
                commands
            }
            Stage::Offer { .. }
            | Stage::Paying(_)
            | Stage::Checking { .. }
            | Stage::Processing
            | Stage::Paid { .. }
            | Stage::Granted { .. }
            | Stage::Over(_)
            | Stage::Failed(_) => Vec::new(),
        }
    }

    /// Shows Stripe's form with the amount due; `None` if nothing is due.
    pub(super) fn show_payment(&self) -> Option<Command> {
        let due = self.due();
        (due.amount > 0).then_some(Command::ShowPayment { due })
    }

    /// Restores the form, empty. A page that removes it again and again is treated as one without Stripe.
    pub(super) fn restore_payment(&mut self) -> Vec<Command> {
        self.removals += 1;
        let mut commands = vec![Command::HidePayment];
        let is_shown = matches!(self.stage, Stage::Form { .. } | Stage::Paying(_));
        if let Stage::Paying(Step::Confirming) = self.stage {
            // Money may be moving: only the server knows.
            commands.extend(self.check(false));
        }
        if !is_shown || matches!(self.stage, Stage::Checking { .. }) {
            self.resumed = true;
        } else if self.removals > MOST_REMOVALS {
            commands.extend(self.give_stripe_up());
        } else {
            self.stage = Stage::Form { note: None };
            commands.extend(self.show_payment());
        }
        commands
    }

    pub(super) fn cancel(&mut self) -> Vec<Command> {
        let Stage::Form { .. } = self.stage else { return Vec::new() };
        let told = self.tell(Notice::Closed);
        let mut commands = self.close();
        self.team = None;
        self.stage = Stage::Offer { note: None };
        commands.extend([told, Command::Focus(Target::Purchase)]);
        commands
    }

    pub(super) fn finish_closing(&mut self) -> Vec<Command> {
        let waits = self.closing && matches!(self.stage, Stage::Opening) && self.purchase.is_none();
        self.closing = false;
        if waits { vec![self.open_command()] } else { Vec::new() }
    }

    pub(super) fn try_again(&mut self) -> Vec<Command> {
        let Stage::Failed(failure) = self.stage else { return Vec::new() };
        match failure {
            Failure::Opening(trouble) if trouble.leaves_doubt() => {}
            Failure::Opening(_) => self.next_turn(),
            Failure::Stripe => {
                self.removals = 0;
                self.stage = Stage::Opening;
                return self.load_stripe();
            }
        }
        self.open()
    }

    pub(super) fn start_again(&mut self) -> Vec<Command> {
        let mut commands = match self.stage {
            Stage::Failed(_) => self.close(),
            Stage::Over(State::Expired) => return self.hold_again(),
            Stage::Over(_) => {
                self.forget();
                Vec::new()
            }
            Stage::Offer { .. }
            | Stage::Opening
            | Stage::Form { .. }
            | Stage::Paying(_)
            | Stage::Checking { .. }
            | Stage::Processing
            | Stage::Paid { .. }
            | Stage::Granted { .. } => return Vec::new(),
        };
        self.team = None;
        self.stage = Stage::Offer { note: None };
        commands.push(Command::Focus(Target::Purchase));
        commands
    }

    pub(super) fn change_settings(&mut self, settings: Settings) -> Vec<Command> {
        let changed = settings != self.settings;
        let is_another = settings.learner_token != self.settings.learner_token;
        self.settings = settings;
        let mut commands = if is_another { self.meet_learner() } else { Vec::new() };
        // Keep a code that the learner has typed into a sold-out offer.
        if changed && !(self.code_open && self.stage.is_offer()) {
            self.code = self.settings.coupon.clone().unwrap_or_default();
            self.code_wanted = !self.code.is_empty();
        }
        let open = match self.stage {
            Stage::Form { .. } => true,
            Stage::Opening if self.purchase.is_some() => true,
            Stage::Opening => {
                // The purchase being opened is no longer wanted: wait for its answer, then open the next one.
                if changed {
                    self.next_turn();
                }
                self.closing |= changed;
                false
            }
            Stage::Offer { .. } | Stage::Failed(_) => {
                // The body would differ, and so must the idempotency key.
                if changed {
                    self.next_turn();
                }
                false
            }
            Stage::Paying(_)
            | Stage::Checking { .. }
            | Stage::Processing
            | Stage::Paid { .. }
            | Stage::Granted { .. }
            | Stage::Over(_) => false,
        };
        if open && changed {
            commands.extend(self.close());
            commands.extend(self.open());
        }
        commands
    }

    /// Asks what a learner who has just signed in already has. Clears what was shown of one who has signed out.
    fn meet_learner(&mut self) -> Vec<Command> {
        if std::mem::take(&mut self.owned) {
            self.forget();
            self.stage = Stage::Offer { note: None };
        }
        let asks = self.stage.is_offer() && self.settings.learner_token.is_some();
        if asks { vec![Command::FindAccess { request: self.request() }] } else { Vec::new() }
    }

    /// Takes up a purchase that this page has not opened, unless one has begun. Stripe is loaded, and the form shown,
    /// only once the learner presses the button.
    pub(super) fn find_purchase(&mut self, seen: PurchaseView, owned: bool) -> Vec<Command> {
        if !matches!(self.stage, Stage::Offer { .. }) || self.purchase.is_some() {
            return Vec::new();
        }
        let access_url = seen.access_url;
        self.stage = match seen.state {
            State::Held | State::Paying => Stage::Offer { note: None },
            State::Processing => Stage::Processing,
            State::Paid => Stage::Paid { slow: false },
            State::Granted => Stage::Granted { access_url },
            State::Expired | State::Canceled | State::Refunding | State::Refunded => return Vec::new(),
        };
        // If the payment fails after all, or was one of which the server knows nothing yet, the form says so.
        self.resumed = seen.state != State::Held;
        // The page was told of a payment before the reload, but not of one that is still being processed.
        self.told_paid = seen.state == State::Paid;
        self.owned = owned;
        self.folded = true;
        self.team = seen.places;
        self.purchase = Some(Purchase {
            id: seen.id,
            reference: seen.reference,
            price: seen.price,
            hold_expires_at: seen.hold_expires_at.unwrap_or(Timestamp::from_millis(0)),
            version: Some(seen.version),
        });
        let mut commands = Vec::new();
        if let Stage::Processing | Stage::Paid { .. } = self.stage {
            commands = self.watch(0);
        }
        if let Stage::Paid { .. } = self.stage {
            commands.push(Command::AwaitAccess);
        }
        commands
    }

    /// Shows the form of a purchase that was found again.
    fn continue_purchase(&mut self) -> Vec<Command> {
        self.stage = Stage::Opening;
        self.folded = false;
        let mut commands = self.load_stripe();
        commands.extend(self.show_form());
        commands
    }

    pub(super) fn open(&mut self) -> Vec<Command> {
        self.stage = Stage::Opening;
        self.folded = false;
        self.brought_seat = self.screen.offering.sale == Sale::SoldOut;
        let mut commands = self.load_stripe();
        if !self.closing {
            commands.push(self.open_command());
        }
        commands
    }

    pub(super) fn open_command(&self) -> Command {
        Command::OpenPurchase { turn: self.turn, request: self.request() }
    }

    fn request(&self) -> OpenPurchase {
        OpenPurchase {
            sku: self.screen.offering.sku.clone(),
            coupon: (self.code_wanted && self.team.is_none()).then(|| self.code.trim().to_owned()),
            variant: self.screen.variant.clone(),
            learner_token: self.settings.learner_token.clone(),
            places: self.team,
        }
    }

    pub(super) fn load_stripe(&mut self) -> Vec<Command> {
        match self.stripe {
            Script::Absent => {
                self.stripe = Script::Loading;
                vec![Command::LoadStripe]
            }
            Script::Loading => Vec::new(),
            Script::Loaded => self.show_form(),
        }
    }

    pub(super) fn show_form(&mut self) -> Vec<Command> {
        let (Stage::Opening, Some(_)) = (&self.stage, &self.purchase) else { return Vec::new() };
        let due = self.due();
        let needs_stripe = due.amount > 0;
        match self.stripe {
            Script::Absent if needs_stripe => return self.give_stripe_up(),
            Script::Loading if needs_stripe => return Vec::new(),
            Script::Absent | Script::Loading | Script::Loaded => {}
        }
        let payment =
            needs_stripe.then_some(Command::ShowPayment { due }).into_iter().chain(self.start_clock());
        let note = if std::mem::take(&mut self.resumed) {
            self.note(Note::Unconfirmed)
        } else if let Some(note) = self.pending.take() {
            self.note(note)
        } else {
            self.stage = Stage::Form { note: None };
            vec![Command::Focus(Target::Email)]
        };
        payment.chain(note).collect()
    }

    fn give_stripe_up(&mut self) -> Vec<Command> {
        self.stage = Stage::Failed(Failure::Stripe);
        vec![self.tell(Notice::Error { code: "stripe_unavailable" }), Command::Focus(Target::Heading)]
    }

    pub(super) fn close(&mut self) -> Vec<Command> {
        let purchase = self.forget();
        if purchase.is_some() {
            self.give_seat_back();
        }
        self.closing |= purchase.is_some();
        let close = purchase.map(|purchase| Command::ClosePurchase { id: purchase.id });
        close.into_iter().chain([Command::HidePayment]).collect()
    }

    /// Makes the answers to earlier requests stale.
    pub(super) const fn next_turn(&mut self) {
        self.turn += 1;
        self.looks = 0;
    }

    pub(super) fn forget(&mut self) -> Option<Purchase> {
        self.next_turn();
        self.misses = 0;
        self.removals = 0;
        self.code_open = false;
        self.places_open = false;
        self.pending = None;
        self.told_paid = false;
        self.resumed = false;
        self.hold_left = None;
        self.ticking = false;
        self.extended = false;
        self.purchase.take()
    }
}
