//! Read access to a purchase, for the rest of the server and for browsers.
use super::{Attempt, Command, Dispute, IntentId, Learner, Purchase, PurchaseId, Reference};
use shared::{Email, Opened, Price, PurchaseView, State, Timestamp};

impl Purchase {
    #[must_use]
    pub fn id(&self) -> &PurchaseId {
        &self.id
    }

    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    #[must_use]
    pub fn sku(&self) -> &str {
        &self.sku
    }

    #[must_use]
    pub fn state(&self) -> State {
        self.phase.state()
    }

    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    #[must_use]
    pub fn price(&self) -> &Price {
        &self.price
    }

    /// How many places it buys.
    #[must_use]
    pub fn places(&self) -> i64 {
        self.team.unwrap_or(1)
    }

    /// Whether this release knows all of its fields that matter.
    #[must_use]
    pub fn may_be_changed(&self) -> bool {
        self.least_writer <= super::WRITES
    }

    /// How many openings it counts as: one for each seat that it takes from others.
    #[must_use]
    pub fn weight(&self) -> u32 {
        let seats = if self.hold.seated { self.places() } else { 1 };
        u32::try_from(seats).unwrap_or(u32::MAX)
    }

    /// Whether it is for a team, which gets codes instead of access.
    #[must_use]
    pub fn is_for_team(&self) -> bool {
        self.team.is_some()
    }

    /// Whether the offering has seats.
    #[must_use]
    pub fn is_seated(&self) -> bool {
        self.hold.seated
    }

    /// The variant of the widget that opened it.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    /// Whether it ever gave access, or a team its codes.
    #[must_use]
    pub fn was_granted(&self) -> bool {
        self.access.granted_at.is_some()
    }

    #[must_use]
    pub fn learner(&self) -> Option<&Learner> {
        self.learner.as_ref()
    }

    /// The learner whom a token named; `None` for a guest.
    #[must_use]
    pub fn signed_in(&self) -> Option<&Learner> {
        self.signed_in.as_ref()
    }

    /// All emails in it: of the payer, of the signed-in learner, and of the learner who pressed Pay first.
    pub fn emails(&self) -> impl Iterator<Item = &Email> {
        let attempt = self.payment.attempt.as_ref().map(|attempt| &attempt.learner);
        let learners = [self.learner.as_ref(), self.signed_in.as_ref(), attempt];
        learners.into_iter().flatten().map(|learner| &learner.email)
    }

    /// Its owner, if known.
    #[must_use]
    pub fn owner(&self) -> Option<&Learner> {
        self.learner.as_ref().or(self.signed_in.as_ref())
    }

    #[must_use]
    pub fn intent(&self) -> Option<&IntentId> {
        self.payment.intent.as_ref()
    }

    #[must_use]
    pub fn attempt(&self) -> Option<&Attempt> {
        self.payment.attempt.as_ref()
    }

    /// The period in which its payment intent or its checkout session may have been created.
    #[must_use]
    pub fn intent_window(&self) -> (Timestamp, Timestamp) {
        let until = self.pay_until();
        (
            self.opened_at,
            self.payment.checkout_session.as_ref().map_or(until, |page| until.max(page.expires_at)),
        )
    }

    /// When it was paid, or settled for free.
    #[must_use]
    pub fn paid_at(&self) -> Option<Timestamp> {
        self.payment.paid_at
    }

    #[must_use]
    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// Whether a way to pay may have been handed out.
    #[must_use]
    pub fn has_way_to_pay(&self) -> bool {
        self.payment.intent.is_some()
            || self.payment.checkout_session.as_ref().is_some_and(|page| page.session.is_some())
    }

    /// When the sweep looks at this purchase next, if ever.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }

    /// Whether Pay may no longer be pressed, although the state is still held or paying.
    #[must_use]
    pub fn is_cancel_requested(&self) -> bool {
        self.phase.is_cancel_requested()
    }

    /// Minor units that Stripe took, as far as we know.
    #[must_use]
    pub fn charged(&self) -> i64 {
        self.payment.charged
    }

    /// Minor units that Stripe refunded.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        self.refunds.succeeded
    }

    /// How many attempts to pay were declined.
    #[must_use]
    pub fn declines(&self) -> u32 {
        self.payment.declines
    }

    /// The status of its dispute, if there is one.
    #[must_use]
    pub fn dispute(&self) -> Option<Dispute> {
        self.disputes.standing
    }

    /// Whether FlockJay was ever asked to grant access.
    #[must_use]
    pub fn was_grant_asked(&self) -> bool {
        self.access.grant_requested
    }

    /// Minor units that Stripe took and that are neither refunded nor lost.
    #[must_use]
    pub fn refundable(&self) -> i64 {
        self.payment.charged - self.refunds.succeeded - self.lost()
    }

    #[must_use]
    pub fn owns_seat(&self) -> bool {
        self.hold.owns_seat
    }

    /// Whether its seat was released, so that a late payment needs a new one.
    #[must_use]
    pub fn has_lost_seat(&self) -> bool {
        self.hold.seated && !self.hold.owns_seat && !self.was_paid()
    }

    /// Whether `command`, enqueued earlier, is still to be carried out.
    #[must_use]
    pub fn still_wants(&self, command: &Command) -> bool {
        match command {
            Command::AskStripe => true,
            Command::CancelIntent => {
                self.phase.is_cancel_requested() || matches!(self.state(), State::Expired | State::Canceled)
            }
            // A lost dispute may already have taken all of it.
            Command::CreateRefund { .. } => self.state() != State::Refunded || self.refundable() > 0,
            Command::CancelStray { .. }
            | Command::ReturnStray { .. }
            | Command::NotifyAccounts { .. }
            | Command::NotifyAccount { .. } => true,
            Command::Escalate { .. } => self.is_refund_stuck() || self.disputes.regained,
            Command::CreateGrant => self.state() == State::Paid,
            Command::RevokeGrant => self.state() == State::Refunded && self.access.revoked_at.is_none(),
        }
    }

    /// The answer to the browser that opened it.
    #[must_use]
    pub fn opened(&self) -> Opened {
        Opened {
            id: self.id.as_str().to_owned(),
            reference: self.reference.as_str().to_owned(),
            state: self.state(),
            hold_expires_at: self.hold.expires_at,
            seconds_left: None,
            price: self.price.clone(),
            email: self.signed_in.as_ref().map(|learner| learner.email.masked()),
            token_refused: None,
        }
    }

    /// The browser's view of it: no full email, no secret.
    #[must_use]
    pub fn view(&self) -> PurchaseView {
        let owns_time = matches!(self.state(), State::Held | State::Paying);
        PurchaseView {
            id: self.id.as_str().to_owned(),
            reference: self.reference.as_str().to_owned(),
            sku: self.sku.clone(),
            state: self.state(),
            version: self.version,
            price: self.price.clone(),
            email: self.owner().map(|learner| learner.email.masked()),
            hold_expires_at: owns_time.then(|| self.pay_until()),
            // Set by the caller, which knows the time.
            seconds_left: None,
            access_url: if self.state() == State::Granted { self.access.url.clone() } else { None },
            places: self.team,
            timeline: self.timeline(),
        }
    }
}
