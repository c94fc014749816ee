//! Charges, payment methods and refunds, rendered from Stripe's own example objects.

use serde_json::{Value, json};

use super::{
    cards::{Card, Decline},
    intent::{Means, fixture, patch},
};

/// One attempt to charge a payment method.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) intent: String,
    pub(crate) amount: i64,
    pub(crate) amount_refunded: i64,
    pub(crate) currency: String,
    pub(crate) created: i64,
    pub(crate) payment_method: Value,
    pub(crate) means: Means,
    pub(crate) declined: Option<Decline>,
    pub(crate) disputed: bool,
}

impl Charge {
    pub(crate) fn succeeded(&self) -> bool {
        self.declined.is_none()
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut json = fixture(include_str!("../../fixtures/charge.json"));
        patch(
            &mut json,
            json!({
                "id": self.id, "payment_intent": self.intent, "amount": self.amount,
                "amount_captured": if self.succeeded() { self.amount } else { 0 },
                "amount_refunded": self.amount_refunded,
                "refunded": self.succeeded() && self.amount_refunded == self.amount,
                "currency": self.currency, "created": self.created,
                "payment_method": self.payment_method["id"],
                "billing_details": self.payment_method["billing_details"],
                "paid": self.succeeded(), "captured": self.succeeded(), "disputed": self.disputed,
                "status": if self.succeeded() { "succeeded" } else { "failed" },
                "balance_transaction": null,
            }),
        );
        json["refunds"]["url"] = json!(format!("/v1/charges/{}/refunds", self.id));
        match &self.means {
            Means::Card(card) => patch(
                &mut json["payment_method_details"]["card"],
                json!({
                    "brand": card.brand(), "network": card.brand(), "last4": card.last4(),
                    "exp_month": card.exp_month, "exp_year": card.exp_year, "amount_authorized": self.amount,
                }),
            ),
            Means::Bank => {
                json["payment_method_details"] = json!({ "type": "bancontact", "bancontact": {
                "bank_code": null, "bank_name": null, "bic": null, "generated_sepa_debit": null,
                "generated_sepa_debit_mandate": null, "iban_last4": null, "preferred_language": null,
                "verified_name": null } })
            }
            Means::Voucher => {
                json["payment_method_details"] = json!({ "type": "oxxo", "oxxo": { "number": null } })
            }
        }
        if let Some(decline) = self.declined {
            patch(&mut json, json!({ "failure_code": decline.code, "failure_message": decline.message }));
            patch(
                &mut json["outcome"],
                json!({
                    "type": "issuer_declined", "network_status": "declined_by_network",
                    "reason": decline.decline_code,
                    "seller_message": "The bank did not return any further details with this decline.",
                }),
            );
        }
        json
    }
}

/// A refund of all or part of a charge.
#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) charge: String,
    pub(crate) intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) created: i64,
    pub(crate) reason: Option<String>,
    pub(crate) metadata: std::collections::BTreeMap<String, String>,
    pub(crate) status: RefundStatus,
    /// The status that it settles to on demand; `None` if it is settled already.
    pub(crate) settles_to: Option<RefundStatus>,
}

/// The status of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefundStatus {
    Pending,
    Succeeded,
    Failed,
}

impl Refund {
    pub(crate) fn to_json(&self) -> Value {
        let mut json = fixture(include_str!("../../fixtures/refund.json"));
        let status = match self.status {
            RefundStatus::Pending => "pending",
            RefundStatus::Succeeded => "succeeded",
            RefundStatus::Failed => "failed",
        };
        patch(
            &mut json,
            json!({
                "id": self.id, "charge": self.charge, "payment_intent": self.intent, "amount": self.amount,
                "currency": self.currency, "created": self.created, "reason": self.reason,
                "metadata": self.metadata, "status": status,
            }),
        );
        match self.status {
            RefundStatus::Failed => json["failure_reason"] = json!("expired_or_canceled_card"),
            RefundStatus::Pending => json["pending_reason"] = json!("processing"),
            RefundStatus::Succeeded => {}
        }
        json
    }
}

/// The payment method built from the learner's input.
pub(crate) fn payment_method(id: String, means: &Means, billing: Value, created: i64) -> Value {
    let mut json = fixture(include_str!("../../fixtures/payment_method.json"));
    patch(&mut json, json!({ "id": id, "created": created }));
    patch(&mut json["billing_details"], billing);
    match means {
        Means::Card(card) => patch_card(&mut json["card"], card),
        Means::Bank | Means::Voucher => {
            if let Some(fields) = json.as_object_mut() {
                fields.remove("card");
            }
            let kind = means.kind();
            patch(&mut json, json!({ "type": kind, kind: {} }));
        }
    }
    json
}

fn patch_card(json: &mut Value, card: &Card) {
    patch(
        json,
        json!({
            "brand": card.brand(), "display_brand": card.brand(), "last4": card.last4(),
            "exp_month": card.exp_month, "exp_year": card.exp_year,
        }),
    );
    json["networks"]["available"] = json!([card.brand()]);
}
