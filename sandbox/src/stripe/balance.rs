//! Balance transactions: the movements of charges, refunds and disputes, each once.
use serde_json::Value;

use super::{
    charge::RefundStatus,
    error::ApiError,
    form::Params,
    ledger::Ledger,
    list::page,
    movement::{Movement, transaction},
};

/// Stripe's fee for a card payment in the United States: 2.9% plus 30 cents.
fn fee_of(amount: i64) -> i64 {
    amount * 29 / 1000 + 30
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
        all.extend(dispute.movements(dispute.to_json()));
    }
    all
}
