//! Disputes, rendered from Stripe's own example object, and the money that they move.
use serde_json::{Value, json};

use super::{
    intent::{fixture, patch},
    movement::{Movement, transaction},
};

/// Stripe's fee for a dispute, in minor units.
const DISPUTE_FEE: i64 = 1500;

/// A dispute or an inquiry by a learner's bank.
#[derive(Clone, Debug)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) charge: String,
    pub(crate) intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) created: i64,
    pub(crate) status: DisputeStatus,
    /// The bank only inquires: nothing is withdrawn, and the payment can be refunded.
    pub(crate) is_inquiry: bool,
}

/// The status of a dispute.
#[derive(Clone, Copy, Debug, serde::Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum DisputeStatus {
    /// The bank inquires before it withdraws anything.
    WarningNeedsResponse,
    /// The bank reviews the answer to its inquiry.
    WarningUnderReview,
    /// The inquiry is closed, and the bank has withdrawn nothing.
    WarningClosed,
    /// Settled before it became a dispute: the learner has the money if it was withdrawn.
    Prevented,
    /// The merchant must respond.
    NeedsResponse,
    /// The bank reviews the merchant's response.
    UnderReview,
    /// The merchant keeps the money.
    Won,
    /// The learner has the money back.
    Lost,
}

impl Dispute {
    pub(crate) fn to_json(&self) -> Value {
        let mut json = fixture(include_str!("../../fixtures/dispute.json"));
        let status = match self.status {
            DisputeStatus::WarningNeedsResponse => "warning_needs_response",
            DisputeStatus::WarningUnderReview => "warning_under_review",
            DisputeStatus::WarningClosed => "warning_closed",
            DisputeStatus::Prevented => "prevented",
            DisputeStatus::NeedsResponse => "needs_response",
            DisputeStatus::UnderReview => "under_review",
            DisputeStatus::Won => "won",
            DisputeStatus::Lost => "lost",
        };
        patch(
            &mut json,
            json!({
                "id": self.id, "charge": self.charge, "payment_intent": self.intent, "amount": self.amount,
                "currency": self.currency, "created": self.created, "status": status,
                "reason": "fraudulent", "is_charge_refundable": self.is_inquiry,
                "balance_transactions": self.listed(),
            }),
        );
        json
    }

    /// The movements as the dispute itself lists them.
    fn listed(&self) -> Vec<Value> {
        self.movements(json!({ "id": self.id })).iter().map(|movement| movement.to_json(false)).collect()
    }

    /// The balance transaction it causes, with `source` as its object; an inquiry moves nothing.
    pub(crate) fn movements(&self, source: Value) -> Vec<Movement<'_>> {
        let part = |suffix, category, amount, fee| Movement {
            id: transaction(&self.id, suffix),
            created: self.created,
            kind: "adjustment",
            category,
            amount,
            fee,
            currency: &self.currency,
            source: source.clone(),
        };
        let withdrawn = (!self.is_inquiry).then(|| part("", "dispute", -self.amount, DISPUTE_FEE));
        let is_back = !self.is_inquiry && self.status == DisputeStatus::Won;
        let back = is_back.then(|| part("w", "dispute_reversal", self.amount, 0));
        withdrawn.into_iter().chain(back).collect()
    }
}
