//! Compares what is stored here with Stripe and FlockJay, and repairs differences.
//!
//! Webhooks, the outbox and the sweep should leave nothing to find: any difference was lost by one of them, or made by
//! hand on the other side.

mod balance;
mod daily;
mod grants;
mod payments;

pub use daily::run_daily;

use crate::checkout::Checkout;
use crate::error::Error;
use crate::purchase::{Command, Event, Purchase, Reference};
use crate::store::StoreError;
use serde::Serialize;
use shared::Timestamp;
use std::collections::HashSet;

/// The options of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Compare purchases opened and payment intents created from this time on.
    pub since: Timestamp,
    /// The name for repairs in the audit trail. With `None`, nothing is repaired, and FlockJay is not asked.
    pub mends: Option<&'a str>,
}

/// The result of a comparison: how much was compared, and each difference.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub since: Timestamp,
    pub payment_intents: usize,
    pub purchases: usize,
    /// Movements of our Stripe balance that belong to payments.
    pub balance_transactions: usize,
    pub findings: Vec<Finding>,
}

/// One difference.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub reference: String,
    pub difference: Difference,
    /// For a person to read.
    pub detail: String,
    /// If not, a person must look.
    pub mended: bool,
}

/// The kind of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// Stripe knew more about the payment, or its refunds, than was known here.
    Payment,
    /// Stripe took money for a purchase that is unknown here.
    NotHere,
    /// Paid here, but not at Stripe.
    NotThere,
    /// Stripe charged a different amount than is known here.
    Amount,
    /// A second payment for one purchase.
    Stray,
    /// The ledger disagrees with the purchase, or with Stripe's balance.
    Books,
    /// Paid, but without access.
    Grant,
    /// Refunded, but still with access.
    Revocation,
}

/// Progress of the comparison.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// Payment intents compared so far; their total is not known in advance.
    Intents(usize),
    Purchases {
        done: usize,
        all: usize,
    },
}

impl Report {
    /// How many differences a person must look at.
    #[must_use]
    pub fn open(&self) -> usize {
        self.findings.iter().filter(|finding| !finding.mended).count()
    }

    /// Whether an open finding already names the purchase. One difference often causes another, so the ledger is
    /// reported only if nothing else is.
    fn is_named(&self, reference: &Reference) -> bool {
        self.findings.iter().any(|finding| !finding.mended && finding.reference == reference.as_str())
    }

    fn add(&mut self, reference: &Reference, difference: Difference, detail: String, mended: bool) {
        let reference = reference.as_str().to_owned();
        self.findings.push(Finding { reference, difference, detail, mended });
    }
}

impl Checkout {
    /// Goes through Stripe's payment intents, then our purchases, then Stripe's balance. Fails if Stripe, FlockJay or
    /// the database can't be reached; repairs made until then stay.
    pub async fn reconcile(
        &self,
        scope: Scope<'_>,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Report, Error> {
        let started = self.now();
        let mut report = Report {
            since: scope.since,
            payment_intents: 0,
            purchases: 0,
            balance_transactions: 0,
            findings: Vec::new(),
        };
        let mut seen = HashSet::new();
        let mut last = None;
        loop {
            let intents = self.payments.created_since(scope.since, last.as_ref()).await?;
            for intent in intents.intents {
                self.compare_intent(&intent, scope, &mut report).await?;
                report.payment_intents += 1;
                progress(Progress::Intents(report.payment_intents));
                seen.insert(intent.id);
            }
            last = intents.next;
            if last.is_none() {
                break;
            }
        }
        let purchases = self.store.opened_since(scope.since).await?;
        for id in &purchases {
            if let Some(purchase) = readable(self.store.purchase(id).await)? {
                self.compare_unseen(&purchase, &seen, scope, &mut report).await?;
                // Read again: the comparison with Stripe may have changed it.
                let purchase = self.store.purchase(id).await?;
                self.compare_grant(&purchase, scope, &mut report).await?;
                self.compare_books(id, &mut report).await?;
            }
            report.purchases += 1;
            progress(Progress::Purchases { done: report.purchases, all: purchases.len() });
        }
        self.compare_balance(scope, started, &mut report).await?;
        Ok(report)
    }

    /// Applies the events that the purchase missed, enqueues a lost command, and records who did so and why.
    async fn mend(
        &self,
        purchase: &Purchase,
        events: Vec<Event>,
        lost: Option<Command>,
        who: &str,
        detail: &str,
    ) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        for event in events {
            self.rules.apply_in(&mut tx, purchase.id(), event, now).await?;
        }
        if let Some(command) = lost {
            tx.enqueue(purchase.id(), &command, now).await?;
        }
        tx.audit(who, "reconcile", Some(purchase.id()), detail, now).await?;
        Ok(tx.commit().await?)
    }
}

/// A purchase that can't be read must not keep the others from being compared.
fn readable(purchase: Result<Purchase, StoreError>) -> Result<Option<Purchase>, StoreError> {
    match purchase {
        Err(StoreError::Corrupt(error)) => {
            tracing::error!(alert = true, %error, "failed to read a purchase; reconciliation skipped it");
            Ok(None)
        }
        outcome => outcome.map(Some),
    }
}
