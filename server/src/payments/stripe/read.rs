//! Reads Stripe's objects into our own types.
use super::{REFERENCE, REFUND};
use crate::payments::{ClientSecret, Intent, IntentStatus, RefundStatus};
use crate::purchase::{Dispute, Disputed, DisputedMoney, IdempotencyKey, IntentId, Reference};
use shared::Currency;
use stripe_core::{Dispute as StripeDispute, DisputeStatus, PaymentIntent, PaymentIntentStatus};

#[expect(clippy::match_same_arms, reason = "what Stripe may add is not what Stripe has")]
pub(super) fn read_intent(intent: &PaymentIntent) -> Intent {
    let status = match &intent.status {
        PaymentIntentStatus::Succeeded => IntentStatus::Succeeded,
        PaymentIntentStatus::Canceled => IntentStatus::Canceled,
        PaymentIntentStatus::Processing => IntentStatus::Processing,
        // The remaining step happens elsewhere: nobody waits for it at the screen.
        PaymentIntentStatus::RequiresAction if settles_later(intent) => IntentStatus::Processing,
        PaymentIntentStatus::RequiresAction => IntentStatus::ActionRequired,
        PaymentIntentStatus::RequiresCapture
        | PaymentIntentStatus::RequiresConfirmation
        | PaymentIntentStatus::RequiresPaymentMethod => IntentStatus::Open,
        PaymentIntentStatus::Unknown(_) => IntentStatus::Open,
        _ => IntentStatus::Open,
    };
    Intent {
        id: IntentId::new(intent.id.to_string()),
        client_secret: intent.client_secret.clone().map(ClientSecret::new),
        status,
        amount: intent.amount,
        received: intent.amount_received,
        currency: Currency::parse(&intent.currency.to_string()).ok(),
        reference: intent.metadata.get(REFERENCE).map(|text| Reference::from_metadata(text)),
        failure: failure_of(intent),
    }
}

/// Whether the learner was given a voucher to pay, or an account to transfer to or to verify.
fn settles_later(intent: &PaymentIntent) -> bool {
    intent.next_action.as_ref().is_some_and(|action| {
        matches!(
            action.type_.as_str(),
            "boleto_display_details"
                | "display_bank_transfer_instructions"
                | "konbini_display_details"
                | "multibanco_display_details"
                | "oxxo_display_details"
                | "verify_with_microdeposits"
        )
    })
}

/// Stripe's code if the bank could not authenticate the learner.
const UNAUTHENTICATED: &str = "payment_intent_authentication_failure";

/// Identifies a failed attempt by its charge, or by its card if the bank never saw a charge.
fn failure_of(intent: &PaymentIntent) -> Option<String> {
    let error = intent.last_payment_error.as_ref()?;
    // With this code, the bank was not asked for the money: the newest charge is from an earlier attempt.
    if let Some(code) = error.code.as_ref().map(|code| code.as_str()).filter(|code| *code == UNAUTHENTICATED)
    {
        let method = error.payment_method.as_ref().map(|method| method.id.to_string());
        return method.or_else(|| Some(code.to_owned()));
    }
    let charge =
        error.charge.clone().or_else(|| intent.latest_charge.as_ref().map(|charge| charge.id().to_string()));
    let card = || error.payment_method.as_ref().map(|method| method.id.to_string());
    let code = || error.code.as_ref().map(|code| code.as_str().to_owned());
    charge.or_else(card).or_else(code).or_else(|| error.message.clone())
}

pub(super) fn is_refund(refund: &stripe_core::Refund, key: &IdempotencyKey) -> bool {
    let name = refund.metadata.as_ref().and_then(|metadata| metadata.get(REFUND));
    name.is_some_and(|name| name == key.as_str())
}

pub(super) fn refund_status(status: Option<&str>) -> RefundStatus {
    match status {
        Some("succeeded") => RefundStatus::Succeeded,
        Some("failed" | "canceled") => RefundStatus::Failed,
        _ => RefundStatus::Pending,
    }
}

/// The sum of one payment's disputes, if there are any.
pub(super) fn disputed(disputes: &[StripeDispute]) -> Option<Disputed> {
    let mut money = DisputedMoney::default();
    let (mut standings, mut refundable) = (Vec::new(), true);
    for dispute in disputes {
        let withdrawn = withdrawn(dispute);
        let standing = standing(dispute.status.as_str(), withdrawn);
        money.withdrawn += withdrawn;
        money.lost += if standing == Dispute::Lost { withdrawn } else { 0 };
        refundable &= standing != Dispute::Open || dispute.is_charge_refundable;
        standings.push(standing);
    }
    let order = [Dispute::Open, Dispute::Lost, Dispute::Won];
    let standing = order.into_iter().find(|standing| standings.contains(standing))?;
    Some(Disputed { standing, money, refundable })
}

/// The money a dispute has withdrawn, in minor units of the payment's currency.
fn withdrawn(dispute: &StripeDispute) -> i64 {
    let movements = &dispute.balance_transactions;
    if movements.is_empty() {
        // A lost dispute has taken its amount, even if Stripe lists no movement.
        return if dispute.status == DisputeStatus::Lost { dispute.amount } else { 0 };
    }
    movements.iter().map(|movement| -of_dispute(dispute, movement.amount)).sum::<i64>().max(0)
}

/// Converts a movement of our balance, which may be in another currency, into a share of the disputed amount. If the
/// payment was partly refunded, Stripe may return only a part.
pub(super) fn of_dispute(dispute: &StripeDispute, amount: i64) -> i64 {
    let taken = dispute.balance_transactions.iter().map(|movement| -movement.amount.min(0)).sum::<i64>();
    if taken == 0 {
        return amount.signum() * dispute.amount;
    }
    let share = i128::from(dispute.amount) * i128::from(amount) / i128::from(taken);
    i64::try_from(share).unwrap_or(amount)
}

/// An inquiry that led to no dispute ends as `warning_closed`. A prevented dispute was settled with or without
/// withdrawing the money. Any status that Stripe may add counts as open.
fn standing(status: &str, withdrawn: i64) -> Dispute {
    match status {
        "lost" => Dispute::Lost,
        "prevented" if withdrawn > 0 => Dispute::Lost,
        "won" | "warning_closed" | "prevented" => Dispute::Won,
        _ => Dispute::Open,
    }
}
