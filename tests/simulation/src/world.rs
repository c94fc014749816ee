//! The world outside the checkout: time, the true state at Stripe and FlockJay, and messages on their way.
use crate::chooser::Chooser;
use crate::pages::SimSession;
use redis_checkout::payments::{Intent, Message, Session};
use redis_checkout::purchase::{Dispute, IdempotencyKey, PurchaseId};
use shared::State;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// Shared by the driver and by the stand-ins; only one of them runs at a time.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<Inner>>);

pub(crate) struct Inner {
    pub(crate) chooser: Chooser,
    /// Whether calls may fail; off during the ending of a run.
    pub(crate) faulty: bool,
    pub(crate) stripe: StripeLedger,
    pub(crate) flockjay: FlockJayLedger,
    /// Each account receiver's knowledge of each purchase: version, state, and the money kept.
    pub(crate) told: HashMap<(&'static str, String), (i64, State, i64)>,
    /// The operation that runs now, and those that wait for another system.
    pub(crate) running: u64,
    pub(crate) parked: HashSet<u64>,
    /// Invariants that were broken in the middle of a step.
    pub(crate) broken: Vec<String>,
    story: Option<Vec<String>>,
    time: Arc<AtomicI64>,
}

/// Stripe's state.
#[derive(Default)]
pub(crate) struct StripeLedger {
    pub(crate) intents: Vec<SimIntent>,
    pub(crate) sessions: Vec<SimSession>,
    pub(crate) keys: HashMap<IdempotencyKey, KeyUse>,
    /// Ids of the webhooks on their way, keys of `messages`.
    pub(crate) mail: Vec<u64>,
    pub(crate) messages: BTreeMap<u64, Message>,
}

/// The object that an idempotency key of a create call stands for.
pub(crate) enum KeyUse {
    /// The answer to repeat, and the request that it belongs to.
    Made(Intent, (i64, String)),
    Page(Session, (i64, String)),
    /// Stripe answered 500, and will again.
    Spent,
}

pub(crate) struct SimIntent {
    pub(crate) now: Intent,
    pub(crate) email: String,
    pub(crate) tries: u32,
    /// Created or changed by a tool that isn't ours.
    pub(crate) foreign: bool,
    /// Milliseconds since 1970.
    pub(crate) made_at: i64,
    /// A browser has its secret, so that it can be paid.
    pub(crate) handed_out: bool,
    pub(crate) refunds: Vec<SimRefund>,
    pub(crate) dispute: Option<Dispute>,
    /// The disputed amount.
    pub(crate) disputed: i64,
}

pub(crate) struct SimRefund {
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) amount: i64,
    pub(crate) status: redis_checkout::payments::RefundStatus,
    /// Reported as succeeded, but fails later.
    pub(crate) will_fail: bool,
}

/// FlockJay's state.
#[derive(Default)]
pub(crate) struct FlockJayLedger {
    pub(crate) grants: HashMap<PurchaseId, SimGrant>,
    pub(crate) refuses: bool,
    /// References of purchases that were granted before anybody had paid for them.
    pub(crate) unpaid: Vec<String>,
}

pub(crate) struct SimGrant {
    pub(crate) active: bool,
    pub(crate) email: String,
}

/// How a call to another system ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Fine,
    Slow,
    /// Done, but the answer takes long.
    SlowAnswer,
    /// Not done.
    Refused,
    /// Done, but the answer is lost.
    Lost,
    /// Not done, and the caller hears nothing until its timeout.
    Silent,
    /// Done, but the caller hears nothing until its timeout.
    SilentAfter,
}

impl World {
    pub(crate) fn new(chooser: Chooser, tell: bool, time: Arc<AtomicI64>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            chooser,
            faulty: true,
            stripe: StripeLedger::default(),
            flockjay: FlockJayLedger::default(),
            told: HashMap::new(),
            running: 0,
            parked: HashSet::new(),
            broken: Vec::new(),
            story: tell.then(Vec::new),
            time,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one call to another system: `work` is what it does there, `lost` the error if no answer comes.
    pub(crate) async fn call<T, E>(
        &self,
        what: &str,
        work: impl FnOnce(&mut Inner) -> Result<T, E>,
        lost: impl FnOnce(&str) -> E,
    ) -> Result<T, E> {
        let fate = self.lock().fate();
        self.lock().tell(|| format!("    {what}: {fate:?}"));
        if matches!(fate, Fate::Slow | Fate::Silent) {
            Gate::new(self).await;
        }
        if matches!(fate, Fate::Refused | Fate::Silent) {
            return Err(lost("refused"));
        }
        let answer = work(&mut self.lock());
        if matches!(fate, Fate::SlowAnswer | Fate::SilentAfter) {
            Gate::new(self).await;
        }
        if matches!(fate, Fate::Lost | Fate::SilentAfter) { Err(lost("no answer")) } else { answer }
    }
}

impl Inner {
    fn fate(&mut self) -> Fate {
        if !self.faulty {
            return Fate::Fine;
        }
        match self.chooser.pick(22) {
            0..=11 => Fate::Fine,
            12..=13 => Fate::Slow,
            14..=15 => Fate::SlowAnswer,
            16..=17 => Fate::Refused,
            18..=19 => Fate::Lost,
            20 => Fate::Silent,
            _ => Fate::SilentAfter,
        }
    }

    /// Adds a line to the story, if one is recorded.
    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(line());
        }
    }

    pub(crate) fn take_story(&mut self) -> Vec<String> {
        self.story.take().unwrap_or_default()
    }

    pub(crate) fn now(&self) -> i64 {
        self.time.load(Ordering::Relaxed)
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.time.fetch_add(i64::try_from(time.as_millis()).unwrap_or(0), Ordering::Relaxed);
        self.tell(|| format!("{time:?} go by"));
    }
}

/// Parks the running operation until the driver lets it go on.
pub(crate) struct Gate {
    world: World,
    operation: Option<u64>,
}

impl Gate {
    pub(crate) fn new(world: &World) -> Self {
        Self { world: world.clone(), operation: None }
    }
}

impl Future for Gate {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let world = self.world.clone();
        let mut world = world.lock();
        let operation = match self.operation {
            Some(operation) => operation,
            None => {
                let running = world.running;
                world.parked.insert(running);
                self.operation = Some(running);
                running
            }
        };
        if world.parked.contains(&operation) { Poll::Pending } else { Poll::Ready(()) }
    }
}
