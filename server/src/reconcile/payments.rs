//! Compares payments with Stripe: paid on one side only, amounts and refunds.
use super::{Difference, Report, Scope, readable};
use crate::checkout::Checkout;
use crate::error::Error;
use crate::payments::{Intent, IntentStatus, PaymentsError, Reversals};
use crate::purchase::{Event, IntentId, Purchase, PurchaseId};
use crate::store::StoreError;
use shared::Money;
use std::collections::HashSet;

/// A purchase, and what Stripe says about one of its payment intents.
struct Look {
    intent: Intent,
    purchase: Purchase,
    /// The purchase after it has handled that.
    told: Purchase,
    events: Vec<Event>,
    reversals: Reversals,
}

impl Look {
    fn differs(&self) -> bool {
        let Self { intent, purchase, told, .. } = self;
        purchase.intent().is_some_and(|recorded| *recorded != intent.id)
            || purchase.is_settled_free()
            || (purchase.was_paid() && intent.status != IntentStatus::Succeeded)
            || told.version() != purchase.version()
            || (told.was_paid() && told.charged() != intent.received)
    }
}

impl Checkout {
    /// Compares one of Stripe's payment intents with the purchase that it names.
    pub(super) async fn compare_intent(
        &self,
        intent: &Intent,
        scope: Scope<'_>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let Some(reference) = &intent.reference else { return Ok(()) };
        let purchase = match readable(self.store.purchase_called(reference.as_str()).await) {
            Ok(Some(purchase)) => purchase,
            Ok(None) => return Ok(()),
            Err(StoreError::UnknownPurchase) => {
                if intent.status == IntentStatus::Succeeded {
                    let detail = format!("{} was paid, and no such purchase is stored here", intent.id);
                    report.add(reference, Difference::NotHere, detail, false);
                }
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let look = self.look(intent, purchase).await?;
        if !look.differs() {
            return Ok(());
        }
        // The listed intent and the stored purchase may be from different times: read both again, the purchase last.
        let intent = self.payments.retrieve(&intent.id).await?;
        let purchase = self.store.purchase(look.purchase.id()).await?;
        let Look { purchase, told, events, reversals, .. } = self.look(&intent, purchase).await?;
        // A purchase that was settled for free was not paid with its earlier intent.
        if purchase.intent().is_some_and(|recorded| *recorded != intent.id) || purchase.is_settled_free() {
            return self.compare_stray(&purchase, &intent, reversals, scope, report).await;
        }
        if purchase.was_paid() && intent.status != IntentStatus::Succeeded {
            let detail = format!("paid here, while {} is {:?} at Stripe", intent.id, intent.status);
            report.add(reference, Difference::NotThere, detail, false);
            return Ok(());
        }
        if told.version() != purchase.version() {
            let detail = difference(&purchase, &told);
            if let Some(who) = scope.mends {
                self.mend(&purchase, events, None, who, &detail).await?;
            }
            report.add(reference, Difference::Payment, detail, scope.mends.is_some());
        }
        if told.was_paid() && told.charged() != intent.received {
            let detail = format!(
                "Stripe took {}, and {} is known here",
                money(&purchase, intent.received),
                money(&purchase, told.charged())
            );
            report.add(reference, Difference::Amount, detail, false);
        }
        Ok(())
    }

    async fn look(&self, intent: &Intent, purchase: Purchase) -> Result<Look, Error> {
        let reversals = match intent.status {
            IntentStatus::Succeeded => self.payments.reversals(&intent.id).await?,
            IntentStatus::Open
            | IntentStatus::ActionRequired
            | IntentStatus::Processing
            | IntentStatus::Canceled => Reversals::default(),
        };
        let events: Vec<_> = intent.events().into_iter().chain(reversals.events()).collect();
        // The state machine itself shows what it would learn from this.
        let mut told = purchase.clone();
        for event in events.clone() {
            told.handle(event, self.now(), &self.rules.limits)?;
        }
        Ok(Look { intent: intent.clone(), purchase, told, events, reversals })
    }

    /// Reports money that a second intent took; a repair refunds it.
    async fn compare_stray(
        &self,
        purchase: &Purchase,
        intent: &Intent,
        reversals: Reversals,
        scope: Scope<'_>,
        report: &mut Report,
    ) -> Result<(), Error> {
        if intent.received <= reversals.refunded || intent.received <= reversals.refunded + reversals.lost() {
            return Ok(());
        }
        let detail = format!("{} was paid beside the purchase's own payment intent", intent.id);
        if let Some(who) = scope.mends {
            self.mend(purchase, intent.events().to_vec(), None, who, &detail).await?;
        }
        report.add(purchase.reference(), Difference::Stray, detail, scope.mends.is_some());
        Ok(())
    }

    /// Compares what a purchase's money has done with the sums in the ledger.
    pub(super) async fn compare_books(&self, id: &PurchaseId, report: &mut Report) -> Result<(), Error> {
        let Some((purchase, booked)) = self.store.purchase_in_books(id).await? else { return Ok(()) };
        let lacking = purchase.unbooked(booked);
        if !lacking.is_empty() && !report.is_named(purchase.reference()) {
            let lacking = lacking
                .iter()
                .map(|entry| format!("{} of {}", entry.movement.as_str(), money(&purchase, entry.amount)));
            let detail = format!(
                "the books have {} charged, {} refunded, {} disputed, and lack {}",
                money(&purchase, booked.charged),
                money(&purchase, booked.refunded),
                money(&purchase, booked.withdrawn),
                lacking.collect::<Vec<_>>().join(", ")
            );
            report.add(purchase.reference(), Difference::Books, detail, false);
        }
        Ok(())
    }

    /// Compares a purchase whose payment intent was not among those listed: created earlier, or missing at Stripe.
    pub(super) async fn compare_unseen(
        &self,
        purchase: &Purchase,
        seen: &HashSet<IntentId>,
        scope: Scope<'_>,
        report: &mut Report,
    ) -> Result<(), Error> {
        match purchase.intent() {
            Some(intent) if seen.contains(intent) => Ok(()),
            Some(intent) => match self.payments.retrieve(intent).await {
                Ok(intent) => self.compare_intent(&intent, scope, report).await,
                Err(PaymentsError::Missing) => {
                    if purchase.was_paid() {
                        let detail = format!("paid here, and Stripe has no {intent}");
                        report.add(purchase.reference(), Difference::NotThere, detail, false);
                    }
                    Ok(())
                }
                Err(error) => Err(error.into()),
            },
            None => {
                if purchase.was_paid() && purchase.price().total > 0 {
                    let detail = "paid here, without a payment intent".to_owned();
                    report.add(purchase.reference(), Difference::NotThere, detail, false);
                }
                Ok(())
            }
        }
    }
}

fn difference(before: &Purchase, after: &Purchase) -> String {
    if before.state() != after.state() {
        return format!("{} here, {} by what Stripe says", before.state(), after.state());
    }
    if before.refunded() != after.refunded() {
        let (here, there) = (money(before, before.refunded()), money(before, after.refunded()));
        return format!("{here} refunded here, {there} by what Stripe says");
    }
    format!("Stripe knows more of a payment that is {}", before.state())
}

fn money(purchase: &Purchase, amount: i64) -> String {
    Money { amount, currency: purchase.price().currency }.to_string()
}
