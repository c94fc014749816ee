//! Refunds and disputes.

use serde_json::Value;

use super::{
    cards::Behaviour,
    charge::{Charge, Refund, RefundStatus},
    dispute::{Dispute, DisputeStatus},
    error::ApiError,
    form::Params,
    ids,
    intent::Means,
    ledger::Ledger,
    list::page,
};

/// Refunds a charge; without an amount, refunds all that is left.
pub(crate) fn create(ledger: &mut Ledger, params: &Params) -> Result<Value, ApiError> {
    params.only(&["payment_intent", "charge", "amount", "reason", "metadata[*]", "expand[]"])?;
    let amount = params.integer("amount")?;
    let reason = params.one_of("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
    let metadata = params.metadata()?;
    let charge = charge_to_refund(ledger, params)?;
    let left = charge.amount - charge.amount_refunded;
    if charge.disputed {
        let message = format!("Charge {} has been charged back; cannot issue a refund.", charge.id);
        return Err(ApiError::new(400, "invalid_request_error", Some("charge_disputed"), message));
    }
    if left == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(ApiError::new(400, "invalid_request_error", Some("charge_already_refunded"), message));
    }
    let amount = amount.unwrap_or(left);
    if amount < 1 {
        return Err(ApiError::request(
            "parameter_invalid_integer",
            "amount",
            "This value must be greater than or equal to 1.",
        ));
    }
    if amount > left {
        let message =
            format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
        return Err(ApiError::invalid("amount", message));
    }
    let behaviour = match &charge.means {
        Means::Card(card) => card.behaviour,
        Means::Bank | Means::Voucher => Behaviour::Pays,
    };
    let (status, settles_to) = match behaviour {
        Behaviour::RefundsLater => (RefundStatus::Pending, Some(RefundStatus::Succeeded)),
        Behaviour::RefundFails => (RefundStatus::Succeeded, Some(RefundStatus::Failed)),
        Behaviour::Pays
        | Behaviour::Declines(_)
        | Behaviour::Challenges
        | Behaviour::ChallengesThenDeclines(_)
        | Behaviour::SettlesLater => (RefundStatus::Succeeded, None),
    };
    let refund = Refund {
        id: ids::new_id("re"),
        charge: charge.id.clone(),
        intent: charge.intent.clone(),
        amount,
        currency: charge.currency.clone(),
        created: ids::now(),
        reason,
        metadata,
        status,
        settles_to,
    };
    let (id, charge_id) = (refund.id.clone(), charge.id.clone());
    let json = refund.to_json();
    ledger.refunds.insert(&id, refund);
    if let Some(charge) = ledger.charges.get_mut(&charge_id) {
        charge.amount_refunded += amount;
    }
    ledger.emit_refund("refund.created", &id);
    ledger.emit_charge("charge.refunded", &charge_id);
    Ok(json)
}

/// Retrieves a refund.
pub(crate) fn retrieve(ledger: &Ledger, id: &str, params: &Params) -> Result<Value, ApiError> {
    params.only(&["expand[]"])?;
    ledger.refunds.get(id).map(Refund::to_json).ok_or_else(|| ApiError::missing("refund", "id", id))
}

/// Lists refunds, newest first; only those of one payment intent or charge if the request names it.
pub(crate) fn list(ledger: &Ledger, params: &Params) -> Result<Value, ApiError> {
    let rows = ledger.refunds.iter().rev().filter(|refund| names(params, &refund.intent, &refund.charge));
    list_of(
        ledger,
        rows.map(|refund| (refund.id.as_str(), refund.created, refund.to_json())),
        params,
        "/v1/refunds",
    )
}

/// Lists disputes, newest first; only those of one payment intent or charge if the request names it.
pub(crate) fn list_disputes(ledger: &Ledger, params: &Params) -> Result<Value, ApiError> {
    let rows = ledger.disputes.iter().rev().filter(|dispute| names(params, &dispute.intent, &dispute.charge));
    list_of(
        ledger,
        rows.map(|dispute| (dispute.id.as_str(), dispute.created, dispute.to_json())),
        params,
        "/v1/disputes",
    )
}

/// Whether a list with these parameters includes rows of this payment.
fn names(params: &Params, intent: &str, charge: &str) -> bool {
    params.get("payment_intent").is_none_or(|wanted| wanted == intent)
        && params.get("charge").is_none_or(|wanted| wanted == charge)
}

fn list_of<'a>(
    ledger: &Ledger,
    rows: impl Iterator<Item = (&'a str, i64, Value)>,
    params: &Params,
    path: &str,
) -> Result<Value, ApiError> {
    params.only(&[
        "payment_intent",
        "charge",
        "limit",
        "starting_after",
        "ending_before",
        "created[*]",
        "expand[]",
    ])?;
    if let Some(intent) = params.get("payment_intent") {
        ledger.intent(intent)?;
    }
    page(rows, params, path)
}

/// Settles a refund that was to settle later.
pub(crate) fn settle(ledger: &mut Ledger, id: &str) -> Result<Value, ApiError> {
    let refund = ledger.refunds.get_mut(id).ok_or_else(|| ApiError::missing("refund", "id", id))?;
    let Some(status) = refund.settles_to.take() else { return Ok(refund.to_json()) };
    refund.status = status;
    let (charge, amount) = (refund.charge.clone(), refund.amount);
    let json = refund.to_json();
    match status {
        RefundStatus::Failed => {
            if let Some(charge) = ledger.charges.get_mut(&charge) {
                charge.amount_refunded -= amount;
            }
            ledger.emit_refund("refund.failed", id);
        }
        RefundStatus::Succeeded | RefundStatus::Pending => {}
    }
    ledger.emit_refund("refund.updated", id);
    Ok(json)
}

/// Opens a dispute by the learner's bank over `amount` of `intent`, or over all of it; or only an inquiry.
pub(crate) fn open_dispute(
    ledger: &mut Ledger,
    intent: &str,
    amount: Option<i64>,
    is_inquiry: bool,
) -> Result<Value, ApiError> {
    let charge_id =
        ledger.intent(intent)?.latest_charge.clone().ok_or_else(|| {
            ApiError::invalid("payment_intent", "This PaymentIntent has no charge.".to_owned())
        })?;
    let charge =
        ledger.charges.get_mut(&charge_id).ok_or_else(|| ApiError::missing("charge", "id", &charge_id))?;
    charge.disputed = !is_inquiry;
    let dispute = Dispute {
        id: ids::new_id("dp"),
        charge: charge_id.clone(),
        intent: charge.intent.clone(),
        amount: amount.unwrap_or(charge.amount),
        currency: charge.currency.clone(),
        created: ids::now(),
        status: if is_inquiry { DisputeStatus::WarningNeedsResponse } else { DisputeStatus::NeedsResponse },
        is_inquiry,
    };
    let json = dispute.to_json();
    ledger.disputes.insert(&dispute.id.clone(), dispute);
    ledger.emit("charge.dispute.created", json.clone());
    if !is_inquiry {
        ledger.emit("charge.dispute.funds_withdrawn", json.clone());
    }
    Ok(json)
}

/// Sets the status of a dispute, as the bank reviews or decides it.
pub(crate) fn move_dispute(ledger: &mut Ledger, id: &str, status: DisputeStatus) -> Result<Value, ApiError> {
    let dispute = ledger
        .disputes
        .iter_mut()
        .find(|dispute| dispute.id == id)
        .ok_or_else(|| ApiError::missing("dispute", "id", id))?;
    dispute.status = status;
    // An inquiry without a satisfactory answer becomes a dispute.
    dispute.is_inquiry &= matches!(
        status,
        DisputeStatus::WarningNeedsResponse
            | DisputeStatus::WarningUnderReview
            | DisputeStatus::WarningClosed
            | DisputeStatus::Prevented
    );
    let (json, charge) = (dispute.to_json(), dispute.charge.clone());
    match status {
        DisputeStatus::WarningNeedsResponse | DisputeStatus::WarningUnderReview => {
            ledger.emit("charge.dispute.updated", json.clone());
        }
        DisputeStatus::NeedsResponse | DisputeStatus::UnderReview => {
            if let Some(charge) = ledger.charges.get_mut(&charge) {
                charge.disputed = true;
            }
            ledger.emit("charge.dispute.updated", json.clone());
        }
        DisputeStatus::WarningClosed
        | DisputeStatus::Prevented
        | DisputeStatus::Won
        | DisputeStatus::Lost => {
            if let Some(charge) = ledger.charges.get_mut(&charge) {
                charge.disputed = status == DisputeStatus::Lost;
            }
            if status == DisputeStatus::Won {
                ledger.emit("charge.dispute.funds_reinstated", json.clone());
            }
            ledger.emit("charge.dispute.closed", json.clone());
        }
    }
    Ok(json)
}

fn charge_to_refund<'a>(ledger: &'a Ledger, params: &Params) -> Result<&'a Charge, ApiError> {
    let id = match (params.get("payment_intent"), params.get("charge")) {
        (Some(intent), None) => ledger
            .intents
            .get(intent)
            .ok_or_else(|| ApiError::missing("payment_intent", "payment_intent", intent))?
            .latest_charge
            .as_deref(),
        (None, Some(charge)) => Some(charge),
        (None, None) => return Err(ApiError::missing_parameter("payment_intent")),
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: charge, payment_intent.".to_owned();
            return Err(ApiError::invalid("charge", message));
        }
    };
    let charge = id.and_then(|id| ledger.charges.get(id)).filter(|charge| charge.succeeded());
    charge.ok_or_else(|| {
        let message = "This PaymentIntent does not have a successful charge to refund.".to_owned();
        ApiError::invalid("payment_intent", message)
    })
}
