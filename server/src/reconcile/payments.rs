//! Paid here and not there, there and not here, amounts and refunds.
use super::{Difference, Report, Scope, readable};
use crate::checkout::Checkout;
use crate::error::Error;
use crate::grants::Grants;
use crate::payments::{Intent, IntentStatus, Payments, PaymentsError, TakenBack};
use crate::purchase::{Dispute, Purchase, PurchaseId};
use crate::store::StoreError;
use shared::Money;
use std::collections::HashSet;

impl<P: Payments, G: Grants> Checkout<P, G> {
    /// What Stripe says of one of its payment intents, against the purchase that it names.
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
        let younger;
        let intent = if purchase.was_paid() && intent.status != IntentStatus::Succeeded {
            // Paid since it was listed, perhaps.
            younger = self.payments.retrieve(&intent.id).await?;
            &younger
        } else {
            intent
        };
        let taken_back = match intent.status {
            IntentStatus::Succeeded => self.payments.taken_back(&intent.id).await?,
            IntentStatus::Open
            | IntentStatus::ActionRequired
            | IntentStatus::Processing
            | IntentStatus::Canceled => TakenBack::default(),
        };
        // What was had for nothing was not paid with the intent from before.
        if purchase.intent().is_some_and(|recorded| recorded != intent.id) || purchase.is_settled_free() {
            return self.compare_stray(&purchase, intent, taken_back, scope, report).await;
        }
        if purchase.was_paid() && intent.status != IntentStatus::Succeeded {
            let detail = format!("paid here, while {} is {:?} at Stripe", intent.id, intent.status);
            report.add(reference, Difference::NotThere, detail, false);
            return Ok(());
        }
        let events: Vec<_> = intent.events().into_iter().chain(taken_back.events()).collect();
        // The machine itself says what it would learn from this.
        let mut told = purchase.clone();
        for event in events.clone() {
            told.handle(event, self.now(), self.store.limits())?;
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

    /// Money that a second intent took goes back.
    async fn compare_stray(
        &self,
        purchase: &Purchase,
        intent: &Intent,
        taken_back: TakenBack,
        scope: Scope<'_>,
        report: &mut Report,
    ) -> Result<(), Error> {
        if intent.received <= taken_back.refunded
            || taken_back.dispute.is_some_and(|dispute| dispute.standing == Dispute::Lost)
        {
            return Ok(());
        }
        let detail = format!("{} was paid beside the purchase's own payment intent", intent.id);
        if let Some(who) = scope.mends {
            self.mend(purchase, intent.events().to_vec(), None, who, &detail).await?;
        }
        report.add(purchase.reference(), Difference::Stray, detail, scope.mends.is_some());
        Ok(())
    }

    /// What is charged and refunded is what the books add up to.
    pub(super) async fn compare_books(&self, id: &PurchaseId, report: &mut Report) -> Result<(), Error> {
        let Some((purchase, charged, refunded)) = self.store.purchase_in_books(id).await? else {
            return Ok(());
        };
        let differs = (charged, refunded) != (purchase.charged(), purchase.refunded());
        if differs && !report.is_named(purchase.reference()) {
            let detail = format!(
                "{} charged and {} refunded by the books, {} and {} by the purchase",
                money(&purchase, charged),
                money(&purchase, refunded),
                money(&purchase, purchase.charged()),
                money(&purchase, purchase.refunded())
            );
            report.add(purchase.reference(), Difference::Books, detail, false);
        }
        Ok(())
    }

    /// A purchase whose payment intent was not among those of the time: created earlier, or not there at all.
    pub(super) async fn compare_unseen(
        &self,
        purchase: &Purchase,
        seen: &HashSet<String>,
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
