//! Carries out each command against the other systems.
use super::Outcome;
use crate::account::{AccountError, Message, Snapshot};
use crate::checkout::Checkout;
use crate::error::Error;
use crate::fault_injection::{Guard, enabled};
use crate::grants::{Grant, GrantsError};
use crate::payments::{Intent, IntentStatus, IntentTerms, PaymentsError, RefundStatus};
use crate::purchase::{AccountEvent, Command, Event, IdempotencyKey, IntentId, Purchase};
use crate::store::Task;
use std::time::Duration;

/// How long an idempotency key surely stands for the request that it was first sent with: Stripe keeps keys for at
/// least 24 hours.
const KEY_LIFE: Duration = Duration::from_secs(23 * 3600);

impl Checkout {
    /// Carries out one command, unless the purchase has moved on and no longer wants it.
    pub(super) async fn carry_out(&self, task: &Task) -> Result<Outcome, Error> {
        let purchase = self.store.purchase(&task.purchase).await?;
        if !purchase.still_wants(&task.command) {
            return Ok(Outcome::Done(vec![]));
        }
        Ok(match &task.command {
            // Every wake issues both again, so a temporary refusal must not be escalated.
            Command::AskStripe => self.ask_stripe(&purchase).await.unwrap_or_else(Outcome::retry),
            Command::CancelIntent => self.cancel_intent(&purchase).await.unwrap_or_else(Outcome::retry),
            Command::CreateRefund { amount, key } => {
                match self.create_refund(&purchase, *amount, key).await {
                    Ok(outcome) => outcome,
                    Err(error) => Outcome::from(error).telling(Event::RefundRefused { amount: *amount }),
                }
            }
            Command::CreateGrant => self.create_grant(&purchase).await,
            Command::RevokeGrant => match self.grants.revoke(purchase.id()).await {
                Ok(_was_there) => Outcome::Done(vec![Event::GrantRevoked]),
                Err(error) => Outcome::from_grants(error, vec![]),
            },
            Command::NotifyAccounts { event } => Outcome::Done(self.ask_accounts(*event)),
            Command::NotifyAccount { receiver, event } => {
                self.notify_account(task, &purchase, receiver, *event).await?
            }
            Command::Escalate { why } => Outcome::NeedsAttention { message: why.clone(), events: vec![] },
            Command::CancelStray { intent } => {
                self.cancel_stray(&purchase, intent).await.unwrap_or_else(Outcome::from)
            }
            Command::ReturnStray { intent, amount, key } => {
                self.return_stray(intent, *amount, key).await.unwrap_or_else(Outcome::from)
            }
        })
    }

    fn ask_accounts(&self, event: AccountEvent) -> Vec<Event> {
        let receivers: Vec<_> = self.accounts.iter().map(|account| account.name().to_owned()).collect();
        if receivers.is_empty() { vec![] } else { vec![Event::AccountsFound { receivers, event }] }
    }

    /// Sends the purchase as it stands now: a receiver that is notified late gets the final state at once, and then
    /// once more.
    async fn notify_account(
        &self,
        task: &Task,
        purchase: &Purchase,
        receiver: &str,
        event: AccountEvent,
    ) -> Result<Outcome, Error> {
        let answered = |took| vec![Event::AccountAnswered { receiver: receiver.to_owned(), took }];
        let Some(account) = self.accounts.iter().find(|account| account.name() == receiver) else {
            let message = format!("the settings name no receiver {receiver}");
            return Ok(Outcome::NeedsAttention { message, events: answered(false) });
        };
        let updated_at = self.store.updated_at(purchase.id()).await?;
        let snapshot = Snapshot::of(purchase, updated_at, &self.catalog.get());
        let message = Message { id: task.id.clone(), event, at: self.now(), purchase: snapshot };
        Ok(match account.notify(&message).await {
            Ok(()) => Outcome::Done(answered(true)),
            Err(AccountError::Transient { message, retry_after }) => Outcome::later(message, retry_after),
            Err(AccountError::Permanent { message }) => {
                Outcome::NeedsAttention { message, events: answered(false) }
            }
        })
    }

    async fn ask_stripe(&self, purchase: &Purchase) -> Result<Outcome, PaymentsError> {
        let mut events = match purchase.checkout_session() {
            Some(_) if !purchase.was_paid() => return self.ask_of_page(purchase).await,
            Some(page) if !page.closed => match self.close_paid_page(purchase).await? {
                Outcome::Done(events) => events,
                other @ (Outcome::Retry { .. } | Outcome::NeedsAttention { .. }) => return Ok(other),
            },
            Some(_) | None => vec![],
        };
        let Some(intent) = self.find_intent(purchase).await? else { return Ok(Outcome::Done(events)) };
        events.extend(intent.events());
        if intent.status == IntentStatus::Succeeded {
            match self.payments.reversals(&intent.id).await {
                Ok(reversals) => events.extend(reversals.events()),
                Err(error) if purchase.was_paid() => return Err(error),
                // Record the payment without waiting for its refunds, whose webhook may have come and gone: the retries
                // ask for them until Stripe answers.
                Err(error) => {
                    let recorded = self.record_intent(purchase.id(), &intent).await;
                    recorded.map_err(|error| PaymentsError::transient(error.to_string()))?;
                    return Err(error);
                }
            }
        }
        Ok(Outcome::Done(events))
    }

    /// An intent that can't be cancelled has moved on; its new status is applied, so that a payment wins.
    async fn cancel_intent(&self, purchase: &Purchase) -> Result<Outcome, PaymentsError> {
        if purchase.checkout_session().is_some() {
            return self.close_page(purchase).await;
        }
        let Some(known) = self.intent_to_cancel(purchase).await? else {
            return Ok(Outcome::Done(vec![Event::IntentCanceled { intent: None }]));
        };
        Ok(Outcome::Done(self.cancel_known(&known.id).await?))
    }

    pub(super) async fn cancel_known(&self, intent: &IntentId) -> Result<Vec<Event>, PaymentsError> {
        let intent = match self.payments.cancel(intent).await {
            Err(PaymentsError::OtherState) if enabled(Guard::PaymentWins) => {
                self.payments.retrieve(intent).await?
            }
            Err(PaymentsError::OtherState) => {
                return Ok(vec![Event::IntentCanceled { intent: Some(intent.clone()) }]);
            }
            outcome => outcome?,
        };
        Ok(intent.events().to_vec())
    }

    async fn create_refund(
        &self,
        purchase: &Purchase,
        amount: Option<i64>,
        key: &IdempotencyKey,
    ) -> Result<Outcome, PaymentsError> {
        let Some(intent) = purchase.intent() else { return Ok(Outcome::Done(vec![])) };
        // Without an amount, Stripe also refunds what a bank has taken meanwhile. A key stands for one request, so it
        // changes with the amount.
        let (amount, key) = match amount {
            None if purchase.lost() > 0 => (Some(purchase.refundable()), key.followed_by("rest")),
            amount => (amount, key.clone()),
        };
        match self.payments.refund(intent, amount, &key).await? {
            RefundStatus::Pending => Ok(Outcome::Done(vec![])),
            RefundStatus::Succeeded | RefundStatus::Failed => {
                Ok(Outcome::Done(self.payments.reversals(intent).await?.events()))
            }
        }
    }

    async fn cancel_stray(&self, purchase: &Purchase, intent: &IntentId) -> Result<Outcome, PaymentsError> {
        let known = match self.payments.cancel(intent).await {
            Err(PaymentsError::OtherState) => self.payments.retrieve(intent).await?,
            // Stripe's page made this intent, so the page is closed instead.
            Err(PaymentsError::Permanent { .. }) if purchase.checkout_session().is_some() => {
                return self.close_paid_page(purchase).await;
            }
            outcome => outcome?,
        };
        let [_, standing] = known.events();
        Ok(match known.status {
            IntentStatus::Canceled => Outcome::Done(vec![]),
            IntentStatus::Succeeded => Outcome::Done(vec![standing]),
            IntentStatus::Open | IntentStatus::ActionRequired | IntentStatus::Processing => {
                Outcome::later("a second payment is under way", None)
            }
        })
    }

    async fn return_stray(
        &self,
        intent: &IntentId,
        amount: i64,
        key: &IdempotencyKey,
    ) -> Result<Outcome, PaymentsError> {
        let status = match self.payments.refund(intent, Some(amount), key).await {
            Err(PaymentsError::Permanent { code }) => {
                // Someone may have refunded it in Stripe's dashboard.
                match self.payments.reversals(intent).await?.refunded >= amount {
                    true => RefundStatus::Succeeded,
                    false => return Err(PaymentsError::Permanent { code }),
                }
            }
            outcome => outcome?,
        };
        Ok(match status {
            RefundStatus::Succeeded => Outcome::Done(vec![]),
            // Nothing else follows up on this refund.
            RefundStatus::Pending => Outcome::later("the refund is under way", None),
            RefundStatus::Failed => Outcome::NeedsAttention {
                message: format!("{intent} was paid beside the purchase's own, and can't be given back"),
                events: vec![],
            },
        })
    }

    async fn create_grant(&self, purchase: &Purchase) -> Outcome {
        let catalog = self.catalog.get();
        let Some(item) = catalog.find(purchase.sku()) else {
            // Retry, since someone may put the offering back: the purchase is paid.
            return Outcome::blocked(format!("{} is not in the catalogue any more", purchase.sku()));
        };
        let Some(learner) = purchase.learner() else {
            return Outcome::NeedsAttention { message: "nobody to grant it to".to_owned(), events: vec![] };
        };
        let grant = Grant {
            purchase: purchase.id(),
            reference: purchase.reference(),
            learner,
            resource: &item.resource,
        };
        match self.grants.grant(grant).await {
            Ok(granted) => Outcome::Done(vec![Event::GrantCreated { access_url: granted.access_url }]),
            Err(error) => {
                if matches!(error, GrantsError::Permanent { .. }) {
                    // It may be refused for every buyer: let the circuit breaker check.
                    self.pauses.forget(&item.resource);
                }
                Outcome::from_grants(error, vec![Event::GrantRefused])
            }
        }
    }

    /// The intent that must no longer be paid. If we lost its id, the same request with the same key returns what it
    /// created, however many intents were created since. Only once Stripe may have forgotten the key are all of them
    /// searched.
    async fn intent_to_cancel(&self, purchase: &Purchase) -> Result<Option<Intent>, PaymentsError> {
        let key_is_known = self.now().since(purchase.opened_at()) < KEY_LIFE;
        let (None, Some(attempt), true) = (purchase.intent(), purchase.attempt(), key_is_known) else {
            return self.find_intent(purchase).await;
        };
        if !enabled(Guard::IntentIsSought) {
            return Ok(None);
        }
        let terms = IntentTerms { reference: purchase.reference(), sku: purchase.sku(), attempt };
        match self.payments.create(terms, purchase.intent_window()).await {
            // Nothing was created, and nothing ever is with this key.
            Err(
                PaymentsError::Spent { .. }
                | PaymentsError::EmailRefused
                | PaymentsError::Missing
                | PaymentsError::Permanent { .. },
            ) => Ok(None),
            made => made.map(Some),
        }
    }

    /// The purchase's intent: by its id, or by a search at Stripe if we lost the id.
    async fn find_intent(&self, purchase: &Purchase) -> Result<Option<Intent>, PaymentsError> {
        match purchase.intent() {
            Some(intent) => self.payments.retrieve(intent).await.map(Some),
            None if !enabled(Guard::IntentIsSought) => Ok(None),
            None => self.payments.find(purchase.reference(), purchase.intent_window()).await,
        }
    }
}

impl Outcome {
    /// Adds `event` for the purchase if the outcome needs attention.
    fn telling(self, event: Event) -> Self {
        match self {
            Self::NeedsAttention { message, events } => {
                Self::NeedsAttention { message, events: [events, vec![event]].concat() }
            }
            other @ (Self::Done(_) | Self::Retry { .. }) => other,
        }
    }

    fn retry(error: PaymentsError) -> Self {
        match error {
            PaymentsError::Transient { message, retry_after } => Self::later(message, retry_after),
            error @ (PaymentsError::Spent { .. }
            | PaymentsError::OtherState
            | PaymentsError::EmailRefused) => Self::later(error.to_string(), None),
            error @ (PaymentsError::Missing | PaymentsError::Permanent { .. }) => {
                Self::blocked(error.to_string())
            }
        }
    }

    fn from_grants(error: GrantsError, events: Vec<Event>) -> Self {
        match error {
            GrantsError::Transient { message, retry_after } => Self::later(message, retry_after),
            GrantsError::Permanent { message } => Self::NeedsAttention { message, events },
        }
    }
}

impl From<PaymentsError> for Outcome {
    fn from(error: PaymentsError) -> Self {
        match error {
            error @ (PaymentsError::Missing | PaymentsError::Permanent { .. }) => {
                Self::NeedsAttention { message: error.to_string(), events: vec![] }
            }
            error @ (PaymentsError::Transient { .. }
            | PaymentsError::Spent { .. }
            | PaymentsError::OtherState
            | PaymentsError::EmailRefused) => Self::retry(error),
        }
    }
}
