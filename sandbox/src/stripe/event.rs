//! An event of Stripe's.
use serde_json::Value;

/// An event as sent to the webhook and listed under `/v1/events`.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) created: i64,
    pub(crate) body: Value,
}
