//! The id, type and object of any webhook, read as plain JSON: in every API version, also where Stripe's types can't.
use super::{REFERENCE, REFUND};
use crate::payments::{BadWebhook, Message, News};
use crate::purchase::Reference;
use serde::Deserialize;

/// The part of an event that is the same in every version.
#[derive(Deserialize)]
pub(super) struct Envelope {
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
    pub(super) fn read(body: &str) -> Result<Self, BadWebhook> {
        serde_json::from_str(body).map_err(|_| BadWebhook::Body)
    }

    fn object(&self) -> Option<&EnvelopeObject> {
        self.data.as_ref()?.object.as_ref()
    }

    /// The content of an early fraud warning; `None` for other events.
    pub(super) fn fraud_warning(&self) -> Option<News> {
        let object = self.object().filter(|_| self.kind == FRAUD_WARNING)?;
        let intent = object.payment_intent.as_ref()?.as_str()?.to_owned();
        Some(News::FraudWarning { intent, kind: object.fraud_type.clone().unwrap_or_default() })
    }

    pub(super) fn unclear(&self) -> News {
        let Some(object) = self.object() else { return News::Other };
        let intent = match object.object.as_deref() {
            Some("payment_intent") => object.id.clone(),
            _ => object.payment_intent.as_ref().and_then(|value| value.as_str()).map(str::to_owned),
        };
        let field = |name: &str| object.metadata.get(name).and_then(|value| value.as_str());
        let of_refund = || field(REFUND).and_then(|key| key.get(..Reference::LENGTH));
        News::Unclear { intent, reference: field(REFERENCE).or_else(of_refund).map(Reference::from_metadata) }
    }

    pub(super) fn into_message(self, news: News) -> Message {
        Message {
            object_id: self.object().and_then(|object| object.id.clone()),
            id: self.id,
            kind: self.kind,
            news,
        }
    }
}
