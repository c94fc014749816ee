//! One movement of the balance, as Stripe lists it.
use serde_json::{Value, json};

/// A balance transaction.
pub(crate) struct Movement<'a> {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) kind: &'a str,
    pub(crate) category: &'a str,
    pub(crate) amount: i64,
    pub(crate) fee: i64,
    pub(crate) currency: &'a str,
    pub(crate) source: Value,
}

/// The id of a movement of `source`, which may have several.
pub(crate) fn transaction(source: &str, suffix: &str) -> String {
    let (_, id) = source.split_once('_').unwrap_or(("", source));
    format!("txn_{id}{suffix}")
}

impl Movement<'_> {
    pub(crate) fn to_json(&self, expanded: bool) -> Value {
        json!({
            "id": self.id, "object": "balance_transaction", "amount": self.amount, "available_on": self.created,
            "balance_type": "payments", "created": self.created, "currency": self.currency, "description": null,
            "exchange_rate": null, "fee": self.fee, "fee_details": [], "net": self.amount - self.fee,
            "reporting_category": self.category, "status": "available", "type": self.kind,
            "source": if expanded { self.source.clone() } else { self.source["id"].clone() },
        })
    }
}
