//! The Stripe stand-in: API, Stripe.js and webhooks, and the handle that tests use to inspect it and inject faults.

mod api;
mod balance;
mod cards;
mod charge;
mod checkout_page;
mod currency;
mod dispute;
mod error;
mod event;
mod form;
mod idempotency;
mod ids;
mod intent;
mod intents;
mod ledger;
mod list;
mod movement;
mod offered;
mod operation;
mod pages;
mod payments;
mod refunds;
mod session;
mod sessions;
mod webhooks;

pub(crate) use ids::now;

use std::sync::{Arc, Mutex};

use axum::{Router, routing::any};
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    api::RequestRecord,
    cards::{Behaviour, Decline, SETTLES_LATER, TEST_CARDS, TestCard},
    dispute::DisputeStatus,
    error::ApiError,
    ledger::API_VERSION,
    operation::StripeOperation,
    webhooks::{Delivery, DeliveryState, Misdelivery, WebhookFault, sign},
};
use self::{
    cards::Card, form::Params, idempotency::Keys, intent::Means, ledger::Ledger, payments::Outcome,
    webhooks::Webhooks,
};
use crate::fault::{Fault, Faults, lock};
pub(crate) use ids::clock;

/// A fault injected into the Stripe API.
pub type StripeFault = Fault<StripeOperation>;

/// State shared by the routes and the handle.
#[derive(Debug)]
pub(crate) struct Core {
    secret_key: String,
    publishable_key: String,
    ledger: Mutex<Ledger>,
    faults: Faults<StripeOperation>,
    keys: Arc<Keys>,
    requests: Mutex<Vec<RequestRecord>>,
    webhooks: Arc<Webhooks>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Core {
    fn record(&self, record: RequestRecord) -> usize {
        let mut requests = lock(&self.requests);
        requests.push(record);
        requests.len() - 1
    }

    fn update_record(&self, place: usize, change: impl FnOnce(&mut RequestRecord)) {
        if let Some(record) = lock(&self.requests).get_mut(place) {
            change(record);
        }
    }
}

/// Inspects the Stripe stand-in, acts as the learner, the bank or the dashboard, and injects faults.
#[derive(Clone, Debug)]
pub struct Stripe {
    core: Arc<Core>,
}

impl Stripe {
    pub(crate) fn start(
        base_url: &str,
        options: &crate::Options,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let (webhooks, events) = Webhooks::new(options.webhook_secret.clone())?;
        tasks.spawn(Arc::clone(&webhooks).run(events, stop.clone()));
        let core = Core {
            secret_key: options.secret_key.clone(),
            publishable_key: options.publishable_key.clone(),
            ledger: Mutex::new(Ledger::new(base_url.to_owned(), Arc::clone(&webhooks))),
            faults: Faults::default(),
            keys: Arc::default(),
            requests: Mutex::default(),
            webhooks,
            tasks: tasks.clone(),
            stop: stop.clone(),
        };
        Ok(Self { core: Arc::new(core) })
    }

    pub(crate) fn routes(&self) -> Router {
        let api = any(api::handle).with_state(Arc::clone(&self.core));
        Router::new()
            .route("/v1/{*path}", api)
            .merge(pages::routes(self.clone()))
            .merge(checkout_page::routes(self.clone()))
    }

    pub(crate) fn connect(&self, checkout_url: &str) {
        self.core.webhooks.connect(checkout_url);
    }

    /// Injects a fault into API calls from now on.
    pub fn fault(&self, fault: StripeFault) {
        self.core.faults.add(fault);
    }

    /// The active faults of the API.
    pub fn faults(&self) -> Vec<StripeFault> {
        self.core.faults.list()
    }

    /// Makes the account settle in another currency, whose minimum is `amount` minor units of the charged currency.
    pub fn settles_at_least(&self, amount: i64) {
        lock(&self.core.ledger).settles_at_least = amount;
    }

    /// Clears every fault, including those of the webhooks.
    pub fn clear_faults(&self) {
        self.core.faults.clear();
        self.core.webhooks.clear_faults();
    }

    /// Every payment intent as the API returns it, in order of creation.
    pub fn intents(&self) -> Vec<Value> {
        lock(&self.core.ledger).intents.iter().map(|intent| intent.to_json()).collect()
    }

    /// One payment intent.
    pub fn intent(&self, id: &str) -> Option<Value> {
        lock(&self.core.ledger).intents.get(id).map(|intent| intent.to_json())
    }

    /// Every checkout session as the API returns it, in order of creation.
    pub fn sessions(&self) -> Vec<Value> {
        let ledger = lock(&self.core.ledger);
        ledger.sessions.iter().map(|session| session.to_json(&ledger.base_url)).collect()
    }

    /// Every charge, including declined ones.
    pub fn charges(&self) -> Vec<Value> {
        lock(&self.core.ledger).charges.iter().map(|charge| charge.to_json()).collect()
    }

    /// The charges that took money, refunded or not.
    pub fn charges_succeeded(&self) -> Vec<Value> {
        self.charges().into_iter().filter(|charge| charge["status"] == "succeeded").collect()
    }

    /// Every refund, in order of creation.
    pub fn refunds(&self) -> Vec<Value> {
        lock(&self.core.ledger).refunds.iter().map(|refund| refund.to_json()).collect()
    }

    /// Every dispute, in order of creation.
    pub fn disputes(&self) -> Vec<Value> {
        lock(&self.core.ledger).disputes.iter().map(|dispute| dispute.to_json()).collect()
    }

    /// Every event as sent to the webhook, in order of creation.
    pub fn events(&self) -> Vec<Value> {
        lock(&self.core.ledger).events.iter().map(|event| event.body.clone()).collect()
    }

    /// Every API call so far.
    pub fn requests(&self) -> Vec<RequestRecord> {
        lock(&self.core.requests).clone()
    }

    /// Confirms a payment with a card (`12/40`, `123`), as the payment element would.
    pub fn confirm(&self, intent: &str, card_number: &str) -> Result<Value, ApiError> {
        let card = Card::parse(card_number, "12", "2040", "123", ids::year_and_month())?;
        let billing = json!({ "address": { "country": "US", "postal_code": "94107" } });
        self.act(|ledger| payments::confirm_with(ledger, intent, Means::Card(card), billing, None))
    }

    /// Confirms with a method that redirects the learner to a bank's page; `next_action` has its URL.
    pub fn confirm_by_bank(&self, intent: &str, return_url: &str) -> Result<Value, ApiError> {
        self.act(|ledger| payments::confirm_with(ledger, intent, Means::Bank, json!({}), Some(return_url)))
    }

    /// Confirms with a voucher; [`settle`](Self::settle) decides whether it is paid or expires.
    pub fn confirm_by_voucher(&self, intent: &str) -> Result<Value, ApiError> {
        self.act(|ledger| payments::confirm_with(ledger, intent, Means::Voucher, json!({}), None))
    }

    /// Passes or fails 3-D Secure, or the visit to the bank's page.
    pub fn complete_3ds(&self, intent: &str, pass: bool) -> Result<Value, ApiError> {
        self.act(|ledger| payments::authenticate(ledger, intent, outcome(pass)))
    }

    /// Settles a payment that is `processing`, or a voucher.
    pub fn settle(&self, intent: &str, succeeds: bool) -> Result<Value, ApiError> {
        self.act(|ledger| payments::settle(ledger, intent, outcome(succeeds)))
    }

    /// Refunds as if from Stripe's dashboard; without an amount, refunds all that is left.
    pub fn refund(&self, intent: &str, amount: Option<i64>) -> Result<Value, ApiError> {
        let mut form = format!("payment_intent={intent}");
        if let Some(amount) = amount {
            form.push_str(&format!("&amount={amount}"));
        }
        self.act(|ledger| refunds::create(ledger, &Params::parse(form.as_bytes())))
    }

    /// Settles a refund of a card whose refunds settle later.
    pub fn settle_refund(&self, refund: &str) -> Result<Value, ApiError> {
        self.act(|ledger| refunds::settle(ledger, refund))
    }

    /// Opens a dispute by the learner's bank over the whole payment.
    pub fn open_dispute(&self, intent: &str) -> Result<Value, ApiError> {
        self.act(|ledger| refunds::open_dispute(ledger, intent, None, false))
    }

    /// Opens a dispute by the learner's bank over `amount` of the payment.
    pub fn dispute_part(&self, intent: &str, amount: i64) -> Result<Value, ApiError> {
        self.act(|ledger| refunds::open_dispute(ledger, intent, Some(amount), false))
    }

    /// Opens an inquiry: the learner's bank asks about the payment before it withdraws anything.
    pub fn inquire(&self, intent: &str) -> Result<Value, ApiError> {
        self.act(|ledger| refunds::open_dispute(ledger, intent, None, true))
    }

    /// Sends an early fraud warning: the card's issuer suspects fraud.
    pub fn warn_of_fraud(&self, intent: &str) {
        self.act(|ledger| {
            let charge = ledger.intents.get(intent).and_then(|intent| intent.latest_charge.clone());
            let warning = json!({
                "id": ids::new_id("issfr"), "object": "radar.early_fraud_warning", "actionable": true,
                "charge": charge, "created": ids::now(), "fraud_type": "unauthorized_use_of_card",
                "livemode": false, "payment_intent": intent,
            });
            ledger.emit("radar.early_fraud_warning.created", warning);
        });
    }

    /// Forgets every `Idempotency-Key`, as Stripe does after a day.
    pub fn forget_keys(&self) {
        self.core.keys.forget();
    }

    /// Sets the status of a dispute; `Won`, `Lost`, `Prevented` and `WarningClosed` close it.
    pub fn move_dispute(&self, dispute: &str, status: DisputeStatus) -> Result<Value, ApiError> {
        self.act(|ledger| refunds::move_dispute(ledger, dispute, status))
    }

    /// Cancels a payment intent as if from Stripe's dashboard.
    pub fn cancel(&self, intent: &str) -> Result<Value, ApiError> {
        self.act(|ledger| intents::cancel(ledger, intent, &Params::default()))
    }

    /// Expires a checkout session as if from Stripe's dashboard.
    pub fn expire_session(&self, session: &str) -> Result<Value, ApiError> {
        self.act(|ledger| sessions::expire(ledger, session, &Params::default()))
    }

    /// Injects a fault into webhook deliveries from now on.
    pub fn webhook_fault(&self, fault: WebhookFault) {
        self.core.webhooks.add_fault(fault);
    }

    /// The active faults of the webhooks.
    pub fn webhook_faults(&self) -> Vec<WebhookFault> {
        self.core.webhooks.faults()
    }

    /// Drops every event from now on, until faults are cleared; dropped events are lost.
    pub fn never_deliver(&self) {
        self.webhook_fault(WebhookFault::new(Misdelivery::Drop));
    }

    /// Queues events until [`Self::resume_webhooks`].
    pub fn pause_webhooks(&self) {
        self.core.webhooks.pause(true);
    }

    /// Delivers the queued events, and later ones at once.
    pub fn resume_webhooks(&self) {
        self.core.webhooks.pause(false);
    }

    /// The delivery state of every event.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.core.webhooks.deliveries()
    }

    /// The events whose delivery is pending.
    pub fn undelivered(&self) -> Vec<Delivery> {
        let is_pending = |delivery: &Delivery| delivery.state == DeliveryState::Pending;
        self.deliveries().into_iter().filter(is_pending).collect()
    }

    /// Returns once no delivery is pending; while webhooks are paused, that may be never.
    pub async fn webhooks_settled(&self) {
        self.core.webhooks.all_settled().await;
    }

    /// Sends an event again, regardless of faults, and returns the status of the answer.
    pub async fn redeliver(&self, event: &str) -> anyhow::Result<u16> {
        let event = lock(&self.core.ledger).events.get(event).cloned();
        let event = event.ok_or_else(|| anyhow::anyhow!("there is no such event"))?;
        self.core.webhooks.deliver_now(&event).await
    }

    /// Passes or fails authentication on behalf of a page that has the client secret.
    pub(crate) fn authenticate(
        &self,
        intent: &str,
        client_secret: &str,
        pass: bool,
    ) -> Result<Value, ApiError> {
        let is_right = lock(&self.core.ledger).intent(intent)?.client_secret == client_secret;
        if !is_right {
            return Err(ApiError::missing("payment_intent", "intent", intent));
        }
        self.complete_3ds(intent, pass)
    }

    fn act<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut ledger = lock(&self.core.ledger);
        ledger.origin = ledger::Origin::default();
        change(&mut ledger)
    }
}

fn outcome(passed: bool) -> Outcome {
    if passed { Outcome::Passed } else { Outcome::Failed }
}
