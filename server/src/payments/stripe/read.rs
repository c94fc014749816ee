//! What Stripe's objects say.
use super::{REFERENCE, REFUND};
use crate::payments::{ClientSecret, Intent, IntentStatus, News, RefundStatus};
use crate::purchase::{Dispute, Disputed, Reference};
use shared::Currency;
use stripe_core::{Dispute as StripeDispute, DisputeStatus, PaymentIntent, PaymentIntentStatus};
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
        | EventObject::ChargeDisputeCreated(_)
        | EventObject::ChargeDisputeUpdated(_)
        | EventObject::ChargeDisputeClosed(_)
        | EventObject::ChargeDisputeFundsReinstated(_)
        | EventObject::ChargeDisputeFundsWithdrawn(_) => return None,
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

/// What disputes of one payment come to, if there are any.
pub(super) fn disputed(disputes: &[StripeDispute]) -> Option<Disputed> {
    let each = disputes.iter().map(|dispute| {
        let withdrawn = withdrawn(dispute);
        (standing(dispute.status.as_str(), withdrawn), withdrawn, dispute.is_charge_refundable)
    });
    let all: Vec<_> = each.collect();
    let is = |wanted| all.iter().any(|&(standing, ..)| standing == wanted);
    let standing = [Dispute::Lost, Dispute::Open, Dispute::Won].into_iter().find(|&standing| is(standing))?;
    let withdrawn = all.iter().map(|&(_, withdrawn, _)| withdrawn).sum();
    let mut open = all.iter().filter(|&&(standing, ..)| standing == Dispute::Open);
    let refundable = open.all(|&(.., refundable)| refundable);
    Some(Disputed { standing, withdrawn, refundable })
}

/// Minor units in the currency of the payment, where Stripe's balance may be in another.
fn withdrawn(dispute: &StripeDispute) -> i64 {
    let movements = &dispute.balance_transactions;
    let net: i64 = movements.iter().map(|movement| movement.amount).sum();
    // What is lost is gone also where Stripe does not say how.
    let is_taken = net < 0 || (movements.is_empty() && dispute.status == DisputeStatus::Lost);
    if is_taken { dispute.amount } else { 0 }
}

/// A bank's inquiry that comes to nothing is closed as a warning; one that was prevented has been settled with the learner's
/// money or without it; what Stripe may add is not decided.
fn standing(status: &str, withdrawn: i64) -> Dispute {
    match status {
        "lost" => Dispute::Lost,
        "prevented" if withdrawn > 0 => Dispute::Lost,
        "won" | "warning_closed" | "prevented" => Dispute::Won,
        _ => Dispute::Open,
    }
}
