//! A checkout session: Stripe's hosted page on which one purchase is paid, without our JavaScript.
use super::{Intent, IntentStatus};
use crate::purchase::{Attempt, CheckoutSession, Event, IntentId, Reference, SessionId};

/// A checkout session, as Stripe reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    /// Where the learner pays; `None` once the session is over.
    pub url: Option<String>,
    pub status: SessionStatus,
    /// Created by Stripe when the learner first tries to pay; later attempts use the same one.
    pub intent: Option<IntentId>,
}

/// The status of a checkout session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    Open,
    /// Paid, or processing.
    Complete,
    /// Closed, by us or by timeout.
    Expired,
}

/// The parameters a checkout session is created with.
#[derive(Clone, Debug)]
pub struct SessionTerms<'a> {
    pub reference: &'a Reference,
    pub sku: &'a str,
    pub attempt: &'a Attempt,
    pub page: &'a CheckoutSession,
}

impl Session {
    /// The events that follow for a purchase, in order. `intent` is the session's intent, retrieved afterwards.
    #[must_use]
    pub fn events(&self, intent: Option<&Intent>) -> Vec<Event> {
        let mut events = vec![Event::SessionCreated { session: self.id.clone() }];
        let closed = self.status != SessionStatus::Open;
        if closed {
            events.push(Event::SessionClosed);
        }
        match intent {
            Some(intent) => {
                events.extend(intent.events());
                // Only the page could have paid it.
                if closed && intent.status == IntentStatus::Open {
                    events.push(Event::IntentCanceled { intent: Some(intent.id.clone()) });
                }
            }
            None if self.status == SessionStatus::Expired => {
                events.push(Event::IntentCanceled { intent: None });
            }
            None => {}
        }
        events
    }
}
