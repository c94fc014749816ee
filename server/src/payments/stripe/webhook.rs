//! Reads webhooks: verified, then with Stripe's types, and otherwise as plain JSON.
use super::read::read_intent;
use super::{REFERENCE, REFUND};
use crate::payments::{BadWebhook, Message, News};
use crate::purchase::{IntentId, Reference};
use serde::Deserialize;
use stripe_webhook::{EventObject, Webhook, WebhookError};

/// Verifies `signature` with any of the `secrets`, and reads what can be read.
pub(super) fn read(body: &str, signature: Option<&str>, secrets: &[String]) -> Result<Message, BadWebhook> {
    let signature = signature.ok_or(BadWebhook::Header)?;
    let mut refusal = BadWebhook::Signature;
    for secret in secrets {
        let told = match Webhook::construct_event(body, signature, secret) {
            Ok(event) => news_of(&event.data.object),
            Err(WebhookError::BadParse(_)) => None,
            Err(WebhookError::BadTimestamp(_)) => return Err(BadWebhook::Timestamp),
            Err(WebhookError::BadSignature) => continue,
            Err(WebhookError::BadHeader(_) | WebhookError::BadKey) => {
                refusal = BadWebhook::Header;
                continue;
            }
        };
        let envelope = Envelope::read(body)?;
        let news = envelope.fraud_warning().or(told).unwrap_or_else(|| envelope.unclear());
        return Ok(envelope.into_message(news));
    }
    Err(refusal)
}

/// The content of a readable event; `None` if Stripe must be asked.
#[expect(clippy::wildcard_enum_match_arm, reason = "Stripe has over two hundred kinds of event")]
fn news_of(object: &EventObject) -> Option<News> {
    Some(match object {
        EventObject::PaymentIntentSucceeded(intent)
        | EventObject::PaymentIntentPaymentFailed(intent)
        | EventObject::PaymentIntentProcessing(intent)
        | EventObject::PaymentIntentCanceled(intent)
        | EventObject::PaymentIntentRequiresAction(intent) => News::Intent(read_intent(intent)),
        // There may be several refunds or disputes, and what a charge calls refunded may still be under way: ask Stripe
        // for all of them.
        EventObject::ChargeRefunded(_)
        | EventObject::ChargeRefundUpdated(_)
        | EventObject::RefundCreated(_)
        | EventObject::RefundFailed(_)
        | EventObject::RefundUpdated(_)
        | EventObject::ChargeDisputeCreated(_)
        | EventObject::ChargeDisputeUpdated(_)
        | EventObject::ChargeDisputeClosed(_)
        | EventObject::ChargeDisputeFundsReinstated(_)
        | EventObject::ChargeDisputeFundsWithdrawn(_) => return None,
        _ => News::Other,
    })
}

/// The part of an event that is the same in every version of Stripe's API, also where Stripe's types can't read it.
#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: Option<EnvelopeData>,
}

#[derive(Default, Deserialize)]
struct EnvelopeData {
    object: Option<EnvelopeObject>,
}

#[derive(Default, Deserialize)]
struct EnvelopeObject {
    id: Option<String>,
    object: Option<String>,
    /// Charges, refunds and disputes name their intent; expanded ones do so as an object.
    payment_intent: Option<serde_json::Value>,
    #[serde(default)]
    metadata: serde_json::Value,
    /// Of an early fraud warning.
    fraud_type: Option<String>,
}

/// The event of an early fraud warning (<https://docs.stripe.com/api/radar/early_fraud_warnings>).
const FRAUD_WARNING: &str = "radar.early_fraud_warning.created";

impl Envelope {
    fn read(body: &str) -> Result<Self, BadWebhook> {
        serde_json::from_str(body).map_err(|_| BadWebhook::Body)
    }

    fn object(&self) -> Option<&EnvelopeObject> {
        self.data.as_ref()?.object.as_ref()
    }

    /// The content of an early fraud warning; `None` for other events.
    fn fraud_warning(&self) -> Option<News> {
        let object = self.object().filter(|_| self.kind == FRAUD_WARNING)?;
        let intent = IntentId::new(object.payment_intent.as_ref()?.as_str()?);
        Some(News::FraudWarning { intent, kind: object.fraud_type.clone().unwrap_or_default() })
    }

    fn unclear(&self) -> News {
        let Some(object) = self.object() else { return News::Other };
        let intent = match object.object.as_deref() {
            Some("payment_intent") => object.id.as_deref(),
            _ => object.payment_intent.as_ref().and_then(|value| value.as_str()),
        };
        let field = |name: &str| object.metadata.get(name).and_then(|value| value.as_str());
        let of_refund = || field(REFUND).and_then(|key| key.get(..Reference::LENGTH));
        let reference = field(REFERENCE).or_else(of_refund).map(Reference::from_metadata);
        News::Unclear { intent: intent.map(IntentId::new), reference }
    }

    fn into_message(self, news: News) -> Message {
        Message {
            object_id: self.object().and_then(|object| object.id.clone()),
            id: self.id,
            kind: self.kind,
            news,
        }
    }
}
