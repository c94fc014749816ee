//! Seats as the server reports them, and how long the learner's own seat is held.
use super::{Command, Model, Note, Notice, Stage, Target, Trouble};
use shared::{Sale, Seats, SeatsNews, Timestamp};

/// Milliseconds before a hold expires at which the page and screen readers are notified.
const LAST_CALL: i64 = 60_000;

impl Model {
    pub(super) fn see_seats(&mut self, news: SeatsNews) -> Vec<Command> {
        let offering = &mut self.screen.offering;
        let seats = match news {
            SeatsNews { left: Some(left), capacity: Some(capacity), .. } => Some(Seats { capacity, left }),
            SeatsNews { .. } => None,
        };
        if (offering.seats, offering.sale) == (seats, news.sale) {
            return Vec::new();
        }
        (offering.seats, offering.sale) = (seats, news.sale);
        if let Stage::Offer { note: Some(_) } = self.stage
            && news.sale == Sale::Open
        {
            self.stage = Stage::Offer { note: None };
        }
        vec![self.tell(Notice::Seats(news))]
    }

    /// Counts the learner's own seat as free again, so that it doesn't show as sold out before the server reports it.
    pub(super) fn give_seat_back(&mut self) {
        let offering = &mut self.screen.offering;
        if let (Some(seats), false) = (&mut offering.seats, self.brought_seat) {
            seats.left = (seats.left + self.team.unwrap_or(1)).min(seats.capacity);
            if offering.sale == Sale::SoldOut {
                offering.sale = Sale::Open;
            }
        }
    }

    /// Starts a hold's countdown once its form is shown.
    pub(super) fn start_clock(&mut self) -> Option<Command> {
        if self.screen.offering.seats.is_none() || std::mem::replace(&mut self.ticking, true) {
            return None;
        }
        Some(Command::Tick)
    }

    pub(super) fn see_clock(&mut self, now: Timestamp) -> Vec<Command> {
        let waiting = matches!(self.stage, Stage::Form { .. } | Stage::Paying(_));
        let (true, Some(purchase)) = (waiting, &self.purchase) else {
            self.ticking = false;
            return Vec::new();
        };
        let left = purchase.hold_expires_at.as_millis() - now.as_millis();
        let before = self.hold_left.replace(left);
        let mut commands = vec![Command::Tick];
        if left <= LAST_CALL && before.is_none_or(|before| before > LAST_CALL) {
            commands.push(self.tell(Notice::HoldExpiring { expires_at: purchase.hold_expires_at }));
        }
        // A press of Pay may have extended the hold: only the server decides that it has expired.
        if left <= 0 && before.is_none_or(|before| before > 0) && matches!(self.stage, Stage::Form { .. }) {
            commands.extend(self.look());
        }
        commands
    }

    /// Adopts a later expiry of the hold. A form whose hold has run out keeps polling.
    pub(super) fn see_hold(&mut self, expires_at: Option<Timestamp>, pause: u32) -> Vec<Command> {
        let (Stage::Form { .. }, Some(purchase)) = (&self.stage, &mut self.purchase) else {
            return Vec::new();
        };
        let known = purchase.hold_expires_at;
        if let Some(expires_at) = expires_at
            && expires_at > known
        {
            purchase.hold_expires_at = expires_at;
            self.hold_left = None;
            return vec![self.tell(Notice::Hold { expires_at })];
        }
        if self.hold_left.is_some_and(|left| left <= 0) { self.watch(pause) } else { Vec::new() }
    }

    /// Asks for more time, once. The button goes, so the focus moves on.
    pub(super) fn extend_hold(&mut self) -> Vec<Command> {
        if !self.may_extend() {
            return Vec::new();
        }
        self.extended = true;
        let Some(purchase) = &self.purchase else { return Vec::new() };
        vec![Command::ExtendHold { id: purchase.id.clone() }, Command::Focus(Target::Email)]
    }

    pub(super) fn fail_extending(&mut self, trouble: Trouble) -> Vec<Command> {
        let Stage::Form { .. } = self.stage else { return Vec::new() };
        self.extended = false;
        self.note(Note::Trouble(trouble))
    }

    /// Holds a new seat in place of one whose hold expired, with one press.
    pub(super) fn hold_again(&mut self) -> Vec<Command> {
        self.forget();
        self.give_seat_back();
        self.open()
    }
}

impl Model {
    /// Seconds until the learner's hold expires; `None` without a hold, or before the clock is first read.
    pub(crate) fn hold_seconds(&self) -> Option<i64> {
        self.screen.offering.seats?;
        self.purchase.as_ref()?;
        Some(self.hold_left?.max(0) / 1000)
    }

    /// Whether the learner may ask for more time.
    pub(crate) fn may_extend(&self) -> bool {
        let left = self.hold_left.filter(|_| self.screen.offering.seats.is_some());
        matches!(self.stage, Stage::Form { .. })
            && !self.extended
            && left.is_some_and(|left| (1..=LAST_CALL).contains(&left))
    }

    pub(crate) fn is_last_call(&self) -> bool {
        let form = matches!(
            self.stage,
            Stage::Form {
                note: None | Some(Note::Email(_) | Note::Coupon(_) | Note::Places(_) | Note::Team)
            }
        );
        form && self.screen.offering.seats.is_some() && self.hold_left.is_some_and(|left| left <= LAST_CALL)
    }
}
