//! Stripe as the checkout's port sees it, and what learners, banks and the dashboard do there.
use crate::world::{Inner, KeyUse, SimIntent, SimRefund, World};
use async_trait::async_trait;
use redis_checkout::payments::{
    BadWebhook, BalancePage, ClientSecret, Intent, IntentPage, IntentStatus, IntentTerms, Message, News,
    Payments, PaymentsError, RefundStatus, Reversals, Session, SessionTerms,
};
use redis_checkout::purchase::{
    Dispute, Disputed, DisputedMoney, IdempotencyKey, IntentId, Reference, SessionId,
};
use shared::{Currency, Timestamp};

pub(crate) struct SimStripe(pub(crate) World);

fn transient(why: &str) -> PaymentsError {
    PaymentsError::Transient { message: why.to_owned(), retry_after: None }
}

#[async_trait]
impl Payments for SimStripe {
    async fn create(
        &self,
        terms: IntentTerms<'_>,
        _window: (Timestamp, Timestamp),
    ) -> Result<Intent, PaymentsError> {
        let work = |world: &mut Inner| {
            let (total, email) = (terms.attempt.price.total, terms.attempt.learner.email.as_str().to_owned());
            match world.stripe.keys.get(&terms.attempt.key) {
                Some(KeyUse::Made(first, same)) if *same == (total, email.clone()) => {
                    return Ok(first.clone());
                }
                Some(KeyUse::Made(..) | KeyUse::Page(..)) => {
                    return Err(PaymentsError::Permanent { code: "idempotency_error".to_owned() });
                }
                Some(KeyUse::Spent) => return Err(PaymentsError::Spent { message: "500 again".to_owned() }),
                None => {}
            }
            if world.faulty && world.chooser.happens(5) {
                world.stripe.keys.insert(terms.attempt.key.clone(), KeyUse::Spent);
                return Err(PaymentsError::Spent { message: "500".to_owned() });
            }
            let currency = terms.attempt.price.currency;
            let intent = world.make_intent(terms.reference, total, currency, &email, false);
            let made = KeyUse::Made(intent.clone(), (total, email));
            world.stripe.keys.insert(terms.attempt.key.clone(), made);
            Ok(intent)
        };
        self.0.call("Stripe creates an intent", work, transient).await
    }

    async fn update(&self, intent: &IntentId, terms: IntentTerms<'_>) -> Result<Intent, PaymentsError> {
        let work = |world: &mut Inner| {
            let known = world.intent(intent)?;
            if !is_open(known.now.status) {
                return Err(PaymentsError::OtherState);
            }
            known.now.amount = terms.attempt.price.total;
            terms.attempt.learner.email.as_str().clone_into(&mut known.email);
            Ok(known.now.clone())
        };
        self.0.call("Stripe updates the intent", work, transient).await
    }

    async fn retrieve(&self, intent: &IntentId) -> Result<Intent, PaymentsError> {
        let work = |world: &mut Inner| world.intent(intent).map(|known| known.now.clone());
        self.0.call("Stripe is asked for the intent", work, transient).await
    }

    async fn find(
        &self,
        reference: &Reference,
        _window: (Timestamp, Timestamp),
    ) -> Result<Option<Intent>, PaymentsError> {
        let work = |world: &mut Inner| {
            let mut newest = world.stripe.intents.iter().rev();
            let found = newest.find(|known| known.now.reference.as_ref() == Some(reference));
            Ok(found.map(|known| known.now.clone()))
        };
        self.0.call("Stripe is searched for the intent", work, transient).await
    }

    async fn created_since(
        &self,
        _since: Timestamp,
        _after: Option<&IntentId>,
    ) -> Result<IntentPage, PaymentsError> {
        let work = |world: &mut Inner| {
            let intents = world.stripe.intents.iter().map(|known| known.now.clone()).collect();
            Ok(IntentPage { intents, next: None })
        };
        self.0.call("Stripe lists its intents", work, transient).await
    }

    async fn balance_since(&self, _: Timestamp, _: Option<&str>) -> Result<BalancePage, PaymentsError> {
        // The daily comparison of balances is not part of the simulation.
        Ok(BalancePage::default())
    }

    async fn cancel(&self, intent: &IntentId) -> Result<Intent, PaymentsError> {
        let work = |world: &mut Inner| {
            let status = world.intent(intent)?.now.status;
            let pages = world.stripe.is_of_page(intent);
            // Stripe lets nobody else cancel what its page has created, except, once the page is closed, an intent that
            // a bank still asks about.
            if pages && (world.stripe.page_allows(intent) || status == IntentStatus::Open) {
                return Err(PaymentsError::Permanent { code: "400".to_owned() });
            }
            if !is_open(status) {
                return Err(PaymentsError::OtherState);
            }
            world.move_to(intent, IntentStatus::Canceled, "payment_intent.canceled");
            Ok(world.intent(intent)?.now.clone())
        };
        self.0.call("Stripe cancels the intent", work, transient).await
    }

    async fn create_session(
        &self,
        terms: SessionTerms<'_>,
        _window: (Timestamp, Timestamp),
    ) -> Result<Session, PaymentsError> {
        let work = |world: &mut Inner| world.create_session(&terms);
        self.0.call("Stripe creates a page", work, transient).await
    }

    async fn retrieve_session(&self, session: &SessionId) -> Result<Session, PaymentsError> {
        let work = |world: &mut Inner| world.session(session).map(|page| page.now.clone());
        self.0.call("Stripe is asked for the page", work, transient).await
    }

    async fn find_session(
        &self,
        reference: &Reference,
        _window: (Timestamp, Timestamp),
    ) -> Result<Option<Session>, PaymentsError> {
        let work = |world: &mut Inner| world.find_session(reference);
        self.0.call("Stripe is searched for the page", work, transient).await
    }

    async fn expire_session(&self, session: &SessionId) -> Result<Session, PaymentsError> {
        let work = |world: &mut Inner| world.expire_session(session);
        self.0.call("Stripe closes the page", work, transient).await
    }

    async fn refund(
        &self,
        intent: &IntentId,
        amount: Option<i64>,
        key: &IdempotencyKey,
    ) -> Result<RefundStatus, PaymentsError> {
        let work = |world: &mut Inner| world.refund(intent, amount, Some(key));
        self.0.call("Stripe gives money back", work, transient).await
    }

    fn read_message(&self, body: &str, _signature: Option<&str>) -> Result<Message, BadWebhook> {
        let id = body.parse().map_err(|_| BadWebhook::Body)?;
        self.0.lock().stripe.messages.get(&id).cloned().ok_or(BadWebhook::Body)
    }

    async fn reversals(&self, intent: &IntentId) -> Result<Reversals, PaymentsError> {
        let work = |world: &mut Inner| {
            let known = world.intent(intent)?;
            Ok(Reversals {
                refunded: known.sum_of(RefundStatus::Succeeded),
                failed: known.sum_of(RefundStatus::Failed),
                dispute: known.dispute.map(|standing| Disputed {
                    standing,
                    money: DisputedMoney {
                        withdrawn: if standing == Dispute::Won { 0 } else { known.disputed },
                        lost: if standing == Dispute::Lost { known.disputed } else { 0 },
                    },
                    refundable: false,
                }),
            })
        };
        self.0.call("Stripe says what was taken back", work, transient).await
    }
}

/// The fate of a payment, by the learner's card, bank or patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempted {
    Paid,
    Declined,
    Challenged,
    SettlesLater,
}

impl SimIntent {
    fn sum_of(&self, status: RefundStatus) -> i64 {
        self.refunds.iter().filter(|refund| refund.status == status).map(|refund| refund.amount).sum()
    }

    /// The money that is left: neither refunded nor lost to a dispute.
    pub(crate) fn kept(&self) -> i64 {
        let left = self.now.received - self.sum_of(RefundStatus::Succeeded);
        if self.dispute == Some(Dispute::Lost) { left - self.disputed.min(left) } else { left }
    }

    pub(crate) fn is_paid(&self) -> bool {
        self.now.status == IntentStatus::Succeeded
    }
}

impl Inner {
    pub(crate) fn intent(&mut self, id: &IntentId) -> Result<&mut SimIntent, PaymentsError> {
        self.stripe.intents.iter_mut().find(|known| known.now.id == *id).ok_or(PaymentsError::Missing)
    }

    pub(crate) fn make_intent(
        &mut self,
        reference: &Reference,
        amount: i64,
        currency: Currency,
        email: &str,
        foreign: bool,
    ) -> Intent {
        let id = IntentId::new(format!("pi_{}", self.stripe.intents.len()));
        let intent = Intent {
            client_secret: Some(ClientSecret::new(format!("{id}_secret"))),
            id,
            status: IntentStatus::Open,
            amount,
            received: 0,
            currency: Some(currency),
            reference: Some(reference.clone()),
            failure: None,
        };
        let made_at = self.now();
        self.stripe.intents.push(SimIntent {
            now: intent.clone(),
            email: email.to_owned(),
            tries: 0,
            foreign,
            made_at,
            handed_out: false,
            refunds: Vec::new(),
            dispute: None,
            disputed: 0,
        });
        intent
    }

    /// Confirms the payment in a browser, if its intent still takes one.
    pub(crate) fn attempt(&mut self, id: &IntentId, outcome: Attempted) {
        let Ok(known) = self.intent(id) else { return };
        if !is_open(known.now.status) {
            return;
        }
        known.tries += 1;
        let failure = format!("ch_{id}_{}", known.tries);
        match outcome {
            Attempted::Paid => self.succeed(id),
            Attempted::Declined => {
                known.now.failure = Some(failure);
                self.move_to(id, IntentStatus::Open, "payment_intent.payment_failed");
            }
            Attempted::Challenged => {
                self.move_to(id, IntentStatus::ActionRequired, "payment_intent.requires_action");
            }
            Attempted::SettlesLater => {
                self.move_to(id, IntentStatus::Processing, "payment_intent.processing");
            }
        }
    }

    /// Passes or fails the challenge, or settles or fails the payment.
    pub(crate) fn conclude(&mut self, id: &IntentId, succeeds: bool) {
        let Ok(known) = self.intent(id) else { return };
        if !matches!(known.now.status, IntentStatus::ActionRequired | IntentStatus::Processing) {
            return;
        }
        if succeeds {
            return self.succeed(id);
        }
        known.tries += 1;
        known.now.failure = Some(format!("ch_{id}_{}", known.tries));
        self.move_to(id, IntentStatus::Open, "payment_intent.payment_failed");
    }

    fn succeed(&mut self, id: &IntentId) {
        if let Ok(known) = self.intent(id) {
            known.now.received = known.now.amount;
        }
        self.move_to(id, IntentStatus::Succeeded, "payment_intent.succeeded");
    }

    pub(crate) fn move_to(&mut self, id: &IntentId, status: IntentStatus, kind: &str) {
        let Ok(known) = self.intent(id) else { return };
        known.now.status = status;
        let told = Intent { client_secret: None, ..known.now.clone() };
        self.follow(id, status);
        self.send(kind, News::Intent(told));
    }

    /// Refunds `amount`, or all that is left; `key` is `None` if the dashboard does it.
    pub(crate) fn refund(
        &mut self,
        id: &IntentId,
        amount: Option<i64>,
        key: Option<&IdempotencyKey>,
    ) -> Result<RefundStatus, PaymentsError> {
        let fate = if self.faulty { self.chooser.pick(12) } else { 0 };
        let known = self.intent(id)?;
        if let Some(made) = known.refunds.iter().find(|refund| key.is_some() && refund.key.as_ref() == key) {
            return Ok(made.status);
        }
        if known.dispute.is_some_and(|dispute| dispute != Dispute::Won) {
            return Err(PaymentsError::Permanent { code: "charge_disputed".to_owned() });
        }
        let asked = known.refunds.iter().filter(|refund| refund.status != RefundStatus::Failed);
        let left = known.now.received - asked.map(|refund| refund.amount).sum::<i64>();
        if amount.is_none() && left == 0 && key.is_some() {
            return Ok(RefundStatus::Succeeded);
        }
        let amount = amount.unwrap_or(left);
        if amount > left || amount <= 0 {
            return Err(PaymentsError::Permanent { code: "refund_too_large".to_owned() });
        }
        let (status, will_fail) = match fate {
            0..=8 => (RefundStatus::Succeeded, false),
            9..=10 => (RefundStatus::Pending, false),
            _ => (RefundStatus::Succeeded, true),
        };
        known.refunds.push(SimRefund { key: key.cloned(), amount, status, will_fail });
        let reference = known.now.reference.clone();
        self.send("charge.refunded", News::Unclear { intent: Some(id.clone()), reference });
        Ok(status)
    }

    /// Completes pending refunds, and fails those that only seemed to have succeeded.
    pub(crate) fn settle_refunds(&mut self, id: &IntentId) {
        let Ok(known) = self.intent(id) else { return };
        let reference = known.now.reference.clone();
        let (mut arrived, mut failed) = (false, false);
        for refund in &mut known.refunds {
            if refund.will_fail {
                (refund.status, refund.will_fail, failed) = (RefundStatus::Failed, false, true);
            } else if refund.status == RefundStatus::Pending {
                (refund.status, arrived) = (RefundStatus::Succeeded, true);
            }
        }
        if failed || arrived {
            self.send("refund.updated", News::Unclear { intent: Some(id.clone()), reference });
        }
    }

    pub(crate) fn dispute(&mut self, id: &IntentId, dispute: Dispute) {
        let part = dispute == Dispute::Open && self.chooser.pick(2) == 1;
        let Ok(known) = self.intent(id) else { return };
        if dispute == Dispute::Open {
            known.disputed = if part { known.now.received / 3 } else { known.now.received };
        }
        known.dispute = Some(dispute);
        // A dispute names only the intent.
        self.send("charge.dispute", News::Unclear { intent: Some(id.clone()), reference: None });
    }

    fn send(&mut self, kind: &str, news: News) {
        let n = u64::try_from(self.stripe.messages.len()).unwrap_or_default();
        let message = Message { id: format!("evt_{n}"), kind: kind.to_owned(), object_id: None, news };
        self.stripe.messages.insert(n, message);
        self.stripe.mail.push(n);
    }
}

fn is_open(status: IntentStatus) -> bool {
    matches!(status, IntentStatus::Open | IntentStatus::ActionRequired)
}
