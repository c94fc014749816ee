//! Handles Stripe's webhooks: stored as received, in the transaction that applies them.
use super::Checkout;
use crate::error::Error;
use crate::fault_injection::{Step, reach};
use crate::payments::{BadWebhook, IntentStatus, Message, News};
use crate::purchase::{Event, PurchaseId};
use crate::quiet::Quiet;
use crate::store::{StoreError, StoredEvent, Tx};
use std::sync::atomic::Ordering;

/// Consecutive refused webhooks after which operators are alerted.
const IN_A_ROW: u32 = 5;

impl Checkout {
    /// Applies a message once, however often and in whatever order it arrives. A message that is not ours, is unknown
    /// or can't be applied is stored and acknowledged, so that it never blocks the next.
    pub async fn take_webhook(&self, body: &str, signature: Option<&str>) -> Result<(), Error> {
        let message = match self.payments.read_message(body, signature) {
            Ok(message) => message,
            Err(refusal) => {
                self.count_refused_webhook(refusal);
                return Err(refusal.into());
            }
        };
        self.refused_webhooks.store(0, Ordering::Relaxed);
        let kept = StoredEvent {
            id: &message.id,
            kind: &message.kind,
            object_id: message.object_id.as_deref(),
            body,
        };
        match self.apply_message(&message, &kept).await {
            Err(Error::Store(StoreError::Corrupt(error))) => {
                tracing::error!(stripe.event = message.id, %error, "failed to apply a webhook; kept for manual review");
                let mut tx = self.store.begin().await?;
                tx.keep_event(&kept, None, "failed", self.now()).await?;
                Ok(tx.commit().await?)
            }
            outcome => outcome,
        }
    }

    /// A single one may come from anyone. Many in a row, without a valid one, come from Stripe with a secret that we
    /// don't have.
    fn count_refused_webhook(&self, refusal: BadWebhook) {
        static REFUSED: Quiet = Quiet::new();
        if let Some(more) = REFUSED.speak() {
            tracing::warn!(%refusal, more, "webhook rejected");
        }
        let refused = self.refused_webhooks.fetch_add(1, Ordering::Relaxed) + 1;
        if refused == IN_A_ROW {
            tracing::error!(
                alert = true,
                refused,
                "rejected several webhooks in a row: check STRIPE_WEBHOOK_SECRETS against Stripe's dashboard, and this machine's clock"
            );
        }
    }

    async fn apply_message(&self, message: &Message, kept: &StoredEvent<'_>) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let (purchase, events) = purchase_and_events(&mut tx, &message.news).await?;
        let outcome = match (&purchase, &message.news) {
            (Some(_), _) => "applied",
            (None, News::Other) => "not_needed",
            (None, _) => "not_ours",
        };
        // A message may contain personal data: its body is stored only for our purchases, and not for an erased
        // learner.
        let may_keep_body = match &purchase {
            Some(id) => tx.lock(id).await?.owner().is_some(),
            None => false,
        };
        let kept = StoredEvent { body: if may_keep_body { kept.body } else { "" }, ..kept.clone() };
        if !tx.keep_event(&kept, purchase.as_ref(), outcome, now).await? {
            // The transaction that stored it may not be durable yet: the commit waits for it.
            tx.commit().await?;
            tracing::debug!(stripe.event = message.id, "duplicate webhook ignored");
            return Ok(());
        }
        if let (Some(purchase), News::FraudWarning { kind, .. }) = (&purchase, &message.news) {
            tx.audit("Stripe", "early fraud warning", Some(purchase), kind, now).await?;
            tracing::error!(
                alert = true,
                purchase = purchase.as_str(),
                kind,
                "Stripe sent an early fraud warning: refund the payment before it is disputed, or verify that it is legitimate"
            );
        }
        if let Some(purchase) = &purchase {
            for event in events {
                match self.rules.apply_in(&mut tx, purchase, event, now).await {
                    Ok(_) => {}
                    Err(Error::Refused(refusal)) => {
                        tracing::warn!(stripe.event = message.id, ?refusal, "purchase rejected a webhook");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        reach(Step::WebhookStored, "");
        tx.commit().await?;
        reach(Step::WebhookCommitted, "");
        tracing::info!(stripe.event = message.id, stripe.kind = message.kind, outcome, "webhook processed");
        Ok(())
    }
}

/// The purchase that the news is about, and the events that follow.
async fn purchase_and_events(
    tx: &mut Tx,
    news: &News,
) -> Result<(Option<PurchaseId>, Vec<Event>), StoreError> {
    let (intent, reference, any, events) = match news {
        News::Intent(intent) => {
            let paid = intent.status == IntentStatus::Succeeded;
            (Some(&intent.id), intent.reference.as_ref(), paid, intent.events().to_vec())
        }
        News::Unclear { intent, reference } => {
            (intent.as_ref(), reference.as_ref(), true, vec![Event::StripeHadNews { intent: intent.clone() }])
        }
        News::FraudWarning { intent, .. } => (Some(intent), None, true, vec![]),
        News::Other => return Ok((None, vec![])),
    };
    Ok((tx.purchase_of_intent(intent, reference, any).await?, events))
}
