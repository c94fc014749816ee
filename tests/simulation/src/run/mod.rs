//! One run: two instances on one database, a few buyers, and everything that may happen to them.
mod ending;
mod learners;
mod outside;
mod requests;
mod servers;

use crate::account::{NAMES, SimAccount};
use crate::check;
use crate::chooser::{Chooser, Step};
use crate::database::{COUPONS, Database, LIVE, SEAT, coupon};
use crate::flockjay::SimFlockJay;
use crate::snapshot::Snapshots;
use crate::stripe::{Attempted, SimStripe};
use crate::world::World;
use axum::Router;
use faulty_disk::{Call, Disk, Failure};
use futures_util::{FutureExt, StreamExt};
use redis_checkout::abuse::Client;
use redis_checkout::account::Account;
use redis_checkout::checkout::{
    Checkout, FormRedirect, HostedPurchase, IdempotencyKey, PageSite, PayContext, Rules,
};
use redis_checkout::clock::Clock;
use redis_checkout::config::Retry;
use redis_checkout::coupons::CouponCode;
use redis_checkout::error::Error;
use redis_checkout::fault_injection::{self, Killed};
use redis_checkout::payments::{Intent, IntentStatus, News};
use redis_checkout::purchase::{
    Dispute, Event, IdempotencyKey as StripeKey, IntentId, Purchase, PurchaseId, Receiver, Reference,
    Refusal, SessionId,
};
use redis_checkout::reconcile::Scope;
use redis_checkout::store::{CouponFilter, Retried, Store};
use redis_checkout::worker;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::{OpenPurchase, Opened, Pay, PayAnswer, State, Timestamp};
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;
use std::time::Duration;

/// How one run ended.
pub(crate) struct Ran {
    pub(crate) purchases: usize,
    pub(crate) broken: Option<String>,
    pub(crate) choices: Vec<Step>,
    pub(crate) story: Vec<String>,
}

pub(crate) struct Run {
    pub(crate) world: World,
    pub(crate) store: Store,
    pub(crate) rules: Rules,
    disk: Disk,
    /// Whether the power may fail. Recording what that needs costs time.
    may_lose_power: bool,
    pub(crate) snapshots: Snapshots,
    pub(crate) buyers: Vec<Buyer>,
    instances: Vec<Server>,
    /// The routes of each instance, once a request has come to them.
    routers: Vec<Option<Router>>,
    operations: Vec<Operation>,
    time: Arc<AtomicI64>,
    next: u64,
    pub(crate) taken_before: i64,
}

/// A learner with one purchase.
pub(crate) struct Buyer {
    sku: &'static str,
    key: String,
    email: String,
    /// Buys with the form, without JavaScript.
    hosted: bool,
    coupon: Option<String>,
    /// Number of places, if it is for a team.
    places: Option<i64>,
    /// Every total that was shown on the button.
    pub(crate) totals: Vec<i64>,
    pub(crate) opened: Option<Opened>,
    /// Ids of the earlier purchases that the same form has led to.
    pub(crate) earlier: Vec<String>,
    /// Stripe's pages that the browser was sent to.
    pages: Vec<SessionId>,
    /// Payment intents whose secrets the browser was given, in one tab or another.
    intents: Vec<IntentId>,
    /// Keys of the refunds that operators were told would be made.
    pub(crate) refunds: Vec<StripeKey>,
}

type Server = Checkout;

/// Something under way at one instance.
struct Operation {
    id: u64,
    instance: usize,
    what: String,
    /// The webhook that it handles, which Stripe sends again unless it is acknowledged.
    message: Option<u64>,
    future: Pin<Box<dyn Future<Output = Heard>>>,
}

/// The result of a finished operation, as seen from outside.
enum Heard {
    Nothing,
    Opened(usize, Result<Opened, String>),
    Pay(usize, Result<PayAnswer, String>),
    Changed(usize, Result<Box<Purchase>, Error>),
    /// With the purchase as its page shows it.
    Hosted(usize, Result<(FormRedirect, Opened), Error>),
    Webhook(u64, Result<(), Error>),
}

const BEGIN: i64 = 1_800_000_000_000;
pub(crate) const INSTANCES: usize = 2;
/// How many milliseconds each instance's clock is ahead: as far apart as clocks may be without a warning.
pub(crate) const AHEAD: [i64; INSTANCES] = [0, 1_999];
const RETRY: Retry = Retry {
    base: Duration::from_secs(1),
    cap: Duration::from_secs(3600),
    give_up: Duration::from_secs(72 * 3600),
};
/// Steps before the faults stop.
const STEPS: usize = 60;
/// Rounds of 20 minutes after which an unfinished purchase counts as stuck.
const ROUNDS: usize = 400;

/// Runs with these choices; `tell` records the story.
pub(crate) async fn run(database: &mut Database, chooser: Chooser, tell: bool) -> anyhow::Result<Ran> {
    database.clear().await?;
    let time = Arc::new(AtomicI64::new(BEGIN));
    let world = World::new(chooser, tell, time.clone());
    let may_lose_power = world.lock().chooser.happens(15);
    database.disk().set_losing_power(may_lose_power);
    let mut run = Run {
        store: database.store().clone(),
        rules: database.rules().clone(),
        disk: database.disk().clone(),
        may_lose_power,
        snapshots: database.snapshots(),
        instances: (0..INSTANCES)
            .map(|instance| server(instance, database.store(), database.rules(), &world, &time))
            .collect(),
        routers: vec![None; INSTANCES],
        world,
        buyers: Vec::new(),
        operations: Vec::new(),
        time,
        next: 0,
        taken_before: 0,
    };
    let broken = run.through(database).await.err();
    let mut world = run.world.lock();
    let story = world.take_story();
    let choices = std::mem::replace(&mut world.chooser, Chooser::scripted(vec![])).into_made();
    Ok(Ran { purchases: run.buyers.len(), broken, choices, story })
}

fn server(instance: usize, store: &Store, rules: &Rules, world: &World, time: &Arc<AtomicI64>) -> Server {
    let (stripe, flockjay) = (SimStripe(world.clone()), SimFlockJay(world.clone()));
    let clock = Clock::ahead_of(time.clone(), AHEAD[instance]);
    let server = Checkout::new(store.clone(), rules.clone(), stripe, flockjay, "pk_test", clock);
    // Anything it could wait for happens in a later step.
    let accounts: Vec<Arc<dyn Account>> =
        NAMES.map(|name| Arc::new(SimAccount { world: world.clone(), name }) as Arc<dyn Account>).to_vec();
    server.with_accounts(accounts).with_cancel_timeout(Duration::ZERO)
}

/// Every receiver of the outbox.
fn receivers() -> Vec<Receiver> {
    Receiver::ALL.into_iter().chain(NAMES.map(|name| Receiver::Account(name.to_owned()))).collect()
}

impl Run {
    async fn through(&mut self, database: &mut Database) -> Result<(), String> {
        while self.world.lock().chooser.begin_step(STEPS) {
            self.step(database).await?;
            check::after_step(self).await?;
        }
        self.come_to_an_end().await?;
        check::at_the_end(self).await
    }

    pub(crate) fn pick(&self, n: usize) -> usize {
        self.world.lock().chooser.pick(n)
    }

    fn happens(&self, percent: usize) -> bool {
        self.world.lock().chooser.happens(percent)
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.time.load(Ordering::Relaxed))
    }

    /// The seats of the live training.
    pub(crate) fn capacity(&self) -> i64 {
        self.rules.catalog.get().find(LIVE).and_then(|item| item.capacity).unwrap_or_default()
    }

    /// Applies `event` for somebody who calls no server: an operator, or a learner whose answer does not matter.
    async fn apply(&self, id: &PurchaseId, event: Event) -> Result<Result<Purchase, Refusal>, String> {
        match self.rules.apply(&self.store, id, event, self.now()).await {
            Ok(purchase) => Ok(Ok(purchase)),
            Err(Error::Refused(refusal)) => Ok(Err(refusal)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn tell(&self, line: impl FnOnce() -> String) {
        self.world.lock().tell(line);
    }

    async fn step(&mut self, database: &mut Database) -> Result<(), String> {
        match self.pick(110) {
            0..=23 => self.work().await,
            24..=31 => self.open().await?,
            32..=43 => self.press_pay().await,
            44..=54 => self.attempt(),
            55..=59 => self.conclude(),
            60..=71 => self.deliver().await,
            72..=76 => self.resume().await,
            77..=83 => self.pass_time().await,
            84..=85 => self.refresh().await,
            86..=87 => self.give_up().await?,
            88..=90 => self.refund().await?,
            91..=93 => self.happen_at_stripe(),
            94 => self.lose_mail(),
            95..=96 => {
                let instance = self.pick(INSTANCES);
                self.crash(instance);
            }
            97 => self.reconcile().await,
            107..=109 => self.abandon(),
            106 => self.cut_power(database).await.map_err(|error| error.to_string())?,
            100..=102 => self.change_coupon().await,
            103 => self.revoke_coupon().await?,
            105 => self.revoke_pack().await?,
            104 => self.keep_seat().await.map_err(|error| error.to_string())?,
            98 => {
                let mut world = self.world.lock();
                world.flockjay.refuses = !world.flockjay.refuses;
                let refuses = world.flockjay.refuses;
                world.tell(|| format!("FlockJay refuses: {refuses}"));
            }
            _ => {
                let seats = 1 + i64::try_from(self.pick(3)).unwrap_or(0);
                database.sell(seats).map_err(|error| error.to_string())?;
                self.tell(|| format!("the live training has {seats} seats now"));
            }
        }
        Ok(())
    }

    async fn begin(&mut self, instance: usize, what: String, future: impl Future<Output = Heard> + 'static) {
        self.begin_with(instance, what, None, future).await;
    }

    async fn begin_with(
        &mut self,
        instance: usize,
        what: String,
        message: Option<u64>,
        future: impl Future<Output = Heard> + 'static,
    ) {
        self.next += 1;
        self.tell(|| format!("{what} (server {instance}, #{})", self.next));
        let operation = Operation { id: self.next, instance, what, message, future: Box::pin(future) };
        self.go_on(operation).await;
    }

    /// Runs an operation until it ends, waits for another system, or its server is killed.
    async fn go_on(&mut self, mut operation: Operation) {
        let id = operation.id;
        let faulty = {
            let mut world = self.world.lock();
            world.running = id;
            world.parked.remove(&id);
            world.faulty
        };
        if faulty && self.happens(5) {
            let steps = u32::try_from(self.pick(5)).unwrap_or(0);
            fault_injection::kill_at(Some(steps));
        }
        if faulty && self.happens(2) {
            let commits = u32::try_from(self.pick(3)).unwrap_or(0);
            fault_injection::fall_silent_at(Some(commits));
        }
        if faulty && self.happens(2) {
            let call = [Call::Write, Call::Sync][self.pick(2)];
            let (syncs, failure) = (self.pick(3), [Failure::Full, Failure::Broken][self.pick(2)]);
            self.disk.fail_at(call, u32::try_from(syncs).unwrap_or(0), failure);
        }
        let world = self.world.clone();
        let until_parked = poll_fn(|context| match operation.future.as_mut().poll(context) {
            Poll::Ready(heard) => Poll::Ready(Some(heard)),
            Poll::Pending if world.lock().parked.contains(&id) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        let ended = AssertUnwindSafe(until_parked).catch_unwind().await;
        fault_injection::kill_at(None);
        fault_injection::fall_silent_at(None);
        if self.disk.heal() {
            self.tell(|| "    the disk has failed in the meantime".to_owned());
        }
        match ended {
            Ok(Some(heard)) => self.hear(heard),
            Ok(None) => self.operations.push(operation),
            Err(cause) if cause.is::<Killed>() => {
                let what = std::mem::take(&mut operation.what);
                self.tell(|| format!("    killed in the middle of: {what}"));
                let instance = operation.instance;
                // It dies with the server's other operations.
                self.operations.push(operation);
                self.crash(instance);
            }
            Err(cause) => std::panic::resume_unwind(cause),
        }
    }

    fn hear(&mut self, heard: Heard) {
        let lost = self.world.lock().faulty && self.happens(5);
        match heard {
            Heard::Nothing => {}
            // Stripe sends again what was not acknowledged.
            Heard::Webhook(message, _) if lost => {
                self.tell(|| "    and the acknowledgement is lost".to_owned());
                self.world.lock().stripe.mail.push(message);
            }
            _ if lost => self.tell(|| "    and the answer is lost".to_owned()),
            Heard::Opened(buyer, Ok(opened)) => self.holds(buyer, opened),
            Heard::Hosted(buyer, Ok((hosted, opened))) => {
                self.is_led_to(buyer, opened);
                let Some(page) = hosted.page else { return self.tell(|| "    and waits".to_owned()) };
                let page = SessionId::new(page.trim_start_matches("page:"));
                self.tell(|| format!("    buyer {buyer} is sent to {page}"));
                if let Ok(known) = self.world.lock().session(&page) {
                    known.handed_out = true;
                }
                self.buyers[buyer].pages.push(page);
            }
            Heard::Pay(buyer, Ok(PayAnswer::Confirm { client_secret, .. })) => {
                let intent = IntentId::new(client_secret.trim_end_matches("_secret"));
                self.tell(|| format!("    buyer {buyer} can pay {intent}"));
                if let Ok(known) = self.world.lock().intent(&intent) {
                    known.handed_out = true;
                }
                self.buyers[buyer].intents.push(intent);
            }
            Heard::Pay(_, Ok(PayAnswer::Settled { .. })) => self.tell(|| "    nothing is due".to_owned()),
            Heard::Changed(buyer, Ok(purchase)) => {
                self.tell(|| format!("    buyer {buyer} is shown {}", purchase.price().total));
                self.holds(buyer, purchase.opened());
            }
            Heard::Opened(_, Err(error)) | Heard::Pay(_, Err(error)) => {
                self.tell(|| format!("    refused: {error}"));
            }
            Heard::Changed(_, Err(error)) | Heard::Hosted(_, Err(error)) => {
                self.tell(|| format!("    refused: {error}"));
            }
            Heard::Webhook(message, Err(error)) => {
                self.tell(|| format!("    not acknowledged: {error}"));
                self.world.lock().stripe.mail.push(message);
            }
            Heard::Webhook(_, Ok(())) => {}
        }
    }

    fn holds(&mut self, buyer: usize, opened: Opened) {
        let same = self.buyers[buyer].opened.as_ref().is_none_or(|known| known.id == opened.id);
        if !same {
            self.broke("the same Idempotency-Key opened two purchases".to_owned());
        }
        self.tell(|| format!("    buyer {buyer} holds {}", opened.reference));
        self.buyers[buyer].totals.push(opened.price.total);
        self.buyers[buyer].opened = Some(opened);
    }

    /// A form leads to another purchase once the previous one is over. A late answer may still report the previous one.
    fn is_led_to(&mut self, buyer: usize, opened: Opened) {
        let known = &mut self.buyers[buyer];
        let before = match known.opened.take() {
            Some(before) if before.id != opened.id => before,
            same => {
                known.opened = same;
                return self.holds(buyer, opened);
            }
        };
        if !matches!(opened.state, State::Held | State::Paying | State::Processing) {
            known.opened = Some(before);
            return self.tell(|| format!("    buyer {buyer} sees {}, which is past", opened.reference));
        }
        known.earlier.push(before.id.clone());
        // The previous purchase may still be paid or refunded.
        let past = Buyer {
            sku: known.sku,
            key: format!("{}past", known.key),
            email: known.email.clone(),
            hosted: true,
            coupon: known.coupon.clone(),
            places: known.places,
            totals: std::mem::take(&mut known.totals),
            opened: Some(before),
            earlier: Vec::new(),
            pages: std::mem::take(&mut known.pages),
            intents: std::mem::take(&mut known.intents),
            refunds: std::mem::take(&mut known.refunds),
        };
        self.buyers.push(past);
        self.holds(buyer, opened);
    }

    pub(crate) fn broke(&self, what: String) {
        self.world.lock().broken.push(what);
    }

    /// The reference of `buyer`'s purchase.
    pub(crate) fn reference(&self, buyer: &Buyer) -> Option<Reference> {
        buyer.opened.as_ref().map(|opened| Reference::from_metadata(&opened.reference))
    }
}
