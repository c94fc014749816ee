//! Balance transactions: the movements of charges, refunds and disputes, each once.
use serde_json::{Value, json};

use super::{
    charge::{Dispute, DisputeStatus, RefundStatus},
    error::ApiError,
    form::Params,
    intents::page,
    ledger::Ledger,
};

/// Stripe's fee for a card payment in the United States: 2.9% plus 30 cents.
fn fee_of(amount: i64) -> i64 {
    amount * 29 / 1000 + 30
}

/// Stripe's fee for a dispute, in minor units.
const DISPUTE_FEE: i64 = 1500;

struct Movement<'a> {
    id: String,
    created: i64,
    kind: &'a str,
    category: &'a str,
    amount: i64,
    fee: i64,
    currency: &'a str,
    source: Value,
}

/// Lists balance transactions, newest first.
pub(crate) fn list(ledger: &Ledger, params: &Params) -> Result<Value, ApiError> {
    params.only(&[
        "created[*]",
        "limit",
        "starting_after",
        "ending_before",
        "expand[]",
        "type",
        "source",
        "currency",
    ])?;
    let expanded = params.list("expand").contains(&"data.source");
    let mut movements = movements(ledger);
    movements.reverse();
    movements.sort_by_key(|movement| std::cmp::Reverse(movement.created));
    let fits = |movement: &&Movement<'_>| {
        params.get("type").is_none_or(|kind| kind == movement.kind)
            && params.get("currency").is_none_or(|currency| currency == movement.currency)
            && params.get("source").is_none_or(|source| movement.source["id"] == source)
    };
    let rows = movements
        .iter()
        .filter(fits)
        .map(|movement| (movement.id.as_str(), movement.created, movement.to_json(expanded)));
    page(rows, params, "/v1/balance_transactions")
}

fn movements(ledger: &Ledger) -> Vec<Movement<'_>> {
    let mut all = Vec::new();
    for charge in ledger.charges.iter().filter(|charge| charge.succeeded()) {
        all.push(Movement {
            id: transaction(&charge.id, ""),
            created: charge.created,
            kind: "charge",
            category: "charge",
            amount: charge.amount,
            fee: fee_of(charge.amount),
            currency: &charge.currency,
            source: charge.to_json(),
        });
    }
    for refund in ledger.refunds.iter() {
        let part = |suffix, kind, category, amount| Movement {
            id: transaction(&refund.id, suffix),
            created: refund.created,
            kind,
            category,
            amount,
            fee: 0,
            currency: &refund.currency,
            source: refund.to_json(),
        };
        all.push(part("", "refund", "refund", -refund.amount));
        if refund.status == RefundStatus::Failed {
            all.push(part("f", "refund_failure", "refund_failure", refund.amount));
        }
    }
    for dispute in ledger.disputes.iter() {
        all.extend(disputed(dispute, dispute.to_json()));
    }
    all
}

/// The movements of a dispute; an inquiry moves nothing.
fn disputed(dispute: &Dispute, source: Value) -> Vec<Movement<'_>> {
    let part = |suffix, category, amount, fee| Movement {
        id: transaction(&dispute.id, suffix),
        created: dispute.created,
        kind: "adjustment",
        category,
        amount,
        fee,
        currency: &dispute.currency,
        source: source.clone(),
    };
    let withdrawn = (!dispute.is_inquiry).then(|| part("", "dispute", -dispute.amount, DISPUTE_FEE));
    let is_back = !dispute.is_inquiry && dispute.status == DisputeStatus::Won;
    let back = is_back.then(|| part("w", "dispute_reversal", dispute.amount, 0));
    withdrawn.into_iter().chain(back).collect()
}

/// The balance transactions as listed in the dispute itself.
pub(crate) fn of_dispute(dispute: &Dispute) -> Vec<Value> {
    let source = json!({ "id": dispute.id });
    disputed(dispute, source).iter().map(|movement| movement.to_json(false)).collect()
}

fn transaction(source: &str, suffix: &str) -> String {
    let (_, id) = source.split_once('_').unwrap_or(("", source));
    format!("txn_{id}{suffix}")
}

impl Movement<'_> {
    fn to_json(&self, expanded: bool) -> Value {
        json!({
            "id": self.id, "object": "balance_transaction", "amount": self.amount, "available_on": self.created,
            "balance_type": "payments", "created": self.created, "currency": self.currency, "description": null,
            "exchange_rate": null, "fee": self.fee, "fee_details": [], "net": self.amount - self.fee,
            "reporting_category": self.category, "status": "available", "type": self.kind,
            "source": if expanded { self.source.clone() } else { self.source["id"].clone() },
        })
    }
}
