//! Stripe's hosted pages: each `CheckoutSession`, and what learners do there.
use crate::stripe::Attempted;
use crate::world::{Inner, KeyUse, StripeLedger};
use redis_checkout::payments::{IntentStatus, PaymentsError, Session, SessionStatus, SessionTerms};
use redis_checkout::purchase::{IntentId, Reference, SessionId};
use shared::Currency;

/// The shortest lifetime of a session that Stripe accepts, in milliseconds.
const SHORTEST: i64 = 30 * 60_000;

pub(crate) struct SimSession {
    pub(crate) now: Session,
    pub(crate) reference: Reference,
    amount: i64,
    currency: Currency,
    email: String,
    /// Milliseconds since 1970.
    expires_at: i64,
    pub(crate) made_at: i64,
    /// A browser has its address.
    pub(crate) handed_out: bool,
}

impl StripeLedger {
    /// Whether the page that created `intent` still takes a payment; true if no page created it.
    pub(crate) fn page_allows(&self, intent: &IntentId) -> bool {
        let page = self.sessions.iter().find(|page| page.now.intent.as_ref() == Some(intent));
        page.is_none_or(|page| page.now.status == SessionStatus::Open)
    }

    pub(crate) fn is_of_page(&self, intent: &IntentId) -> bool {
        self.sessions.iter().any(|page| page.now.intent.as_ref() == Some(intent))
    }
}

impl Inner {
    pub(crate) fn create_session(&mut self, terms: &SessionTerms<'_>) -> Result<Session, PaymentsError> {
        let attempt = terms.attempt;
        let request = (attempt.price.total, attempt.learner.email.as_str().to_owned());
        match self.stripe.keys.get(&attempt.key) {
            Some(KeyUse::Page(first, same)) if *same == request => return Ok(first.clone()),
            Some(KeyUse::Page(..) | KeyUse::Made(..)) => {
                return Err(PaymentsError::Permanent { code: "idempotency_error".to_owned() });
            }
            Some(KeyUse::Spent) => return Err(PaymentsError::Spent { message: "500 again".to_owned() }),
            None => {}
        }
        if self.faulty && self.chooser.happens(5) {
            self.stripe.keys.insert(attempt.key.clone(), KeyUse::Spent);
            return Err(PaymentsError::Spent { message: "500".to_owned() });
        }
        let (made_at, expires_at) = (self.now(), terms.page.expires_at.as_millis());
        if expires_at - made_at < SHORTEST {
            // The call took that long to arrive.
            return Err(PaymentsError::Permanent { code: "400".to_owned() });
        }
        let id = SessionId::new(format!("cs_{}", self.stripe.sessions.len()));
        let (status, intent) = (SessionStatus::Open, None);
        let session = Session { url: Some(format!("page:{id}")), id, status, intent };
        self.stripe.sessions.push(SimSession {
            now: session.clone(),
            reference: terms.reference.clone(),
            amount: request.0,
            currency: attempt.price.currency,
            email: request.1.clone(),
            expires_at,
            made_at,
            handed_out: false,
        });
        self.stripe.keys.insert(attempt.key.clone(), KeyUse::Page(session.clone(), request));
        Ok(session)
    }

    pub(crate) fn session(&mut self, id: &SessionId) -> Result<&mut SimSession, PaymentsError> {
        let place = self.stripe.sessions.iter().position(|page| page.now.id == *id);
        let place = place.ok_or(PaymentsError::Missing)?;
        let page = &self.stripe.sessions[place];
        if page.now.status == SessionStatus::Open && page.expires_at <= self.now() {
            self.close(place);
        }
        Ok(&mut self.stripe.sessions[place])
    }

    pub(crate) fn find_session(&mut self, reference: &Reference) -> Result<Option<Session>, PaymentsError> {
        let found = self.stripe.sessions.iter().rev().find(|page| page.reference == *reference);
        match found.map(|page| page.now.id.clone()) {
            Some(id) => Ok(Some(self.session(&id)?.now.clone())),
            None => Ok(None),
        }
    }

    pub(crate) fn expire_session(&mut self, id: &SessionId) -> Result<Session, PaymentsError> {
        if self.session(id)?.now.status != SessionStatus::Open {
            return Err(PaymentsError::OtherState);
        }
        if let Some(place) = self.stripe.sessions.iter().position(|page| page.now.id == *id) {
            self.close(place);
        }
        Ok(self.session(id)?.now.clone())
    }

    /// Closes a page. Stripe doesn't say what happens to an intent that is left unpaid there, so either may happen.
    fn close(&mut self, place: usize) {
        let page = &mut self.stripe.sessions[place].now;
        (page.status, page.url) = (SessionStatus::Expired, None);
        let Some(intent) = page.intent.clone() else { return };
        let cancels = self.chooser.pick(2) == 0;
        let open = self
            .intent(&intent)
            .is_ok_and(|known| matches!(known.now.status, IntentStatus::Open | IntentStatus::ActionRequired));
        if open && cancels {
            self.move_to(&intent, IntentStatus::Canceled, "payment_intent.canceled");
        }
    }

    /// Completes the intent's page once it is paid or the money is on its way.
    pub(crate) fn follow(&mut self, intent: &IntentId, status: IntentStatus) {
        let page = self.stripe.sessions.iter_mut().find(|page| page.now.intent.as_ref() == Some(intent));
        if let Some(page) = page
            && matches!(status, IntentStatus::Succeeded | IntentStatus::Processing)
            && page.now.status == SessionStatus::Open
        {
            (page.now.status, page.now.url) = (SessionStatus::Complete, None);
        }
    }

    /// Pays on a page, if it still takes a payment.
    pub(crate) fn attempt_on_page(&mut self, id: &SessionId, outcome: Attempted) {
        let Ok(page) = self.session(id) else { return };
        if page.now.status != SessionStatus::Open {
            return;
        }
        let intent = match page.now.intent.clone() {
            Some(intent) => intent,
            None => {
                let (reference, email) = (page.reference.clone(), page.email.clone());
                let (amount, currency) = (page.amount, page.currency);
                let made = self.make_intent(&reference, amount, currency, &email, false).id;
                if let Ok(known) = self.intent(&made) {
                    known.handed_out = true;
                }
                if let Ok(page) = self.session(id) {
                    page.now.intent = Some(made.clone());
                }
                made
            }
        };
        self.attempt(&intent, outcome);
    }
}
