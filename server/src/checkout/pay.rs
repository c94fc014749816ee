//! Creates or updates the payment intent when the learner presses Pay.
use super::{Checkout, IdempotencyKey};
use crate::clock;
use crate::error::Error;
use crate::grants::Grants;
use crate::payments::{Intent, IntentStatus, IntentTerms, Payments, PaymentsError};
use crate::purchase::{Attempt, Event, Learner, Purchase, PurchaseId, Refusal};
use shared::{Email, Pay, PayAnswer, State};

impl<P: Payments, G: Grants> Checkout<P, G> {
    /// Hands out what Stripe.js needs to confirm the payment. Repeating it is safe: there is one intent.
    pub async fn pay(
        &self,
        id: &PurchaseId,
        request: Pay,
        key: Option<IdempotencyKey>,
    ) -> Result<PayAnswer, Error> {
        let learner = Learner {
            email: Email::parse(&request.email).map_err(|_| Error::InvalidEmail)?,
            name: parse_name(request.name)?,
        };
        let purchase = self.submit(id, learner, request.expected_total, key).await?;
        match purchase.state() {
            State::Paid | State::Granted => return Ok(PayAnswer::Settled { state: State::Paid }),
            State::Held
            | State::Paying
            | State::Processing
            | State::Expired
            | State::Canceled
            | State::Refunding
            | State::Refunded => {}
        }
        let intent = match self.prepare_intent(&purchase).await {
            Ok(intent) => intent,
            Err(error) => {
                if matches!(error, PaymentsError::Spent { .. }) {
                    self.store.apply(id, Event::IntentNotCreated, clock::now()).await??;
                }
                return Err(error.into());
            }
        };
        let purchase = self.learn(id, &intent).await?;
        let payable = matches!(purchase.state(), State::Held | State::Paying) && !purchase.is_ending();
        match (intent.status, intent.client_secret) {
            (IntentStatus::Open | IntentStatus::ActionRequired, Some(secret)) if payable => {
                Ok(PayAnswer::Confirm {
                    client_secret: secret.reveal().to_owned(),
                    publishable_key: self.publishable_key.to_string(),
                    price: purchase.price().clone(),
                })
            }
            (IntentStatus::Open | IntentStatus::ActionRequired, None) if payable => {
                Err(PaymentsError::transient("Stripe's answer has no client secret").into())
            }
            _ => Err(Refusal::Ended.into()),
        }
    }

    /// The purchase takes note before Stripe hears of it, so that a crash in between forgets nothing.
    async fn submit(
        &self,
        id: &PurchaseId,
        learner: Learner,
        expected_total: i64,
        key: Option<IdempotencyKey>,
    ) -> Result<Purchase, Error> {
        let now = clock::now();
        let mut tx = self.store.begin().await?;
        if let Some(key) = &key {
            // What a repeat is answered is the same intent, asked for again: no secret is stored.
            key.claim(&mut tx, id.as_str()).await?;
        }
        let attempt_key = format!("pay-{:032x}", rand::random::<u128>());
        let event = Event::PaySubmitted { learner, expected_total, key: attempt_key };
        match tx.apply(id, event, now).await? {
            Ok(purchase) => {
                tx.commit().await?;
                Ok(purchase)
            }
            Err(refusal) => {
                drop(tx);
                let purchase = self.store.purchase(id).await?;
                let settled = matches!(purchase.state(), State::Paid | State::Granted);
                if settled && purchase.price().total == 0 { Ok(purchase) } else { Err(refusal.into()) }
            }
        }
    }

    async fn prepare_intent(&self, purchase: &Purchase) -> Result<Intent, PaymentsError> {
        let (Some(frozen), Some(learner)) = (purchase.attempt(), purchase.learner()) else {
            return Err(PaymentsError::OtherState);
        };
        let wanted =
            Attempt { key: frozen.key.clone(), price: purchase.price().clone(), learner: learner.clone() };
        let terms = |attempt| IntentTerms { reference: purchase.reference(), sku: purchase.sku(), attempt };
        let intent = match purchase.intent() {
            Some(intent) => intent.to_owned(),
            None => {
                let created = self.payments.create(terms(frozen), purchase.opened_at()).await?;
                if *frozen == wanted {
                    return Ok(created);
                }
                created.id
            }
        };
        match self.payments.update(&intent, terms(&wanted)).await {
            Err(PaymentsError::OtherState) => self.payments.retrieve(&intent).await,
            outcome => outcome,
        }
    }
}

fn parse_name(name: Option<String>) -> Result<Option<String>, Error> {
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    match name {
        Some(name) if name.chars().count() > 200 || name.chars().any(char::is_control) => {
            let detail = "must be at most 200 characters, without line breaks".to_owned();
            Err(Error::Invalid { field: "name".to_owned(), detail })
        }
        name => Ok(name),
    }
}
