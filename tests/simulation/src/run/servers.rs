//! Actions of servers, by themselves or on a webhook, and their end: the outbox, the sweep, webhooks, reconciliation,
//! crashes and power cuts.
use super::*;

impl Run {
    pub(super) async fn work(&mut self) {
        let receivers = receivers();
        let (instance, receiver) = (self.pick(INSTANCES), receivers[self.pick(receivers.len())].clone());
        self.work_at(instance, receiver).await;
    }

    pub(super) async fn work_at(&mut self, instance: usize, receiver: Receiver) {
        let server = self.instances[instance].clone();
        let world = self.world.clone();
        let what = format!("the outbox to {}", receiver.name());
        let work = async move {
            if let Err(error) = worker::work_once(&server, &receiver, &RETRY).await
                && !error.is_passing()
            {
                world.lock().broken.push(format!("the outbox can't be read: {error}"));
            }
            Heard::Nothing
        };
        self.begin(instance, what, work).await;
    }

    pub(super) async fn deliver(&mut self) {
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

    pub(super) async fn deliver_to(&mut self, instance: usize, message: u64) {
        let server = self.instances[instance].clone();
        let kind = self.world.lock().stripe.messages[&message].kind.clone();
        let take = async move {
            Heard::Webhook(message, server.take_webhook(&message.to_string(), Some("signed")).await)
        };
        self.begin_with(instance, format!("webhook {message}: {kind}"), Some(message), take).await;
    }

    pub(super) async fn resume(&mut self) {
        if self.operations.is_empty() {
            return;
        }
        let place = self.pick(self.operations.len());
        let operation = self.operations.remove(place);
        self.tell(|| format!("#{} goes on: {}", operation.id, operation.what));
        self.go_on(operation).await;
    }

    pub(super) async fn pass_time(&mut self) {
        let seconds = [1, 11, 60, 601, 1201, 4000, 100_000][self.pick(7)];
        self.world.lock().pass(Duration::from_secs(seconds));
        let instance = self.pick(INSTANCES);
        self.sweep(instance).await;
    }

    pub(super) async fn sweep(&mut self, instance: usize) {
        let server = self.instances[instance].clone();
        let world = self.world.clone();
        let sweep = async move {
            if let Err(error) = worker::sweep(&server, &redis_checkout::heartbeat::Heartbeat::unheard()).await
                && !error.is_passing()
            {
                world.lock().broken.push(format!("the sweep fails: {error}"));
            }
            Heard::Nothing
        };
        self.begin(instance, "the sweep".to_owned(), sweep).await;
    }

    pub(super) async fn reconcile(&mut self) {
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

    /// Drops an operation where it waits: its caller has gone away, or its loop was late and starts over.
    pub(super) fn abandon(&mut self) {
        if self.operations.is_empty() {
            return;
        }
        let place = self.pick(self.operations.len());
        let operation = self.operations.remove(place);
        self.tell(|| format!("#{} is dropped: {}", operation.id, operation.what));
        self.world.lock().stripe.mail.extend(operation.message);
    }

    /// Both servers and their disk lose power. Of the unsynced writes none, all, or every other one survives.
    pub(super) async fn cut_power(&mut self, database: &mut Database) -> anyhow::Result<()> {
        if !self.may_lose_power {
            return Ok(());
        }
        let kept = self.pick(3);
        self.tell(|| "the power goes".to_owned());
        let mut writes = 0;
        let survives = || {
            writes += 1;
            [false, true, writes % 2 == 0][kept]
        };
        database.cut_power(survives).await?;
        self.store = database.store().clone();
        self.disk = database.disk().clone();
        self.disk.set_losing_power(true);
        self.snapshots = database.snapshots();
        for instance in 0..INSTANCES {
            self.crash(instance);
        }
        Ok(())
    }

    /// Loses everything that one server has under way.
    pub(super) fn crash(&mut self, instance: usize) {
        self.tell(|| format!("server {instance} dies and starts again"));
        let (gone, left) = std::mem::take(&mut self.operations)
            .into_iter()
            .partition(|operation: &Operation| operation.instance == instance);
        self.operations = left;
        let unanswered = gone.iter().filter_map(|operation: &Operation| operation.message);
        self.world.lock().stripe.mail.extend(unanswered);
        drop::<Vec<_>>(gone);
        self.routers[instance] = None;
        self.instances[instance] = server(instance, &self.store, &self.rules, &self.world, &self.time);
    }
}
