//! One run: two instances on one database, a few buyers, and whatever may happen to them.
use crate::check;
use crate::chooser::{Chooser, Step};
use crate::database::Database;
use crate::flockjay::SimFlockJay;
use crate::stripe::{Attempted, SimStripe};
use crate::world::World;
use futures_util::FutureExt;
use redis_checkout::abuse::Client;
use redis_checkout::checkout::{Checkout, IdempotencyKey, Payer};
use redis_checkout::clock::Clock;
use redis_checkout::config::Retry;
use redis_checkout::error::Error;
use redis_checkout::payments::{Intent, IntentStatus, News};
use redis_checkout::purchase::{Dispute, Event, PurchaseId, Receiver, Reference};
use redis_checkout::reconcile::Scope;
use redis_checkout::store::{Retried, Store};
use redis_checkout::trial::{self, Killed};
use redis_checkout::worker;
use shared::{OpenPurchase, Opened, Pay, PayAnswer, Timestamp};
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
    pub(crate) buyers: Vec<Buyer>,
    instances: Vec<Server>,
    operations: Vec<Operation>,
    time: Arc<AtomicI64>,
    next: u64,
    pub(crate) taken_before: i64,
}

/// A learner in front of one purchase.
pub(crate) struct Buyer {
    sku: &'static str,
    key: String,
    email: String,
    pub(crate) opened: Option<Opened>,
    /// Payment intents whose secrets the browser was given, in one tab or another.
    intents: Vec<String>,
    /// Refunds that operators were told would be made.
    pub(crate) refunds: Vec<String>,
}

type Server = Checkout<SimStripe, SimFlockJay>;

/// Something under way at one instance.
struct Operation {
    id: u64,
    instance: usize,
    what: String,
    /// The webhook that it takes, which Stripe sends again where it is not acknowledged.
    message: Option<u64>,
    future: Pin<Box<dyn Future<Output = Heard>>>,
}

/// What somebody outside learns of an operation that has ended.
enum Heard {
    Nothing,
    Opened(usize, Result<Opened, Error>),
    Pay(usize, Result<PayAnswer, Error>),
    Webhook(u64, Result<(), Error>),
}

const BEGIN: i64 = 1_800_000_000_000;
const INSTANCES: usize = 2;
const RETRY: Retry = Retry {
    base: Duration::from_secs(1),
    cap: Duration::from_secs(3600),
    give_up: Duration::from_secs(72 * 3600),
};
/// Steps before all goes well again.
const STEPS: usize = 60;
/// Rounds of 20 minutes after which a purchase that has not ended is stuck.
const ROUNDS: usize = 400;

/// Runs with these choices; `tell` keeps the story.
pub(crate) async fn run(database: &mut Database, chooser: Chooser, tell: bool) -> anyhow::Result<Ran> {
    database.clear().await?;
    let time = Arc::new(AtomicI64::new(BEGIN));
    let world = World::new(chooser, tell, time.clone());
    let mut run = Run {
        store: database.store().clone(),
        instances: (0..INSTANCES).map(|_| server(database.store(), &world, &time)).collect(),
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

fn server(store: &Store, world: &World, time: &Arc<AtomicI64>) -> Server {
    let (stripe, flockjay) = (SimStripe(world.clone()), SimFlockJay(world.clone()));
    Checkout::new(store.clone(), stripe, flockjay, "pk_test", Clock::at(time.clone()))
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

    fn tell(&self, line: impl FnOnce() -> String) {
        self.world.lock().tell(line);
    }

    async fn step(&mut self, database: &mut Database) -> Result<(), String> {
        match self.pick(100) {
            0..=23 => self.work().await,
            24..=31 => self.open().await,
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
            trial::kill_at(Some(steps));
        }
        let world = self.world.clone();
        let until_parked = poll_fn(|context| match operation.future.as_mut().poll(context) {
            Poll::Ready(heard) => Poll::Ready(Some(heard)),
            Poll::Pending if world.lock().parked.contains(&id) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        let ended = AssertUnwindSafe(until_parked).catch_unwind().await;
        trial::kill_at(None);
        match ended {
            Ok(Some(heard)) => self.hear(heard),
            Ok(None) => self.operations.push(operation),
            Err(cause) if cause.is::<Killed>() => {
                let what = std::mem::take(&mut operation.what);
                self.tell(|| format!("    killed in the middle of: {what}"));
                let instance = operation.instance;
                // It dies with the others.
                self.operations.push(operation);
                self.crash(instance);
            }
            Err(cause) => std::panic::resume_unwind(cause),
        }
    }

    /// All that one server has under way is gone.
    fn crash(&mut self, instance: usize) {
        self.tell(|| format!("server {instance} dies and starts again"));
        let (gone, left) = std::mem::take(&mut self.operations)
            .into_iter()
            .partition(|operation: &Operation| operation.instance == instance);
        self.operations = left;
        let unanswered = gone.iter().filter_map(|operation: &Operation| operation.message);
        self.world.lock().stripe.mail.extend(unanswered);
        drop::<Vec<_>>(gone);
        self.instances[instance] = server(&self.store, &self.world, &self.time);
    }

    fn hear(&mut self, heard: Heard) {
        let lost = self.world.lock().faulty && self.happens(5);
        match heard {
            Heard::Nothing => {}
            _ if lost => self.tell(|| "    and the answer is lost".to_owned()),
            Heard::Opened(buyer, Ok(opened)) => {
                let same = self.buyers[buyer].opened.as_ref().is_none_or(|known| known.id == opened.id);
                if !same {
                    self.broke("the same Idempotency-Key opened two purchases".to_owned());
                }
                self.tell(|| format!("    buyer {buyer} holds {}", opened.reference));
                self.buyers[buyer].opened = Some(opened);
            }
            Heard::Pay(buyer, Ok(PayAnswer::Confirm { client_secret, .. })) => {
                let intent = client_secret.trim_end_matches("_secret").to_owned();
                self.tell(|| format!("    buyer {buyer} can pay {intent}"));
                if let Ok(known) = self.world.lock().intent(&intent) {
                    known.handed_out = true;
                }
                self.buyers[buyer].intents.push(intent);
            }
            Heard::Pay(_, Ok(PayAnswer::Settled { .. })) => self.tell(|| "    nothing is due".to_owned()),
            Heard::Opened(_, Err(error)) | Heard::Pay(_, Err(error)) => {
                self.tell(|| format!("    refused: {error}"));
            }
            // Stripe sends again what was not acknowledged.
            Heard::Webhook(message, Err(error)) => {
                self.tell(|| format!("    not acknowledged: {error}"));
                self.world.lock().stripe.mail.push(message);
            }
            Heard::Webhook(_, Ok(())) => {}
        }
    }

    pub(crate) fn broke(&self, what: String) {
        self.world.lock().broken.push(what);
    }

    async fn work(&mut self) {
        let (instance, receiver) = (self.pick(INSTANCES), Receiver::ALL[self.pick(Receiver::ALL.len())]);
        self.work_at(instance, receiver).await;
    }

    async fn work_at(&mut self, instance: usize, receiver: Receiver) {
        let server = self.instances[instance].clone();
        let world = self.world.clone();
        let what = format!("the outbox to {}", receiver.as_str());
        let work = async move {
            if let Err(error) = worker::work_once(&server, receiver, &RETRY).await {
                world.lock().broken.push(format!("the outbox can't be read: {error}"));
            }
            Heard::Nothing
        };
        self.begin(instance, what, work).await;
    }

    async fn open(&mut self) {
        let again = !self.buyers.is_empty() && self.happens(30);
        let buyer = if again {
            self.pick(self.buyers.len())
        } else {
            let sku = ["ru-live", "ru-live", "ru-course", "ru-free"][self.pick(4)];
            let n = self.buyers.len();
            self.buyers.push(Buyer {
                sku,
                key: format!("key-{n}"),
                email: format!("buyer{n}@example.com"),
                opened: None,
                intents: Vec::new(),
                refunds: Vec::new(),
            });
            n
        };
        let (sku, key) = (self.buyers[buyer].sku, IdempotencyKey::new(&self.buyers[buyer].key, b"body"));
        let instance = self.pick(INSTANCES);
        let server = self.instances[instance].clone();
        let request = OpenPurchase { sku: sku.to_owned(), coupon: None, variant: None, learner_token: None };
        let open =
            async move { Heard::Opened(buyer, server.open_purchase(request, Some(key), &Client::Own).await) };
        self.begin(instance, format!("buyer {buyer} opens {sku}"), open).await;
    }

    /// A buyer who has opened a purchase, and its id.
    fn somebody(&self) -> Option<(usize, PurchaseId)> {
        let open = self.buyers.iter().enumerate().filter(|(_, buyer)| buyer.opened.is_some());
        let open: Vec<_> = open.map(|(n, _)| n).collect();
        let buyer = *open.get(self.pick(open.len()))?;
        let id = PurchaseId::parse(&self.buyers[buyer].opened.as_ref()?.id)?;
        Some((buyer, id))
    }

    async fn press_pay(&mut self) {
        let Some((buyer, id)) = self.somebody() else { return };
        if self.happens(10) {
            self.buyers[buyer].email.insert(0, 'x');
        }
        let total = self.buyers[buyer].opened.as_ref().map_or(0, |opened| opened.price.total);
        let expected_total = if self.happens(3) { total + 1 } else { total };
        let request = Pay { email: self.buyers[buyer].email.clone(), name: None, expected_total };
        let instance = self.pick(INSTANCES);
        let server = self.instances[instance].clone();
        let payer = Payer { client: Client::Own, challenge_answer: None };
        let pay = async move { Heard::Pay(buyer, server.pay(&id, request, None, &payer).await) };
        self.begin(instance, format!("buyer {buyer} presses Pay"), pay).await;
    }

    /// An intent that some browser can pay.
    fn an_intent(&self) -> Option<String> {
        let all: Vec<_> = self.buyers.iter().flat_map(|buyer| &buyer.intents).collect();
        all.get(self.pick(all.len())).map(|intent| (*intent).clone())
    }

    fn attempt(&mut self) {
        let Some(intent) = self.an_intent() else { return };
        let outcome = match self.pick(10) {
            0..=5 => Attempted::Paid,
            6..=7 => Attempted::Declined,
            8 => Attempted::Challenged,
            _ => Attempted::SettlesLater,
        };
        self.tell(|| format!("a card at {intent}: {outcome:?}"));
        self.world.lock().attempt(&intent, outcome);
    }

    fn conclude(&mut self) {
        let Some(intent) = self.an_intent() else { return };
        let succeeds = self.pick(3) < 2;
        self.tell(|| format!("what {intent} waits for comes: {succeeds}"));
        self.world.lock().conclude(&intent, succeeds);
    }

    async fn deliver(&mut self) {
        let message = {
            let mut world = self.world.lock();
            let waiting = world.stripe.mail.len();
            if waiting == 0 {
                return;
            }
            let place = world.chooser.pick(waiting);
            let twice = world.faulty && world.chooser.happens(15);
            if twice { world.stripe.mail[place] } else { world.stripe.mail.remove(place) }
        };
        let instance = self.pick(INSTANCES);
        self.deliver_to(instance, message).await;
    }

    async fn deliver_to(&mut self, instance: usize, message: u64) {
        let server = self.instances[instance].clone();
        let kind = self.world.lock().stripe.messages[&message].kind.clone();
        let take = async move {
            Heard::Webhook(message, server.take_webhook(&message.to_string(), Some("signed")).await)
        };
        self.begin_with(instance, format!("webhook {message}: {kind}"), Some(message), take).await;
    }

    async fn resume(&mut self) {
        if self.operations.is_empty() {
            return;
        }
        let place = self.pick(self.operations.len());
        let operation = self.operations.remove(place);
        self.tell(|| format!("#{} goes on: {}", operation.id, operation.what));
        self.go_on(operation).await;
    }

    async fn pass_time(&mut self) {
        let seconds = [1, 11, 60, 601, 1201, 4000, 100_000][self.pick(7)];
        self.world.lock().pass(Duration::from_secs(seconds));
        let instance = self.pick(INSTANCES);
        self.sweep(instance).await;
    }

    async fn sweep(&mut self, instance: usize) {
        let server = self.instances[instance].clone();
        let world = self.world.clone();
        let sweep = async move {
            if let Err(error) = worker::sweep(&server).await {
                world.lock().broken.push(format!("the sweep fails: {error}"));
            }
            Heard::Nothing
        };
        self.begin(instance, "the sweep".to_owned(), sweep).await;
    }

    async fn refresh(&mut self) {
        let Some((buyer, id)) = self.somebody() else { return };
        let instance = self.pick(INSTANCES);
        let server = self.instances[instance].clone();
        let refresh = async move {
            let _seen = server.refresh(&id, &Client::Own).await;
            Heard::Nothing
        };
        self.begin(instance, format!("buyer {buyer} asks for news"), refresh).await;
    }

    async fn give_up(&mut self) -> Result<(), String> {
        let Some((buyer, id)) = self.somebody() else { return Ok(()) };
        let outcome = self.store.apply(&id, Event::GaveUp, self.now()).await.map_err(|e| e.to_string())?;
        self.tell(|| {
            format!("buyer {buyer} gives up: {}", outcome.map_or("refused", |p| p.state().as_str()))
        });
        Ok(())
    }

    /// An operator gives money back.
    async fn refund(&mut self) -> Result<(), String> {
        let Some((buyer, id)) = self.somebody() else { return Ok(()) };
        let total = self.buyers[buyer].opened.as_ref().map_or(0, |opened| opened.price.total);
        let amount = [None, Some(total / 5), Some(total / 5 * 3)][self.pick(3)];
        let key = format!("refund-{buyer}-{}", self.buyers[buyer].refunds.len());
        let event = Event::RefundRequested { amount, key: key.clone() };
        let outcome = self.store.apply(&id, event, self.now()).await.map_err(|e| e.to_string())?;
        self.tell(|| {
            format!(
                "an operator gives {amount:?} back to buyer {buyer}: {:?}",
                outcome.as_ref().map(|p| p.state())
            )
        });
        if outcome.is_ok_and(|purchase| purchase.charged() > 0) {
            self.buyers[buyer].refunds.push(key);
        }
        Ok(())
    }

    /// Somebody in Stripe's dashboard, a bank, or another tool with our keys.
    fn happen_at_stripe(&mut self) {
        let intents: Vec<Intent> =
            self.world.lock().stripe.intents.iter().map(|known| known.now.clone()).collect();
        let Some(intent) = intents.get(self.pick(intents.len())) else { return };
        let what = self.pick(8);
        let id = intent.id.clone();
        let mut world = self.world.lock();
        let line = match what {
            0 => {
                world.settle_refunds(&id);
                "its refunds settle"
            }
            1 => {
                let amount = [None, Some(500)][world.chooser.pick(2)];
                let _left = world.refund(&id, amount, None);
                "the dashboard gives money back"
            }
            2 => {
                if matches!(intent.status, IntentStatus::Open | IntentStatus::ActionRequired) {
                    world.move_to(&id, IntentStatus::Canceled, "payment_intent.canceled");
                }
                "the dashboard cancels it"
            }
            3..=4 => {
                let open = world.intent(&id).is_ok_and(|known| known.is_paid() && known.dispute.is_none());
                if open {
                    world.dispute(&id, Dispute::Open);
                }
                "the bank asks for the money"
            }
            5 => {
                let open = world.intent(&id).is_ok_and(|known| known.dispute == Some(Dispute::Open));
                if open {
                    let lost = world.chooser.happens(50);
                    world.dispute(&id, if lost { Dispute::Lost } else { Dispute::Won });
                }
                "the bank decides"
            }
            6 => {
                if let (IntentStatus::Open, Ok(known)) = (intent.status, world.intent(&id)) {
                    known.now.amount = 1234;
                    known.foreign = true;
                }
                "another tool changes its amount"
            }
            _ => {
                if let (Some(reference), Some(currency)) = (&intent.reference, intent.currency) {
                    let stray = world.make_intent(reference, intent.amount, currency, "x@example.com", true);
                    world.attempt(&stray.id, Attempted::Paid);
                }
                "another tool takes money for the same purchase"
            }
        };
        world.tell(|| format!("at Stripe, {id}: {line}"));
    }

    /// What Stripe says of a payment may be lost: it is asked. What becomes of money that was taken it alone tells, and
    /// goes on telling.
    fn lose_mail(&mut self) {
        let mut world = self.world.lock();
        let stripe = &mut world.stripe;
        let (messages, intents) = (&stripe.messages, &stripe.intents);
        stripe.mail.retain(|message| match &messages[message].news {
            News::Intent(told) => intents.iter().any(|known| known.now.id == told.id && known.foreign),
            News::Disputed { .. } | News::Unclear { .. } | News::Other => true,
        });
        world.tell(|| "webhooks about payments are lost".to_owned());
    }

    async fn reconcile(&mut self) {
        let instance = self.pick(INSTANCES);
        let server = self.instances[instance].clone();
        let since = self.now().minus(Duration::from_secs(30 * 86_400));
        let reconcile = async move {
            let scope = Scope { since, mends: Some("simulation") };
            let _report = server.reconcile(scope, &|_| {}).await;
            Heard::Nothing
        };
        self.begin(instance, "reconcile".to_owned(), reconcile).await;
    }

    /// Nothing goes wrong any more, and time passes until nothing waits.
    async fn come_to_an_end(&mut self) -> Result<(), String> {
        let silent = self.happens(30);
        {
            let mut world = self.world.lock();
            world.faulty = false;
            world.flockjay.refuses = false;
            world.tell(|| "from here on all goes well".to_owned());
        }
        for round in 0..ROUNDS {
            while let Some(operation) = self.operations.pop() {
                self.go_on(operation).await;
            }
            if silent {
                self.lose_mail();
            }
            while !self.world.lock().stripe.mail.is_empty() {
                self.deliver().await;
            }
            self.settle_at_stripe();
            if round == 0 {
                self.retry_all().await.map_err(|error| error.to_string())?;
            }
            self.sweep(0).await;
            let mut depth = self.store.outbox_depth().await.map_err(|error| error.to_string())?;
            for _ in 0..depth.0 + 4 {
                for receiver in Receiver::ALL {
                    self.work_at(1, receiver).await;
                }
            }
            check::after_step(self).await?;
            depth = self.store.outbox_depth().await.map_err(|error| error.to_string())?;
            let quiet = depth.0 == 0 && self.world.lock().stripe.mail.is_empty();
            if quiet && check::nothing_waits(self).await? {
                return Ok(());
            }
            self.world.lock().pass(Duration::from_secs(1200));
        }
        Err("it never comes to an end".to_owned())
    }

    fn settle_at_stripe(&mut self) {
        let ids: Vec<_> = self.world.lock().stripe.intents.iter().map(|known| known.now.id.clone()).collect();
        for id in ids {
            let succeeds = self.pick(2) == 0;
            let mut world = self.world.lock();
            let Ok(known) = world.intent(&id) else { continue };
            let (status, dispute) = (known.now.status, known.dispute);
            if status == IntentStatus::Processing {
                world.conclude(&id, succeeds);
            }
            if dispute == Some(Dispute::Open) {
                world.dispute(&id, if succeeds { Dispute::Won } else { Dispute::Lost });
            }
            world.settle_refunds(&id);
        }
    }

    /// Operators try again what was refused, or failed for too long.
    async fn retry_all(&mut self) -> anyhow::Result<()> {
        for command in self.store.commands_in("needs_person", 100).await? {
            let mut tx = self.store.begin().await?;
            anyhow::ensure!(tx.retry_command(&command.id, self.now()).await? == Retried::Yes, "not put back");
            tx.commit().await?;
        }
        Ok(())
    }

    /// The reference of what `buyer` holds.
    pub(crate) fn reference(&self, buyer: &Buyer) -> Option<Reference> {
        buyer.opened.as_ref().map(|opened| Reference::from_metadata(&opened.reference))
    }
}
