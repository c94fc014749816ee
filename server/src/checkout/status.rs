//! Reports the status of a purchase, asks Stripe on request, extends the hold, and cancels.
use super::Checkout;
use crate::abuse::Client;
use crate::error::Error;
use crate::purchase::{Event, Purchase, PurchaseId, Refusal};
use shared::State;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The longest that a request may wait for a change.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often a waiting request polls for changes by other instances.
const LOOK: Duration = Duration::from_secs(1);

impl Checkout {
    /// The purchase, as soon as its version is above `after`, or when `wait` is over.
    pub async fn status(
        &self,
        id: &PurchaseId,
        after: Option<i64>,
        wait: Duration,
    ) -> Result<Purchase, Error> {
        let after = after.unwrap_or(0);
        self.wait_until(id, wait.min(LONGEST_WAIT), |purchase| purchase.version() > after).await
    }

    /// The purchase, as soon as it is no longer paid without access, or when `wait` is over.
    pub async fn with_access(&self, id: &PurchaseId, wait: Duration) -> Result<Purchase, Error> {
        self.wait_until(id, wait, |purchase| purchase.state() != State::Paid).await
    }

    /// Asks Stripe, and applies the answer to the purchase. What the browser says is only a reason to ask.
    pub async fn refresh(&self, id: &PurchaseId, client: &Client) -> Result<Purchase, Error> {
        self.admit_to(id, client)?;
        let purchase = self.store.purchase(id).await?;
        // Once a purchase is over, Stripe has confirmed that nothing more will be paid.
        let waits = matches!(purchase.state(), State::Held | State::Paying | State::Processing);
        let has_question = purchase.checkout_session().is_some() || purchase.intent().is_some();
        if !waits || !has_question {
            return Ok(purchase);
        }
        let Some(ask) = self.asks.begin(id) else { return Ok(purchase) };
        let answered = match purchase.intent().filter(|_| purchase.checkout_session().is_none()) {
            Some(intent) => self.record_intent(id, &self.payments.retrieve(intent).await?).await?,
            None => self.ask_for_page(&purchase).await?,
        };
        if answered.version() == purchase.version() {
            ask.was_no_news();
        }
        Ok(answered)
    }

    /// Gives the learner five more minutes, once, if there is less than a minute left.
    pub async fn extend(&self, id: &PurchaseId, client: &Client) -> Result<Purchase, Error> {
        self.admit_to(id, client)?;
        self.apply(id, Event::ExtensionRequested).await
    }

    /// Cancels the purchase. If money may be on its way, Stripe has the last word: then the returned purchase may still
    /// be cancelling, or this fails with [`Refusal::Ended`] because it was paid.
    pub async fn cancel(&self, id: &PurchaseId) -> Result<Purchase, Error> {
        let purchase = self.apply(id, Event::CancelRequested).await?;
        if purchase.state() != State::Paying {
            return Ok(purchase);
        }
        let ended =
            self.wait_until(id, self.cancel_timeout, |purchase| purchase.state() != State::Paying).await?;
        match ended.state() {
            State::Canceled | State::Expired | State::Paying => Ok(ended),
            State::Held
            | State::Processing
            | State::Paid
            | State::Granted
            | State::Refunding
            | State::Refunded => Err(Refusal::Ended.into()),
        }
    }

    async fn wait_until(
        &self,
        id: &PurchaseId,
        wait: Duration,
        done: impl Fn(&Purchase) -> bool,
    ) -> Result<Purchase, Error> {
        let until = Instant::now() + wait;
        // Subscribe before the first read, so that no change falls in between.
        let mut changes = self.store.changes();
        loop {
            let purchase = self.store.purchase(id).await?;
            if done(&purchase) || Instant::now() >= until || self.stop.is_cancelled() {
                return Ok(purchase);
            }
            let next_look = until.min(Instant::now() + LOOK);
            let changed = async {
                // A receiver that lags has missed something: read again.
                while let Ok(changed) = changes.recv().await {
                    if changed == *id {
                        return;
                    }
                }
            };
            tokio::select! {
                _ = timeout_at(next_look, changed) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }
}
