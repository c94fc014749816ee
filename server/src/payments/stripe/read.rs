//! What Stripe's objects say.
use super::{REFERENCE, REFUND};
use crate::payments::{ClientSecret, Intent, IntentStatus, News, RefundStatus};
use crate::purchase::{Dispute, Reference};
use shared::Currency;
use stripe_core::{PaymentIntent, PaymentIntentStatus};
use stripe_webhook::EventObject;

/// What a readable event says; nothing where Stripe must be asked.
#[expect(clippy::wildcard_enum_match_arm, reason = "Stripe has over two hundred kinds of event")]
pub(super) fn news_of(object: &EventObject) -> Option<News> {
    Some(match object {
        EventObject::PaymentIntentSucceeded(intent)
        | EventObject::PaymentIntentPaymentFailed(intent)
        | EventObject::PaymentIntentProcessing(intent)
        | EventObject::PaymentIntentCanceled(intent)
        | EventObject::PaymentIntentRequiresAction(intent) => News::Intent(read_intent(intent)),
        // One of several, and what a charge calls refunded may be under way still: Stripe's refunds are asked for.
        EventObject::ChargeRefunded(_)
        | EventObject::ChargeRefundUpdated(_)
        | EventObject::RefundCreated(_)
        | EventObject::RefundFailed(_)
        | EventObject::RefundUpdated(_)
        | EventObject::ChargeDisputeUpdated(_) => return None,
        EventObject::ChargeDisputeCreated(dispute) | EventObject::ChargeDisputeClosed(dispute) => {
            News::Disputed {
                intent: dispute.payment_intent.as_ref()?.id().to_string(),
                dispute: dispute_of(dispute.status.as_str()),
            }
        }
        _ => News::Other,
    })
}

#[expect(clippy::match_same_arms, reason = "what Stripe may add is not what Stripe has")]
pub(super) fn read_intent(intent: &PaymentIntent) -> Intent {
    let status = match &intent.status {
        PaymentIntentStatus::Succeeded => IntentStatus::Succeeded,
        PaymentIntentStatus::Canceled => IntentStatus::Canceled,
        PaymentIntentStatus::Processing => IntentStatus::Processing,
        PaymentIntentStatus::RequiresAction => IntentStatus::ActionRequired,
        PaymentIntentStatus::RequiresCapture
        | PaymentIntentStatus::RequiresConfirmation
        | PaymentIntentStatus::RequiresPaymentMethod => IntentStatus::Open,
        PaymentIntentStatus::Unknown(_) => IntentStatus::Open,
        _ => IntentStatus::Open,
    };
    Intent {
        id: intent.id.to_string(),
        client_secret: intent.client_secret.clone().map(ClientSecret::new),
        status,
        amount: intent.amount,
        received: intent.amount_received,
        currency: Currency::parse(&intent.currency.to_string()).ok(),
        reference: intent.metadata.get(REFERENCE).map(|text| Reference::from_metadata(text)),
        failure: failure_of(intent),
    }
}

/// A failed try is known by its charge, or by its card where the bank never saw a charge.
fn failure_of(intent: &PaymentIntent) -> Option<String> {
    let error = intent.last_payment_error.as_ref()?;
    let charge =
        error.charge.clone().or_else(|| intent.latest_charge.as_ref().map(|charge| charge.id().to_string()));
    let card = || error.payment_method.as_ref().map(|method| method.id.to_string());
    let code = || error.code.as_ref().map(|code| code.as_str().to_owned());
    charge.or_else(card).or_else(code).or_else(|| error.message.clone())
}

pub(super) fn is_refund(refund: &stripe_core::Refund, key: &str) -> bool {
    refund.metadata.as_ref().is_some_and(|metadata| metadata.get(REFUND).is_some_and(|name| name == key))
}

pub(super) fn refund_status(status: Option<&str>) -> RefundStatus {
    match status {
        Some("succeeded") => RefundStatus::Succeeded,
        Some("failed" | "canceled") => RefundStatus::Failed,
        _ => RefundStatus::Pending,
    }
}

/// A bank's inquiry that comes to nothing is closed as a warning; what Stripe may add is not decided.
pub(super) fn dispute_of(status: &str) -> Dispute {
    match status {
        "lost" => Dispute::Lost,
        "won" | "warning_closed" | "prevented" => Dispute::Won,
        _ => Dispute::Open,
    }
}
