//! The books against Stripe's balance transactions, to the cent.
use super::{Difference, Report, Scope};
use crate::checkout::Checkout;
use crate::error::Error;
use crate::grants::Grants;
use crate::payments::{BalanceEntry, Moved, Payments};
use crate::store::LedgerSums;
use shared::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// What Stripe says that one payment intent has moved.
#[derive(Default)]
struct Told {
    sums: LedgerSums,
    charged_at: Option<Timestamp>,
    moved_at: Option<Timestamp>,
    currency: Option<shared::Currency>,
}

impl<P: Payments, G: Grants> Checkout<P, G> {
    /// Compares what each payment intent has moved, and writes down what Stripe has kept for it. What has moved since
    /// `started`, the whole comparison's begin, may be known to one side only, and is left to the next.
    pub(super) async fn compare_balance(
        &self,
        scope: Scope<'_>,
        started: Timestamp,
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut told = BTreeMap::<String, Told>::new();
        let mut page = None;
        loop {
            let balance = self.payments.balance_since(scope.since, page.as_deref()).await?;
            for entry in balance.entries {
                report.balance_transactions += 1;
                if scope.mends.is_some() {
                    self.store.book_fee(&entry).await?;
                }
                told.entry(entry.intent.clone()).or_default().add(&entry);
            }
            page = balance.next;
            if page.is_none() {
                break;
            }
        }
        // One that was charged before that time is told of in part.
        for (intent, Told { mut sums, charged_at, moved_at, currency }) in told {
            let Some(charged_at) = charged_at else { continue };
            // What comes back may be more than was taken, at another rate of exchange.
            sums.disputed = sums.disputed.max(0);
            let Some((reference, known, booked_at)) = self.store.ledger_of_intent(&intent).await? else {
                continue;
            };
            // Stripe tells whole seconds.
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

impl Told {
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
