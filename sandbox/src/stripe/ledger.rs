//! All state of the stand-in, and the events that its changes emit.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};

use super::{
    charge::{Charge, Refund},
    currency,
    dispute::Dispute,
    error::ApiError,
    event::Event,
    ids,
    intent::{Intent, fixture, patch},
    session::Session,
    webhooks::Webhooks,
};

/// The API version that the answers conform to.
pub const API_VERSION: &str = "2026-09-30.endive";

/// Rows in order of creation, indexed by id.
#[derive(Debug)]
pub(crate) struct Table<T> {
    rows: Vec<T>,
    by_id: HashMap<String, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), by_id: HashMap::new() }
    }
}

impl<T> Table<T> {
    pub(crate) fn insert(&mut self, id: &str, row: T) {
        self.by_id.insert(id.to_owned(), self.rows.len());
        self.rows.push(row);
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.by_id.get(id).map(|place| &self.rows[*place])
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.by_id.get(id).map(|place| &mut self.rows[*place])
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.rows.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.rows.iter_mut()
    }
}

/// The request that caused a change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) request_id: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

/// The state behind the API.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) intents: Table<Intent>,
    pub(crate) sessions: Table<Session>,
    pub(crate) charges: Table<Charge>,
    pub(crate) refunds: Table<Refund>,
    pub(crate) disputes: Table<Dispute>,
    pub(crate) events: Table<Arc<Event>>,
    /// Origin of the current change; set by the code that locks the ledger to make it.
    pub(crate) origin: Origin,
    /// The minimum charge of the account's settlement currency, converted, in minor units of any other currency.
    pub(crate) settles_at_least: i64,
    /// Base URL of the pages: 3-D Secure, the bank's and a checkout session's.
    pub(crate) base_url: String,
    webhooks: Arc<Webhooks>,
}

impl Ledger {
    pub(crate) fn new(base_url: String, webhooks: Arc<Webhooks>) -> Self {
        Self {
            intents: Table::default(),
            sessions: Table::default(),
            charges: Table::default(),
            refunds: Table::default(),
            disputes: Table::default(),
            events: Table::default(),
            origin: Origin::default(),
            settles_at_least: 0,
            base_url,
            webhooks,
        }
    }

    /// Checks that an amount in minor units of `currency` can be charged.
    pub(crate) fn may_charge(&self, amount: i64, currency: &str) -> Result<(), ApiError> {
        currency::check(amount, currency)?;
        if amount < self.settles_at_least {
            let message = "The Checkout Session's total amount must convert to at least 50 cents. The amount is too \
                           small in the currency that your account settles in.";
            return Err(ApiError::request("amount_too_small", "amount", message));
        }
        Ok(())
    }

    pub(crate) fn intent(&self, id: &str) -> Result<&Intent, ApiError> {
        self.intents.get(id).ok_or_else(|| ApiError::missing("payment_intent", "intent", id))
    }

    pub(crate) fn intent_mut(&mut self, id: &str) -> Result<&mut Intent, ApiError> {
        self.intents.get_mut(id).ok_or_else(|| ApiError::missing("payment_intent", "intent", id))
    }

    pub(crate) fn session(&self, id: &str) -> Result<&Session, ApiError> {
        self.sessions.get(id).ok_or_else(|| ApiError::missing("checkout.session", "session", id))
    }

    pub(crate) fn session_mut(&mut self, id: &str) -> Result<&mut Session, ApiError> {
        self.sessions.get_mut(id).ok_or_else(|| ApiError::missing("checkout.session", "session", id))
    }

    /// Records an event about `object` and queues its delivery.
    pub(crate) fn emit(&mut self, kind: &'static str, object: Value) {
        let mut body = fixture(include_str!("../../fixtures/event.json"));
        let id = ids::new_id("evt");
        let created = ids::now();
        patch(
            &mut body,
            json!({
                "id": id, "type": kind, "created": created, "api_version": API_VERSION,
                "data": { "object": object }, "pending_webhooks": 1,
                "request": {
                    "id": self.origin.request_id, "idempotency_key": self.origin.idempotency_key,
                },
            }),
        );
        let event = Arc::new(Event { id: id.clone(), kind, created, body });
        self.events.insert(&id, Arc::clone(&event));
        self.webhooks.announce(event);
    }

    pub(crate) fn emit_intent(&mut self, kind: &'static str, intent: &str) {
        if let Some(object) = self.intents.get(intent).map(Intent::to_json) {
            self.emit(kind, object);
        }
    }

    pub(crate) fn emit_charge(&mut self, kind: &'static str, charge: &str) {
        if let Some(object) = self.charges.get(charge).map(Charge::to_json) {
            self.emit(kind, object);
        }
    }

    pub(crate) fn emit_refund(&mut self, kind: &'static str, refund: &str) {
        if let Some(object) = self.refunds.get(refund).map(Refund::to_json) {
            self.emit(kind, object);
        }
    }
}
