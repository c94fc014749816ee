//! A payment intent and its states, rendered from Stripe's own example objects.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{cards::Card, offered::Offered};

/// The status of a payment intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    Succeeded,
    Canceled,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }

    /// Whether the payment can still be changed, confirmed or cancelled.
    pub(crate) fn is_open(self) -> bool {
        match self {
            Self::RequiresPaymentMethod | Self::RequiresConfirmation | Self::RequiresAction => true,
            Self::Processing | Self::Succeeded | Self::Canceled => false,
        }
    }
}

/// How the payment is made.
#[derive(Clone, Debug)]
pub(crate) enum Means {
    Card(Card),
    /// A redirect to a bank's page, from which the learner returns.
    Bank,
    /// A voucher, which the learner pays in cash within days.
    Voucher,
}

impl Means {
    /// Stripe's name for the payment method type.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Card(_) => "card",
            Self::Bank => "bancontact",
            Self::Voucher => "oxxo",
        }
    }
}

/// The payment methods that the merchant allows.
#[derive(Clone, Debug)]
pub(crate) enum Methods {
    Automatic { allow_redirects: bool },
    Listed(Vec<String>),
}

/// The step the learner must take before the payment continues.
#[derive(Clone, Debug)]
pub(crate) enum NextAction {
    Challenge { url: String },
    Redirect { url: String, return_url: String },
    PayVoucher { expires_after: i64 },
}

/// A payment intent.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) client_secret: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) created: i64,
    pub(crate) status: Status,
    pub(crate) methods: Methods,
    /// The methods that are excluded.
    pub(crate) offered: Offered,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) description: Option<String>,
    pub(crate) receipt_email: Option<String>,
    pub(crate) statement_descriptor_suffix: Option<String>,
    pub(crate) amount_received: i64,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) last_payment_error: Option<Value>,
    pub(crate) latest_charge: Option<String>,
    pub(crate) payment_method: Option<Value>,
    pub(crate) next_action: Option<NextAction>,
    /// The payment method in use while the learner acts or the bank settles.
    pub(crate) means: Option<Means>,
    /// The checkout session whose page created it.
    pub(crate) session: Option<String>,
}

impl Intent {
    /// The intent as the merchant sees it.
    pub(crate) fn to_json(&self) -> Value {
        let mut json = fixture(include_str!("../../fixtures/payment_intent.json"));
        let (automatic, types) = match &self.methods {
            Methods::Automatic { allow_redirects } => {
                let allow = if *allow_redirects { "always" } else { "never" };
                (json!({ "enabled": true, "allow_redirects": allow }), json!(["card"]))
            }
            Methods::Listed(types) => (Value::Null, json!(types)),
        };
        let next_action = self.next_action.as_ref().map(|next| match next {
            NextAction::Challenge { url } => json!({
                "type": "use_stripe_sdk",
                "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": url },
            }),
            NextAction::Redirect { url, return_url } => json!({
                "type": "redirect_to_url",
                "redirect_to_url": { "url": url, "return_url": return_url },
            }),
            NextAction::PayVoucher { expires_after } => json!({
                "type": "oxxo_display_details",
                "oxxo_display_details": {
                    "expires_after": expires_after, "hosted_voucher_url": null, "number": "12345678901234567890123456789012",
                },
            }),
        });
        let processing = (self.status == Status::Processing).then(|| json!({ "type": "card", "card": {} }));
        patch(
            &mut json,
            json!({
                "id": self.id, "client_secret": self.client_secret, "amount": self.amount,
                "currency": self.currency, "created": self.created, "status": self.status.as_str(),
                "automatic_payment_methods": automatic, "payment_method_types": types,
                "excluded_payment_method_types": self.offered.excluded(), "payment_method_configuration_details": self.offered.configuration(),
                "metadata": self.metadata, "description": self.description,
                "receipt_email": self.receipt_email,
                "statement_descriptor_suffix": self.statement_descriptor_suffix,
                "amount_received": self.amount_received, "canceled_at": self.canceled_at,
                "cancellation_reason": self.cancellation_reason,
                "last_payment_error": self.last_payment_error, "latest_charge": self.latest_charge,
                "payment_method": self.payment_method.as_ref().map(|method| method["id"].clone()),
                "next_action": next_action, "processing": processing,
            }),
        );
        json
    }

    /// The intent as a page with the publishable key sees it.
    pub(crate) fn to_public_json(&self) -> Value {
        const PUBLIC: &[&str] = &[
            "id",
            "object",
            "amount",
            "amount_details",
            "automatic_payment_methods",
            "canceled_at",
            "cancellation_reason",
            "capture_method",
            "client_secret",
            "confirmation_method",
            "created",
            "currency",
            "description",
            "excluded_payment_method_types",
            "last_payment_error",
            "livemode",
            "next_action",
            "payment_method",
            "payment_method_configuration_details",
            "payment_method_types",
            "processing",
            "receipt_email",
            "setup_future_usage",
            "shipping",
            "source",
            "status",
        ];
        let mut json = self.to_json();
        if let Some(fields) = json.as_object_mut() {
            fields.retain(|name, _| PUBLIC.contains(&name.as_str()));
        }
        json
    }
}

/// Parses one of Stripe's example objects.
pub(crate) fn fixture(text: &str) -> Value {
    serde_json::from_str(text).expect("the fixtures are valid JSON")
}

/// Overwrites top-level fields of `target`.
pub(crate) fn patch(target: &mut Value, fields: Value) {
    let Value::Object(fields) = fields else { return };
    for (name, value) in fields {
        target[name] = value;
    }
}
