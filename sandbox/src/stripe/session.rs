//! A checkout session: Stripe's own page for one payment, rendered on Stripe's example object.

use serde_json::{Value, json};

use super::{
    form::Params,
    intent::{fixture, patch},
    offered::Offered,
};

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionStatus {
    Open,
    Complete,
    Expired,
}

impl SessionStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Expired => "expired",
        }
    }
}

/// A session with one line item.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) status: SessionStatus,
    pub(crate) created: i64,
    pub(crate) expires_at: i64,
    /// Minor units.
    pub(crate) amount: i64,
    pub(crate) currency: String,
    /// What the line item is called.
    pub(crate) product: String,
    pub(crate) customer_email: Option<String>,
    pub(crate) client_reference_id: Option<String>,
    pub(crate) locale: Option<String>,
    pub(crate) submit_type: Option<String>,
    pub(crate) metadata: Value,
    pub(crate) success_url: String,
    pub(crate) cancel_url: Option<String>,
    /// What the intent is made with at the first try to pay.
    pub(crate) intent_params: Params,
    /// Which ways to pay the page does not offer.
    pub(crate) offered: Offered,
    pub(crate) intent: Option<String>,
    /// The money is here; a method that settles later completes the session before.
    pub(crate) paid: bool,
}

impl Session {
    /// As the merchant sees it; `base_url` is where its page is.
    pub(crate) fn to_json(&self, base_url: &str) -> Value {
        let mut json = fixture(include_str!("../../fixtures/checkout_session.json"));
        let open = self.status == SessionStatus::Open;
        patch(
            &mut json,
            json!({
                "id": self.id, "status": self.status.as_str(), "created": self.created,
                "expires_at": self.expires_at, "amount_subtotal": self.amount, "amount_total": self.amount,
                "currency": self.currency, "customer_email": self.customer_email,
                "client_reference_id": self.client_reference_id, "locale": self.locale,
                "payment_method_configuration_details": self.offered.configuration(),
                "submit_type": self.submit_type, "metadata": self.metadata,
                "success_url": self.success_url, "cancel_url": self.cancel_url,
                "payment_intent": self.intent, "payment_status": if self.paid { "paid" } else { "unpaid" },
                "url": open.then(|| self.page(base_url)),
            }),
        );
        // Never null.
        if let Some(excluded) = self.offered.excluded() {
            json["excluded_payment_method_types"] = json!(excluded);
        }
        json
    }

    /// Where the learner pays.
    pub(crate) fn page(&self, base_url: &str) -> String {
        format!("{base_url}/c/pay/{}", self.id)
    }
}
