//! Sends events to the checkout, signed as Stripe signs them, and retries until they are accepted or given up.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{event::Event, ids};
use crate::fault::lock;

const FIRST_RETRY: Duration = Duration::from_millis(200);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
const MOST_ATTEMPTS: u32 = 20;
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A fault injected into the delivery of events.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookFault {
    /// The fault.
    pub misdelivery: Misdelivery,
    /// The event type it affects, such as `payment_intent.succeeded`; every type if absent.
    #[serde(default)]
    pub event_type: Option<String>,
    /// How many events it affects; if absent, every event until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
}

impl WebhookFault {
    /// A fault that affects every event until it is cleared.
    pub fn new(misdelivery: Misdelivery) -> Self {
        Self { misdelivery, event_type: None, times: None }
    }

    /// Limits the fault to events of this type.
    #[must_use]
    pub fn of(mut self, event_type: &str) -> Self {
        self.event_type = Some(event_type.to_owned());
        self
    }

    /// Limits the fault to `times` events.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

/// A fault in the delivery of an event.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Misdelivery {
    /// Delivered more than once.
    Duplicate {
        /// Number of additional deliveries.
        copies: u32,
    },
    /// Queued until `hold` events are queued, then delivered in reverse order.
    Reorder {
        /// How many events to queue.
        hold: usize,
    },
    /// Never delivered.
    Drop,
    /// Delivered late.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// Signed with another secret: always refused, although retried.
    BadSignature,
}

/// The delivery of one event.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    /// The event's id.
    pub event: String,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// POSTs so far.
    pub attempts: u32,
    /// Its state.
    pub state: DeliveryState,
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Not accepted yet.
    Pending,
    /// Answered with 2xx.
    Delivered,
    /// Dropped by a fault.
    Dropped,
    /// Given up after too many failed attempts.
    GivenUp,
}

/// The checkout's URL, and whether deliveries are paused.
#[derive(Clone, Debug, Default)]
struct Line {
    checkout_url: Option<String>,
    paused: bool,
}

/// The sender of events.
#[derive(Debug)]
pub(crate) struct Webhooks {
    secret: String,
    line: watch::Sender<Line>,
    changed: watch::Sender<u64>,
    queue: mpsc::UnboundedSender<Arc<Event>>,
    deliveries: Mutex<(Vec<String>, HashMap<String, Delivery>)>,
    faults: Mutex<Vec<WebhookFault>>,
    client: reqwest::Client,
}

impl Webhooks {
    pub(crate) fn new(secret: String) -> anyhow::Result<(Arc<Self>, mpsc::UnboundedReceiver<Arc<Event>>)> {
        let (queue, events) = mpsc::unbounded_channel();
        let webhooks = Self {
            secret,
            line: watch::Sender::default(),
            changed: watch::Sender::default(),
            queue,
            deliveries: Mutex::default(),
            faults: Mutex::default(),
            client: reqwest::Client::builder().timeout(ANSWER_WITHIN).build()?,
        };
        Ok((Arc::new(webhooks), events))
    }

    /// Queues an event; it counts as pending from now on.
    pub(crate) fn announce(&self, event: Arc<Event>) {
        let delivery = Delivery {
            event: event.id.clone(),
            event_type: event.kind.to_owned(),
            attempts: 0,
            state: DeliveryState::Pending,
        };
        {
            let mut deliveries = lock(&self.deliveries);
            deliveries.0.push(event.id.clone());
            deliveries.1.insert(event.id.clone(), delivery);
        }
        // The receiver is gone only at shutdown.
        let _ = self.queue.send(event);
    }

    pub(crate) fn connect(&self, checkout_url: &str) {
        let url = checkout_url.trim_end_matches('/').to_owned();
        self.line.send_modify(|line| line.checkout_url = Some(url));
    }

    pub(crate) fn pause(&self, paused: bool) {
        self.line.send_modify(|line| line.paused = paused);
    }

    pub(crate) fn add_fault(&self, fault: WebhookFault) {
        lock(&self.faults).push(fault);
    }

    pub(crate) fn clear_faults(&self) {
        lock(&self.faults).clear();
    }

    pub(crate) fn faults(&self) -> Vec<WebhookFault> {
        lock(&self.faults).clone()
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        let deliveries = lock(&self.deliveries);
        deliveries.0.iter().filter_map(|id| deliveries.1.get(id).cloned()).collect()
    }

    /// Returns once no event is pending.
    pub(crate) async fn all_settled(&self) {
        let mut changed = self.changed.subscribe();
        let is_pending = |delivery: &Delivery| delivery.state == DeliveryState::Pending;
        while self.deliveries().iter().any(is_pending) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Takes events from the queue until `stop`, and delivers each in its own task, so that a slow one delays no other.
    pub(crate) async fn run(
        self: Arc<Self>,
        mut events: mpsc::UnboundedReceiver<Arc<Event>>,
        stop: CancellationToken,
    ) {
        let tasks = TaskTracker::new();
        let mut held: Vec<Arc<Event>> = Vec::new();
        let start = |event: Arc<Event>, delay_ms: u64, forged: bool| {
            let (webhooks, stop) = (Arc::clone(&self), stop.clone());
            tasks.spawn(async move {
                let delivery = async {
                    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
                    webhooks.deliver_until_taken(&event, forged).await;
                };
                stop.run_until_cancelled(delivery).await;
            });
        };
        while let Some(Some(event)) = stop.run_until_cancelled(events.recv()).await {
            match self.take_fault(event.kind) {
                None => start(event, 0, false),
                Some(Misdelivery::Delay { ms }) => start(event, ms, false),
                Some(Misdelivery::BadSignature) => start(event, 0, true),
                Some(Misdelivery::Drop) => self.record(&event.id, 0, DeliveryState::Dropped),
                Some(Misdelivery::Duplicate { copies }) => {
                    for _ in 0..=copies {
                        start(Arc::clone(&event), 0, false);
                    }
                }
                Some(Misdelivery::Reorder { hold }) => {
                    held.push(event);
                    if held.len() >= hold {
                        let (webhooks, stop) = (Arc::clone(&self), stop.clone());
                        let reversed: Vec<_> = held.drain(..).rev().collect();
                        tasks.spawn(async move {
                            for event in reversed {
                                let delivery = webhooks.deliver_until_taken(&event, false);
                                stop.run_until_cancelled(delivery).await;
                            }
                        });
                    }
                }
            }
        }
        tasks.close();
        tasks.wait().await;
    }

    /// Sends one POST, regardless of faults, and returns the status.
    pub(crate) async fn deliver_now(&self, event: &Event) -> anyhow::Result<u16> {
        let checkout_url = self.line.borrow().checkout_url.clone();
        let checkout_url = checkout_url.ok_or_else(|| anyhow::anyhow!("no checkout is connected"))?;
        self.post(&checkout_url, event, &self.secret).await
    }

    async fn deliver_until_taken(&self, event: &Event, forged: bool) {
        let secret = if forged { "whsec_not_ours" } else { &self.secret };
        let mut retry = FIRST_RETRY;
        for attempt in 1..=MOST_ATTEMPTS {
            let Some(checkout_url) = self.open_line().await else { return };
            let answer = self.post(&checkout_url, event, secret).await;
            let state = match &answer {
                Ok(200..=299) => DeliveryState::Delivered,
                Ok(_) | Err(_) if attempt == MOST_ATTEMPTS => DeliveryState::GivenUp,
                Ok(_) | Err(_) => DeliveryState::Pending,
            };
            self.record(&event.id, 1, state);
            if state != DeliveryState::Pending {
                return;
            }
            tracing::debug!(event.id, event.kind, attempt, ?answer, "a webhook was not taken");
            tokio::time::sleep(retry).await;
            retry = (retry * 2).min(LONGEST_RETRY);
        }
    }

    /// Waits until a checkout is connected and deliveries aren't paused.
    async fn open_line(&self) -> Option<String> {
        let mut line = self.line.subscribe();
        let line = line.wait_for(|line| line.checkout_url.is_some() && !line.paused).await.ok()?;
        line.checkout_url.clone()
    }

    async fn post(&self, checkout_url: &str, event: &Event, secret: &str) -> anyhow::Result<u16> {
        let body = event.body.to_string();
        let response = self
            .client
            .post(format!("{checkout_url}/v1/stripe/webhook"))
            .header("Content-Type", "application/json; charset=utf-8")
            .header("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .header("Stripe-Signature", sign(secret, ids::now(), &body))
            .body(body)
            .send()
            .await?;
        Ok(response.status().as_u16())
    }

    fn record(&self, event: &str, attempts: u32, state: DeliveryState) {
        if let Some(delivery) = lock(&self.deliveries).1.get_mut(event) {
            delivery.attempts += attempts;
            // A refused duplicate doesn't undo an accepted delivery.
            if delivery.state == DeliveryState::Pending {
                delivery.state = state;
            }
        }
        self.changed.send_modify(|count| *count += 1);
    }

    fn take_fault(&self, event_type: &str) -> Option<Misdelivery> {
        let mut faults = lock(&self.faults);
        let fault = faults.iter_mut().find(|fault| {
            fault.times != Some(0) && fault.event_type.as_ref().is_none_or(|wanted| wanted == event_type)
        })?;
        fault.times = fault.times.map(|left| left - 1);
        let misdelivery = fault.misdelivery.clone();
        faults.retain(|fault| fault.times != Some(0));
        Some(misdelivery)
    }
}

/// The `Stripe-Signature` header over `body` at `timestamp`, in seconds since the Unix epoch
/// (<https://docs.stripe.com/webhooks#verify-manually>).
pub fn sign(secret: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{timestamp}.{body}").as_bytes());
    format!("t={timestamp},v1={}", hex::encode(mac.finalize().into_bytes()))
}
