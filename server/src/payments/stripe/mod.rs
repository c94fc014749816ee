//! Stripe: the only module that names its types.
mod balance;
mod errors;
mod methods;
mod permissions;
mod read;
mod sessions;
mod webhook;

use super::{
    BadWebhook, BalancePage, Intent, IntentPage, IntentTerms, Message, Payments, PaymentsError, RefundStatus,
    Reversals, Session, SessionTerms,
};
use crate::purchase::{IdempotencyKey, IntentId, Learner, Reference, SessionId};
use async_trait::async_trait;
pub use methods::form_options;

use errors::read_error;
use read::{disputed, is_refund, read_intent, refund_status};
use shared::{Currency, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use stripe::{Client, ClientBuilder, RequestStrategy, StripeError, StripeRequest};
use stripe_core::dispute::ListDispute;
use stripe_core::payment_intent::{
    CancelPaymentIntent, CreatePaymentIntent, CreatePaymentIntentAutomaticPaymentMethods, ListPaymentIntent,
    RetrievePaymentIntent, UpdatePaymentIntent,
};
use stripe_core::refund::{CreateRefund, ListRefund};
use stripe_types::{RangeBoundsTs, RangeQueryTs};

/// How many times a call is sent before it fails for now.
const TRIES: u32 = 3;
/// How many times it is sent while Stripe is still working on an earlier call with the same key.
const TRIES_WHILE_BUSY: u32 = 20;
/// The wait before the first retry; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(150);
const LONGEST_WAIT: Duration = Duration::from_millis(1200);
/// Stripe's largest page size.
const PAGE: i64 = 100;
/// The metadata field that carries our reference.
const REFERENCE: &str = "purchase";
/// The metadata field that carries the learner's external id.
const LEARNER: &str = "learner_external_id";
/// The metadata field that identifies a refund: its key, which begins with our reference.
const REFUND: &str = "refund";
/// Stripe's code if nothing is left to refund.
const ALL_REFUNDED: &str = "charge_already_refunded";
/// How many keys one refund may spend before it is left for later.
const MOST_SPENT: u32 = 3;

/// Stripe's API, and the secrets that sign its webhooks.
#[derive(Clone)]
pub struct Stripe {
    client: Client,
    secret_key: Arc<str>,
    timeout: Duration,
    webhook_secrets: Vec<String>,
}

impl Stripe {
    /// A client of `api_url` (Stripe itself if `None`). Fails if the key can't be sent as a header.
    pub fn new(
        secret_key: &str,
        api_url: Option<&str>,
        timeout: Duration,
        webhook_secrets: Vec<String>,
    ) -> anyhow::Result<Self> {
        let mut builder = ClientBuilder::new(secret_key).request_strategy(RequestStrategy::Once);
        if let Some(url) = api_url {
            builder = builder.url(format!("{}/", url.trim_end_matches('/')));
        }
        let client =
            builder.build().map_err(|_| anyhow::anyhow!("STRIPE_SECRET_KEY can't be used as a header"))?;
        Ok(Self { client, secret_key: secret_key.into(), timeout, webhook_secrets })
    }

    /// One page of the intents created from `from` to `to`, in seconds.
    async fn page(
        &self,
        from: i64,
        to: Option<i64>,
        after: Option<&IntentId>,
    ) -> Result<IntentPage, PaymentsError> {
        let created = RangeBoundsTs { gte: Some(from), lte: to, ..Default::default() };
        let mut request = ListPaymentIntent::new().created(RangeQueryTs::Bounds(created)).limit(PAGE);
        if let Some(after) = after {
            request = request.starting_after(after.as_str());
        }
        let page = self.send(&request, None).await?;
        let intents: Vec<_> = page.data.iter().map(read_intent).collect();
        let next = if page.has_more { intents.last().map(|intent| intent.id.clone()) } else { None };
        Ok(IntentPage { intents, next })
    }

    /// Refunds of one payment, the newest hundred.
    async fn refunds(&self, intent: &IntentId) -> Result<Vec<stripe_core::Refund>, PaymentsError> {
        Ok(self.send(&ListRefund::new().payment_intent(intent.as_str()).limit(PAGE), None).await?.data)
    }

    /// Sends a call up to [`TRIES`] times, or [`TRIES_WHILE_BUSY`] while an earlier one is under way, with the same key
    /// each time.
    async fn send<R>(&self, request: &R, key: Option<&IdempotencyKey>) -> Result<R::Output, PaymentsError>
    where
        R: StripeRequest + Sync,
        R::Output: miniserde::Deserialize + Send,
    {
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        loop {
            let strategy = match key {
                Some(key) => RequestStrategy::Idempotent(idempotency_key(key)?),
                None => RequestStrategy::Once,
            };
            let customized = request.customize().request_strategy(strategy).timeout(self.timeout);
            let answer = customized.send(&self.client).await;
            let busy = matches!(&answer, Err(StripeError::Stripe(_, 409)));
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => read_error(&error),
            };
            let again = matches!(error, PaymentsError::Transient { .. } | PaymentsError::Spent { .. });
            if !again || tries >= if busy { TRIES_WHILE_BUSY } else { TRIES } {
                return Err(error);
            }
            tracing::debug!(stripe.error = %error, stripe.tries = tries, "retrying a Stripe request");
            tokio::time::sleep(wait.mul_f64(rand::random_range(0.5..1.5))).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            tries += 1;
        }
    }
}

#[async_trait]
impl Payments for Stripe {
    async fn create(
        &self,
        terms: IntentTerms<'_>,
        window: (Timestamp, Timestamp),
    ) -> Result<Intent, PaymentsError> {
        let price = &terms.attempt.price;
        let request = CreatePaymentIntent::new(price.total, stripe_currency(price.currency))
            .automatic_payment_methods(CreatePaymentIntentAutomaticPaymentMethods::new(true))
            .receipt_email(terms.attempt.learner.email.as_str())
            .description(terms.attempt.title.as_deref().unwrap_or(terms.sku))
            .metadata(metadata(terms.reference, &terms.attempt.learner));
        let request = match &terms.attempt.methods {
            Some(offered) => methods::restrict_new_intent(request, offered),
            None => request,
        };
        match self.send(&request, Some(&terms.attempt.key)).await {
            Ok(intent) => Ok(read_intent(&intent)),
            // Stripe may have done the work and failed to say so.
            Err(error @ (PaymentsError::Transient { .. } | PaymentsError::Spent { .. })) => {
                match self.find(terms.reference, window).await {
                    Ok(Some(intent)) => Ok(intent),
                    Ok(None) => Err(error),
                    // We don't know whether it did: the key must stay the same.
                    Err(_) => Err(PaymentsError::transient(error.to_string())),
                }
            }
            Err(
                error @ (PaymentsError::OtherState
                | PaymentsError::EmailRefused
                | PaymentsError::Missing
                | PaymentsError::Permanent { .. }),
            ) => Err(error),
        }
    }

    async fn update(&self, intent: &IntentId, terms: IntentTerms<'_>) -> Result<Intent, PaymentsError> {
        let request = UpdatePaymentIntent::new(intent.as_str())
            .amount(terms.attempt.price.total)
            .receipt_email(terms.attempt.learner.email.as_str());
        let request = match &terms.attempt.methods {
            Some(offered) => methods::restrict_existing_intent(request, offered),
            None => request,
        };
        self.send(&request, None).await.map(|intent| read_intent(&intent))
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, PaymentsError> {
        self.send(&RetrievePaymentIntent::new(intent.as_str()), None).await.map(|intent| read_intent(&intent))
    }

    async fn find(
        &self,
        reference: &Reference,
        window: (Timestamp, Timestamp),
    ) -> Result<Option<Intent>, PaymentsError> {
        let (from, to) = seconds_around(window);
        let mut after = None;
        loop {
            let page = self.page(from, Some(to), after.as_ref()).await?;
            let found = page.intents.into_iter().find(|intent| intent.reference.as_ref() == Some(reference));
            if found.is_some() || page.next.is_none() {
                return Ok(found);
            }
            after = page.next;
        }
    }

    async fn created_since(
        &self,
        since: Timestamp,
        after: Option<&IntentId>,
    ) -> Result<IntentPage, PaymentsError> {
        self.page(since.as_millis() / 1000, None, after).await
    }

    async fn balance_since(
        &self,
        since: Timestamp,
        page: Option<&str>,
    ) -> Result<BalancePage, PaymentsError> {
        self.balance_page(since, page).await
    }

    async fn cancel(&self, intent: &IntentId) -> Result<Intent, PaymentsError> {
        self.send(&CancelPaymentIntent::new(intent.as_str()), None).await.map(|intent| read_intent(&intent))
    }

    async fn create_session(
        &self,
        terms: SessionTerms<'_>,
        window: (Timestamp, Timestamp),
    ) -> Result<Session, PaymentsError> {
        self.make_session(terms, window).await
    }

    async fn retrieve_session(&self, session: &SessionId) -> Result<Session, PaymentsError> {
        self.ask_for_session(session).await
    }

    async fn find_session(
        &self,
        reference: &Reference,
        window: (Timestamp, Timestamp),
    ) -> Result<Option<Session>, PaymentsError> {
        self.search_session(reference, window).await
    }

    async fn expire_session(&self, session: &SessionId) -> Result<Session, PaymentsError> {
        self.close_session(session).await
    }

    async fn refund(
        &self,
        intent: &IntentId,
        amount: Option<i64>,
        key: &IdempotencyKey,
    ) -> Result<RefundStatus, PaymentsError> {
        let mut request = CreateRefund::new().payment_intent(intent.as_str());
        if let Some(amount) = amount {
            request = request.amount(amount);
        }
        let request = request.metadata(HashMap::from([(REFUND.to_owned(), key.to_string())]));
        for spent in 0..MOST_SPENT {
            // Stripe forgets a key after a day, and a retry may come later than that.
            let refunds = self.refunds(intent).await?;
            if let Some(made) = refunds.iter().find(|refund| is_refund(refund, key)) {
                return Ok(refund_status(made.status.as_deref()));
            }
            let key = if spent == 0 { key.clone() } else { key.followed_by(spent) };
            match self.send(&request, Some(&key)).await {
                Err(PaymentsError::Spent { message }) => {
                    tracing::warn!(
                        stripe.error = message,
                        "refund's idempotency key is used up; retrying with the next one"
                    );
                }
                // Someone refunded all of it in the dashboard.
                Err(PaymentsError::Permanent { code }) if amount.is_none() && code == ALL_REFUNDED => {
                    return Ok(RefundStatus::Succeeded);
                }
                outcome => return Ok(refund_status(outcome?.status.as_deref())),
            }
        }
        Err(PaymentsError::transient("Stripe keeps failing"))
    }

    fn read_message(&self, body: &str, signature: Option<&str>) -> Result<Message, BadWebhook> {
        webhook::read(body, signature, &self.webhook_secrets)
    }

    async fn missing_permissions(&self) -> Vec<&'static str> {
        self.find_missing_permissions().await
    }

    async fn reversals(&self, intent: &IntentId) -> Result<Reversals, PaymentsError> {
        let refunds = self.refunds(intent).await?;
        let disputes =
            self.send(&ListDispute::new().payment_intent(intent.as_str()).limit(PAGE), None).await?;
        let sum_of = |status: RefundStatus| {
            let counted = refunds.iter().filter(|refund| refund_status(refund.status.as_deref()) == status);
            counted.map(|refund| refund.amount).sum()
        };
        Ok(Reversals {
            refunded: sum_of(RefundStatus::Succeeded),
            failed: sum_of(RefundStatus::Failed),
            dispute: disputed(&disputes.data),
        })
    }
}

/// `window` in seconds, widened because clocks differ and a call may be on its way for a while.
fn seconds_around(window: (Timestamp, Timestamp)) -> (i64, i64) {
    (window.0.as_millis() / 1000 - 60, window.1.as_millis() / 1000 + 600)
}

fn idempotency_key(key: &IdempotencyKey) -> Result<stripe::IdempotencyKey, PaymentsError> {
    let key = stripe::IdempotencyKey::new(key.as_str());
    key.map_err(|_| PaymentsError::Permanent { code: "idempotency_key".to_owned() })
}

fn stripe_currency(currency: Currency) -> stripe_types::Currency {
    match currency.as_str().parse() {
        Ok(currency) => currency,
        Err(never) => match never {},
    }
}

/// Our reference, and the learner's id at the issuer that signed them in. Stripe compares the parameters of a repeat,
/// but not their order.
fn metadata(reference: &Reference, learner: &Learner) -> HashMap<String, String> {
    let learner = learner.external_id.clone().map(|id| (LEARNER.to_owned(), id));
    std::iter::once((REFERENCE.to_owned(), reference.as_str().to_owned())).chain(learner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stripe's client has its own enum, older than Stripe's list: it lacks currencies with three decimals and new
    /// ones, and still has a few that have been withdrawn.
    #[test]
    fn every_currency_that_stripes_client_knows_is_in_our_table() {
        let ended = ["eek", "hrk", "ltl", "lvl", "mro", "sll", "svc", "vef"];
        let newer = ["bhd", "jod", "kwd", "omr", "sle", "tnd"];
        for code in all_codes() {
            let currency = Currency::parse(&code).unwrap();
            let is_known = !matches!(stripe_currency(currency), stripe_types::Currency::Unknown(_));
            let expected = (is_known || newer.contains(&code.as_str())) && !ended.contains(&code.as_str());
            assert_eq!(currency.charges().is_some(), expected, "{code}");
        }
    }

    fn all_codes() -> impl Iterator<Item = String> {
        let letters = || 'a'..='z';
        letters().flat_map(move |a| {
            letters().flat_map(move |b| letters().map(move |c| [a, b, c].iter().collect()))
        })
    }
}
