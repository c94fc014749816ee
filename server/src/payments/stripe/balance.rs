//! Movements of our Stripe balance, from its balance transactions.
use super::read::of_dispute;
use super::{PAGE, Stripe};
use crate::payments::{BalanceEntry, BalancePage, Moved, PaymentsError};
use crate::purchase::IntentId;
use shared::{Currency, Timestamp};
use stripe_core::balance_transaction::ListBalanceTransaction;
use stripe_core::{BalanceTransaction, BalanceTransactionSource};
use stripe_types::{Expandable, RangeBoundsTs, RangeQueryTs};

impl Stripe {
    /// One page from `since` on, newest first.
    pub(super) async fn balance_page(
        &self,
        since: Timestamp,
        after: Option<&str>,
    ) -> Result<BalancePage, PaymentsError> {
        let created = RangeBoundsTs { gte: Some(since.as_millis() / 1000), ..Default::default() };
        let mut request = ListBalanceTransaction::new()
            .created(RangeQueryTs::Bounds(created))
            .expand(["data.source".to_owned()])
            .limit(PAGE);
        if let Some(after) = after {
            request = request.starting_after(after);
        }
        let page = self.send(&request, None).await?;
        let next = page.data.last().filter(|_| page.has_more).map(|last| last.id.to_string());
        Ok(BalancePage { entries: page.data.iter().filter_map(read).collect(), next })
    }
}

/// The movement of a payment; `None` for payouts and the like.
#[expect(clippy::wildcard_enum_match_arm, reason = "Stripe has over twenty kinds of source")]
fn read(transaction: &BalanceTransaction) -> Option<BalanceEntry> {
    let Some(Expandable::Object(source)) = &transaction.source else { return None };
    // Use the source's amounts, since the balance may be in another currency.
    let (intent, moved, amount, currency) = match &**source {
        BalanceTransactionSource::Charge(charge) => (
            charge.payment_intent.as_ref()?.id().to_string(),
            Moved::Charged,
            charge.amount,
            &charge.currency,
        ),
        BalanceTransactionSource::Refund(refund) => {
            let intent = refund.payment_intent.as_ref()?.id().to_string();
            // A refund under way may still fail, and a failed one has moved nothing in the end.
            let moved =
                if refund.status.as_deref() == Some("succeeded") { Moved::Refunded } else { Moved::Nothing };
            (intent, moved, refund.amount, &refund.currency)
        }
        BalanceTransactionSource::Dispute(dispute) => {
            let intent = dispute.payment_intent.as_ref()?.id().to_string();
            let moved = if transaction.amount < 0 { Moved::Disputed } else { Moved::DisputeWon };
            (intent, moved, of_dispute(dispute, transaction.amount).abs(), &dispute.currency)
        }
        _ => return None,
    };
    Some(BalanceEntry {
        id: transaction.id.to_string(),
        at: Timestamp::from_millis(transaction.created * 1000),
        intent: IntentId::new(intent),
        moved,
        amount,
        currency: Currency::parse(&currency.to_string()).ok(),
        fee: transaction.fee,
        fee_currency: transaction.currency.to_string(),
    })
}
