//! A checkout session: a page of Stripe's own on which one purchase is paid, without JavaScript of ours.
use super::{Intent, IntentStatus};
use crate::purchase::{Attempt, Event, Hosted, Reference};

/// What Stripe says of a checkout session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    /// Where the learner pays; nothing once that is over.
    pub url: Option<String>,
    pub status: SessionStatus,
    /// Made by Stripe at the learner's first try to pay; later tries are made with the same.
    pub intent: Option<String>,
}

/// Where a checkout session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    Open,
    /// Paid, or processing.
    Complete,
    /// Closed, by us or by time.
    Expired,
}

/// What a checkout session is to say.
#[derive(Clone, Debug)]
pub struct SessionTerms<'a> {
    pub reference: &'a Reference,
    pub sku: &'a str,
    pub attempt: &'a Attempt,
    pub hosted: &'a Hosted,
}

impl Session {
    /// What this says of a purchase, together with its intent as Stripe had it afterwards, in order.
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
                // Only the page could pay it.
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
