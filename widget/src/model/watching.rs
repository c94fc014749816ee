//! After the payment: waiting for the server to confirm it, and for access. Only what the server says counts.
use super::{Command, Model, Note, Notice, Stage, Step, Target, Trouble};
use shared::{PurchaseView, State};

/// Answers without news after which a payment in doubt may be retried. Retrying is safe: one purchase has one payment
/// intent.
const LOOKS_IN_DOUBT: u32 = 2;
/// Milliseconds to pause after an answer without news, for a server that does not hold long polls.
const PAUSE: u32 = 1000;
/// Maximum milliseconds between two tries while the server is unreachable.
const LONGEST_PAUSE: u32 = 15_000;

impl Model {
    pub(super) fn check(&mut self, sure: bool) -> Vec<Command> {
        let Stage::Paying(_) = self.stage else { return Vec::new() };
        self.stage = Stage::Checking { sure, looks: 0 };
        self.ask()
    }

    /// Handles Stripe's report of success, which may arrive when nothing waits for it any more.
    pub(super) fn confirm(&mut self) -> Vec<Command> {
        match &mut self.stage {
            Stage::Checking { sure, .. } => *sure = true,
            Stage::Form { note: Some(Note::Unconfirmed) } => {
                self.stage = Stage::Checking { sure: true, looks: 0 };
                return self.ask();
            }
            Stage::Paying(_) => return self.check(true),
            Stage::Offer { .. }
            | Stage::Opening
            | Stage::Form { .. }
            | Stage::Processing
            | Stage::Paid { .. }
            | Stage::Granted { .. }
            | Stage::Over(_)
            | Stage::Failed(_) => {}
        }
        Vec::new()
    }

    /// Whether the checkout is waiting for the server.
    const fn waits(&self) -> bool {
        matches!(self.stage, Stage::Checking { .. } | Stage::Processing | Stage::Paid { .. })
    }

    /// Asks again from the start.
    pub(super) fn check_again(&mut self) -> Vec<Command> {
        let sure = matches!(self.stage, Stage::Checking { sure: true, .. } | Stage::Processing);
        self.stage = Stage::Checking { sure, looks: 0 };
        self.ask()
    }

    fn ask(&mut self) -> Vec<Command> {
        let Some(purchase) = &self.purchase else { return Vec::new() };
        let id = purchase.id.clone();
        let mut commands = vec![Command::Focus(Target::Heading), Command::Refresh { id }];
        commands.extend(self.look());
        commands
    }

    pub(super) fn see_purchase(&mut self, seen: PurchaseView) -> Vec<Command> {
        self.looks = self.looks.saturating_sub(1);
        // The answer about the coupon is on its way, with the newer price.
        if let Stage::Paying(Step::Applying) = self.stage {
            return Vec::new();
        }
        let Some(purchase) = &mut self.purchase else { return Vec::new() };
        // This answer is older than what the model already knows.
        if purchase.version > Some(seen.version) {
            return if self.waits() { self.watch(0) } else { Vec::new() };
        }
        let before = purchase.price.total;
        let pause = if purchase.version == Some(seen.version) { PAUSE } else { 0 };
        purchase.version = Some(seen.version);
        purchase.price = seen.price;
        let repriced = purchase.price.total != before;
        self.misses = 0;
        match seen.state {
            // Stripe's form must have the same price as the button.
            State::Held | State::Paying if repriced && matches!(self.stage, Stage::Form { .. }) => {
                self.show_new_price()
            }
            State::Held | State::Paying => {
                let mut commands = self.see_hold(seen.hold_expires_at, pause);
                commands.extend(self.see_nothing_new(pause));
                commands
            }
            State::Processing => {
                let known = matches!(self.stage, Stage::Processing);
                let mut commands = if known { Vec::new() } else { self.enter(Stage::Processing) };
                commands.extend(self.watch(pause));
                commands
            }
            State::Paid => self.see_paid(pause),
            // Two requests may be in flight at once: the other one has reported it.
            State::Granted if matches!(self.stage, Stage::Granted { .. }) => Vec::new(),
            State::Granted => {
                let mut commands = self.tell_paid();
                commands.push(self.tell(Notice::Granted));
                if self.team.is_none() && !self.signed_in {
                    commands.push(Command::RememberPurchase { bought: self.bought() });
                }
                commands.extend(self.enter(Stage::Granted { access_url: seen.access_url }));
                commands
            }
            State::Expired | State::Canceled | State::Refunding | State::Refunded => self.end(seen.state),
        }
    }

    pub(super) fn miss_purchase(&mut self, trouble: Trouble) -> Vec<Command> {
        self.looks = self.looks.saturating_sub(1);
        if let Stage::Paying(Step::Repricing) = self.stage {
            return self.note(Note::Trouble(trouble));
        }
        let pause = (PAUSE << self.misses.min(4)).min(LONGEST_PAUSE);
        self.misses += 1;
        self.watch(pause)
    }

    pub(super) fn admit_delay(&mut self) -> Vec<Command> {
        if let Stage::Paid { slow } = &mut self.stage {
            *slow = true;
        }
        Vec::new()
    }

    pub(super) fn end(&mut self, state: State) -> Vec<Command> {
        if matches!(self.stage, Stage::Over(known) if known == state) {
            return Vec::new();
        }
        let mut commands = vec![Command::HidePayment, self.tell(Notice::Closed)];
        commands.extend(self.enter(Stage::Over(state)));
        commands
    }

    /// Fetches the purchase at once, whatever else is in flight.
    pub(super) fn look(&mut self) -> Vec<Command> {
        let Some(purchase) = &mut self.purchase else { return Vec::new() };
        purchase.version = None;
        self.looks += 1;
        vec![Command::Watch { id: purchase.id.clone(), after: None, delay: 0 }]
    }

    /// Keeps polling, unless another request in flight will.
    pub(super) fn watch(&mut self, delay: u32) -> Vec<Command> {
        let Some(purchase) = self.purchase.as_ref().filter(|_| self.looks == 0) else { return Vec::new() };
        self.looks = 1;
        vec![Command::Watch { id: purchase.id.clone(), after: purchase.version, delay }]
    }

    /// The learner is back, or the network is. If another page was shown in between, the answers that this one was
    /// waiting for never arrive.
    pub(super) fn come_back(&mut self, left: bool) -> Vec<Command> {
        match self.stage {
            Stage::Paying(_) if left => {
                self.looks = 0;
                self.check(false)
            }
            Stage::Offer { .. } | Stage::Opening | Stage::Granted { .. } | Stage::Over(_) => Vec::new(),
            Stage::Form { .. }
            | Stage::Paying(_)
            | Stage::Checking { .. }
            | Stage::Processing
            | Stage::Paid { .. }
            | Stage::Failed(_) => self.look(),
        }
    }

    fn see_nothing_new(&mut self, pause: u32) -> Vec<Command> {
        match &mut self.stage {
            Stage::Paying(Step::Repricing) => self.show_new_price(),
            // Another request in flight will say more.
            Stage::Checking { .. } if self.looks > 0 => Vec::new(),
            Stage::Checking { sure: false, looks } if *looks >= LOOKS_IN_DOUBT => self.admit_doubt(),
            Stage::Checking { looks, .. } => {
                *looks += 1;
                self.watch(pause)
            }
            Stage::Processing => {
                // The bank refused in the end: the form is still there for another payment method.
                self.admit_doubt()
            }
            Stage::Offer { .. }
            | Stage::Opening
            | Stage::Form { .. }
            | Stage::Paying(_)
            | Stage::Paid { .. }
            | Stage::Granted { .. }
            | Stage::Over(_)
            | Stage::Failed(_) => Vec::new(),
        }
    }

    fn see_paid(&mut self, pause: u32) -> Vec<Command> {
        let mut commands = self.tell_paid();
        if let Stage::Paid { .. } = self.stage {
        } else {
            commands.push(Command::AwaitAccess);
            commands.extend(self.enter(Stage::Paid { slow: false }));
        }
        commands.extend(self.watch(pause));
        commands
    }

    fn tell_paid(&mut self) -> Vec<Command> {
        if std::mem::replace(&mut self.told_paid, true) {
            return Vec::new();
        }
        vec![Command::HidePayment, self.tell(Notice::Paid)]
    }

    fn enter(&mut self, stage: Stage) -> Vec<Command> {
        self.stage = stage;
        vec![Command::Focus(Target::Heading)]
    }
}
