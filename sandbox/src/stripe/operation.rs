//! The operations of the API, by method and path.

use serde::{Deserialize, Serialize};

/// The operation of a request; a fault can target one.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StripeOperation {
    /// `POST /v1/payment_intents`
    CreateIntent,
    /// `POST /v1/payment_intents/{id}`
    UpdateIntent,
    /// `GET /v1/payment_intents/{id}`
    RetrieveIntent,
    /// `GET /v1/payment_intents`
    ListIntents,
    /// `POST /v1/payment_intents/{id}/cancel`
    CancelIntent,
    /// `POST /v1/payment_intents/{id}/confirm`
    ConfirmIntent,
    /// `POST /v1/checkout/sessions`
    CreateSession,
    /// `GET /v1/checkout/sessions/{id}`
    RetrieveSession,
    /// `GET /v1/checkout/sessions`
    ListSessions,
    /// `POST /v1/checkout/sessions/{id}/expire`
    ExpireSession,
    /// `POST /v1/refunds`
    CreateRefund,
    /// `GET /v1/refunds/{id}`
    RetrieveRefund,
    /// `GET /v1/refunds`
    ListRefunds,
    /// `GET /v1/disputes`
    ListDisputes,
    /// `GET /v1/events/{id}`
    RetrieveEvent,
    /// `GET /v1/events`
    ListEvents,
    /// `GET /v1/balance_transactions`
    ListBalance,
    /// `GET /v1/charges/{id}`
    RetrieveCharge,
}

/// An operation and the id in its path; the id is empty if there is none.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) operation: StripeOperation,
    pub(crate) id: String,
}

impl Call {
    pub(crate) fn parse(method: &str, path: &str) -> Option<Self> {
        use StripeOperation::{
            CancelIntent, ConfirmIntent, CreateIntent, CreateRefund, CreateSession, ExpireSession,
            ListBalance, ListDisputes, ListEvents, ListIntents, ListRefunds, ListSessions, RetrieveCharge,
            RetrieveEvent, RetrieveIntent, RetrieveRefund, RetrieveSession, UpdateIntent,
        };
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (operation, id) = match (method, segments.as_slice()) {
            ("POST", ["v1", "payment_intents"]) => (CreateIntent, ""),
            ("GET", ["v1", "payment_intents"]) => (ListIntents, ""),
            ("POST", ["v1", "payment_intents", id]) => (UpdateIntent, *id),
            ("GET", ["v1", "payment_intents", id]) => (RetrieveIntent, *id),
            ("POST", ["v1", "payment_intents", id, "cancel"]) => (CancelIntent, *id),
            ("POST", ["v1", "payment_intents", id, "confirm"]) => (ConfirmIntent, *id),
            ("POST", ["v1", "checkout", "sessions"]) => (CreateSession, ""),
            ("GET", ["v1", "checkout", "sessions"]) => (ListSessions, ""),
            ("GET", ["v1", "checkout", "sessions", id]) => (RetrieveSession, *id),
            ("POST", ["v1", "checkout", "sessions", id, "expire"]) => (ExpireSession, *id),
            ("POST", ["v1", "refunds"]) => (CreateRefund, ""),
            ("GET", ["v1", "refunds"]) => (ListRefunds, ""),
            ("GET", ["v1", "disputes"]) => (ListDisputes, ""),
            ("GET", ["v1", "balance_transactions"]) => (ListBalance, ""),
            ("GET", ["v1", "refunds", id]) => (RetrieveRefund, *id),
            ("GET", ["v1", "events"]) => (ListEvents, ""),
            ("GET", ["v1", "events", id]) => (RetrieveEvent, *id),
            ("GET", ["v1", "charges", id]) => (RetrieveCharge, *id),
            _ => return None,
        };
        Some(Self { operation, id: id.to_owned() })
    }
}
