//! Compares the ledger with Stripe's balance transactions, to the cent.
use super::{Difference, Report, Scope};
use crate::checkout::Checkout;
use crate::error::Error;
use crate::payments::{BalanceEntry, Moved};
use crate::purchase::IntentId;
use crate::store::LedgerSums;
use shared::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// The money one payment intent has moved, according to Stripe.
#[derive(Default)]
struct IntentBalance {
    sums: LedgerSums,
    charged_at: Option<Timestamp>,
    moved_at: Option<Timestamp>,
    currency: Option<shared::Currency>,
}

impl Checkout {
    /// Compares what each payment intent has moved, and books Stripe's fees. What has moved since `started`, when the
    /// whole comparison began, may be known to one side only, and is left to the next run.
    pub(super) async fn compare_balance(
        &self,
        scope: Scope<'_>,
        started: Timestamp,
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut balances = BTreeMap::<IntentId, IntentBalance>::new();
        let mut page = None;
        loop {
            let balance = self.payments.balance_since(scope.since, page.as_deref()).await?;
            for entry in balance.entries {
                report.balance_transactions += 1;
                if scope.mends.is_some() {
                    self.store.book_fee(&entry).await?;
                }
                balances.entry(entry.intent.clone()).or_default().add(&entry);
            }
            page = balance.next;
            if page.is_none() {
                break;
            }
        }
        // An intent that was charged before `since` is listed only in part.
        for (intent, IntentBalance { mut sums, charged_at, moved_at, currency }) in balances {
            let Some(charged_at) = charged_at else { continue };
            // More may come back than was taken, at a different exchange rate.
            sums.disputed = sums.disputed.max(0);
            let Some((reference, known, booked_at)) = self.store.ledger_of_intent(&intent).await? else {
                continue;
            };
            // Stripe's times are whole seconds.
            let moved_at = moved_at.map(|at| at.plus(Duration::from_secs(1))).max(Some(booked_at));
            if known != sums && moved_at < Some(started) {
                let day: String = charged_at.to_string().chars().take(10).collect();
                let currency = currency.map_or("?".to_owned(), |currency| currency.as_str().to_owned());
                let detail = format!(
                    "{day}, {currency}, {intent}: Stripe's balance has {sums}, the books have {known}, in minor units"
                );
                report.add(&reference, Difference::Books, detail, false);
            }
        }
        Ok(())
    }
}

impl IntentBalance {
    fn add(&mut self, entry: &BalanceEntry) {
        self.moved_at = self.moved_at.max(Some(entry.at));
        match entry.moved {
            Moved::Charged => {
                self.sums.charged += entry.amount;
                (self.charged_at, self.currency) = (Some(entry.at), entry.currency);
            }
            Moved::Refunded => self.sums.refunded += entry.amount,
            Moved::Disputed => self.sums.disputed += entry.amount,
            Moved::DisputeWon => self.sums.disputed -= entry.amount,
            Moved::Nothing => {}
        }
    }
}
