//! A checkout session: Stripe's hosted page for one payment, rendered from Stripe's example object.

use serde_json::{Value, json};

use super::{
    form::Params,
    intent::{fixture, patch},
    offered::Offered,
};

/// The status of a session.
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
    /// In minor units of `currency`.
    pub(crate) amount: i64,
    pub(crate) currency: String,
    /// Name of the line item.
    pub(crate) product: String,
    pub(crate) customer_email: Option<String>,
    pub(crate) client_reference_id: Option<String>,
    pub(crate) locale: Option<String>,
    pub(crate) submit_type: Option<String>,
    pub(crate) metadata: Value,
    pub(crate) success_url: String,
    pub(crate) cancel_url: Option<String>,
    /// Parameters of the intent, which is created at the first attempt to pay.
    pub(crate) intent_params: Params,
    /// The payment methods the page excludes.
    pub(crate) offered: Offered,
    pub(crate) intent: Option<String>,
    /// Whether the payment has succeeded; a method that settles later completes the session before that.
    pub(crate) paid: bool,
}

impl Session {
    /// The session as the merchant sees it; its page is below `base_url`.
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
        // This field is never null: it is left out instead.
        if let Some(excluded) = self.offered.excluded() {
            json["excluded_payment_method_types"] = json!(excluded);
        }
        json
    }

    /// URL of the page on which the learner pays.
    pub(crate) fn page(&self, base_url: &str) -> String {
        format!("{base_url}/c/pay/{}", self.id)
    }
}
