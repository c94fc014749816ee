//! Creates or updates the payment intent when the learner presses Pay.
use super::{Checkout, IdempotencyKey, learner};
use crate::abuse::Client;
use crate::error::Error;
use crate::fault_injection::{Step, reach};
use crate::payments::{Intent, IntentStatus, IntentTerms, PaymentsError};
use crate::purchase::{Attempt, Event, IntentId, Learner, PaymentPath, Purchase, PurchaseId, Refusal};
use shared::{Pay, PayAnswer, State};
use std::time::Duration;
use tokio::time::timeout;

/// How long Stripe may take, including retries: we answer before the page times out.
const STRIPE_TIMEOUT: Duration = Duration::from_secs(12);

/// The context of a press of Pay, besides the request itself.
#[derive(Clone, Debug)]
pub struct PayContext {
    pub client: Client,
    /// The token that the challenge's script returned when it was passed.
    pub challenge_answer: Option<String>,
    /// The language of emails to them, if emails are sent.
    pub lang: Option<String>,
}

/// A press of Pay.
pub(super) struct Press {
    pub(super) learner: Learner,
    /// Minor units that the learner was shown.
    pub(super) expected_total: i64,
    pub(super) path: PaymentPath,
}

/// The outcome of a press of Pay.
pub(super) enum Submitted {
    /// Stripe has to be called next.
    Now(Box<Purchase>),
    /// The same request was answered before, with this intent.
    Before(IntentId),
    /// There is nothing to pay.
    NothingDue,
}

/// Gives up on what Stripe prepares after [`STRIPE_TIMEOUT`].
pub(super) async fn in_time<T>(
    preparing: impl Future<Output = Result<T, PaymentsError>>,
) -> Result<T, PaymentsError> {
    let late = |_| Err(PaymentsError::transient("Stripe took too long"));
    timeout(STRIPE_TIMEOUT, preparing).await.unwrap_or_else(late)
}

impl Checkout {
    /// Returns what Stripe.js needs to confirm the payment. Repeating it is safe: there is one intent.
    pub async fn pay(
        &self,
        id: &PurchaseId,
        request: Pay,
        key: Option<IdempotencyKey>,
        context: &PayContext,
    ) -> Result<PayAnswer, Error> {
        self.admit_to(id, &context.client)?;
        let known = self.store.purchase(id).await?;
        let learner = learner::payer(&known, &request.email, request.name)?;
        let press = Press { learner, expected_total: request.expected_total, path: PaymentPath::Inline };
        let purchase = match self.submit(&known, press, key, context).await? {
            Submitted::Now(purchase) => purchase,
            Submitted::Before(intent) => {
                let intent = self.payments.retrieve(&intent).await?;
                let purchase = self.record_intent(id, &intent).await?;
                return self.confirmation(intent, &purchase);
            }
            Submitted::NothingDue => return Ok(PayAnswer::Settled { state: State::Paid }),
        };
        let intent = match in_time(self.prepare_intent(&purchase)).await {
            Ok(intent) => intent,
            Err(error) => return Err(self.not_prepared(id, error).await?),
        };
        reach(Step::IntentMade, "");
        let purchase = self.record_intent(id, &intent).await?;
        // Two presses with different keys may have created two intents: the recorded one counts.
        let intent = match purchase.intent() {
            Some(recorded) if *recorded != intent.id => self.payments.retrieve(recorded).await?,
            _ => intent,
        };
        let payable =
            matches!(purchase.state(), State::Held | State::Paying) && !purchase.is_cancel_requested();
        match intent.status {
            IntentStatus::Open | IntentStatus::ActionRequired if payable => {
                self.confirmation(intent, &purchase)
            }
            IntentStatus::Open
            | IntentStatus::ActionRequired
            | IntentStatus::Processing
            | IntentStatus::Succeeded
            | IntentStatus::Canceled => Err(Refusal::Ended.into()),
        }
    }

    /// If Stripe created nothing, the next press is a new request. A way to pay is recorded before it is handed out:
    /// without a record, nothing can have been charged.
    pub(super) async fn not_prepared(&self, id: &PurchaseId, error: PaymentsError) -> Result<Error, Error> {
        let purchase = match error {
            PaymentsError::Spent { .. }
            | PaymentsError::EmailRefused
            | PaymentsError::Missing
            | PaymentsError::Permanent { .. } => self.apply(id, Event::IntentNotCreated).await?,
            PaymentsError::Transient { .. } | PaymentsError::OtherState => self.store.purchase(id).await?,
        };
        Ok(if purchase.has_way_to_pay() { Error::Payments(error) } else { Error::NotCharged(error) })
    }

    fn confirmation(&self, intent: Intent, purchase: &Purchase) -> Result<PayAnswer, Error> {
        let secret =
            intent.client_secret.ok_or(PaymentsError::transient("Stripe's answer has no client secret"))?;
        Ok(PayAnswer::Confirm {
            client_secret: secret.reveal().to_owned(),
            publishable_key: self.publishable_key.to_string(),
            price: purchase.price().clone(),
        })
    }

    /// Records the press of Pay before Stripe is called, so that a crash in between loses nothing.
    pub(super) async fn submit(
        &self,
        known: &Purchase,
        press: Press,
        key: Option<IdempotencyKey>,
        context: &PayContext,
    ) -> Result<Submitted, Error> {
        let Press { learner, expected_total, path } = press;
        self.admit_press(known, &learner.email, context).await?;
        let (id, now) = (known.id(), self.now());
        let mut tx = self.store.begin().await?;
        let repeated = match &key {
            // The answer to a repeat is the same intent, retrieved again: no secret is stored.
            Some(key) => key.claim(&mut tx, id.as_str(), now).await?.is_some(),
            None => false,
        };
        let purchase = tx.lock(id).await?;
        if !repeated {
            self.count_press(&mut tx, &context.client, &learner.email, now).await?;
            self.redeem_for_payer(&mut tx, &purchase, &learner.email).await?;
            // A signed-in learner can be told on the page. Anyone else's address is unverified, so what it already has
            // is told only by email to that address.
            let is_reminded =
                purchase.signed_in().is_none() && purchase.price().total > 0 && !purchase.is_for_team();
            if let Some(lang) = context.lang.as_deref().filter(|_| is_reminded) {
                tx.remind_of_access(&purchase, &learner, lang, now).await?;
            }
        }
        let title = self.title_of(&purchase);
        let methods = Some(self.methods.offered(purchase.is_seated()));
        let attempt_key =
            crate::purchase::IdempotencyKey::new(format!("pay-{:032x}", rand::random::<u128>()));
        let event = Event::PaySubmitted { learner, expected_total, key: attempt_key, title, methods, path };
        let refusal = match self.rules.apply_in(&mut tx, id, event, now).await {
            Ok(purchase) => {
                reach(Step::PayStored, "");
                tx.commit().await?;
                reach(Step::PayCommitted, "");
                let settled = purchase.state() == State::Paid;
                return Ok(if settled { Submitted::NothingDue } else { Submitted::Now(Box::new(purchase)) });
            }
            Err(Error::Refused(refusal)) => refusal,
            Err(error) => return Err(error),
        };
        tx.rollback().await?;
        if refusal == Refusal::HoldExpired {
            // The sweep would expire it soon; until then the seat would be shown as taken.
            self.apply(id, Event::Woken).await?;
        }
        let purchase = self.store.purchase(id).await?;
        let settled = matches!(purchase.state(), State::Paid | State::Granted);
        match purchase.intent() {
            _ if settled && purchase.price().total == 0 => Ok(Submitted::NothingDue),
            Some(intent) if repeated => Ok(Submitted::Before(intent.clone())),
            _ => Err(refusal.into()),
        }
    }

    /// The title in the catalogue; `None` if the offering was removed from it.
    fn title_of(&self, purchase: &Purchase) -> Option<String> {
        self.catalog.get().find(purchase.sku()).map(|item| item.title.clone())
    }

    async fn prepare_intent(&self, purchase: &Purchase) -> Result<Intent, PaymentsError> {
        let (Some(frozen), Some(learner)) = (purchase.attempt(), purchase.learner()) else {
            return Err(PaymentsError::OtherState);
        };
        // A setting that has become stricter applies to existing attempts, too: pages that are loaded now offer no
        // more.
        let offered = self.methods.offered(purchase.is_seated());
        let methods = if offered.delayed { frozen.methods.clone() } else { Some(offered) };
        let wanted =
            Attempt { price: purchase.price().clone(), learner: learner.clone(), methods, ..frozen.clone() };
        let terms = |attempt| IntentTerms { reference: purchase.reference(), sku: purchase.sku(), attempt };
        let intent = match purchase.intent() {
            Some(intent) => intent.clone(),
            None => {
                let created = self.payments.create(terms(frozen), purchase.intent_window()).await?;
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
