//! What the checkout does for a request: one method each, called once by its handler.

mod asks;
mod coupon;
mod form;
mod guard;
mod hosted;
mod mine;
mod moment;
mod open;
mod pauses;
mod pay;
mod ready;
mod seats;
mod status;
mod team;
mod webhook;

use crate::account::Account;
use crate::catalog::{CurrentCatalog, Item};
use crate::clock::{Clock, ClockState};
use crate::error::Error;
use crate::grants::{FlockJay, Grants};
use crate::heartbeat::Heartbeats;
use crate::identity::Identity;
use crate::payments::{Intent, IntentStatus, Payments, Stripe};
use crate::purchase::{PaymentMethods, Purchase, PurchaseId};
use crate::store::Store;
use crate::trial::reach;
use shared::{Offering, Sale, Timestamp};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub use asks::Asks;
pub use form::{Hindered, HostedPurchase, PageSite};
pub use guard::Guards;
pub use hosted::Hosted;
pub(crate) use mine::explain;
pub use moment::Moment;
pub use open::IdempotencyKey;
pub use pauses::Pauses;
pub use pay::Payer;
pub use ready::Readiness;
pub use seats::SeatWatch;
pub use team::{Assigned, TeamPage};

const GIVE_UP_WAIT: Duration = Duration::from_secs(10);

/// The catalogue, the database and the two ports, for handlers and for the worker.
pub struct Checkout<P = Stripe, G = FlockJay> {
    pub(crate) store: Store,
    pub(crate) catalog: CurrentCatalog,
    pub(crate) payments: Arc<P>,
    pub(crate) grants: Arc<G>,
    pub(crate) publishable_key: Arc<str>,
    methods: PaymentMethods,
    pub(crate) seats: SeatWatch,
    pub(crate) pauses: Pauses,
    pub(crate) clock: Clock,
    pub(crate) guards: Guards,
    pub(crate) asks: Asks,
    /// Webhooks with a wrong signature since the last right one.
    refused_webhooks: Arc<AtomicU32>,
    /// Who is told of purchases.
    pub(crate) accounts: Arc<[Arc<dyn Account>]>,
    /// Reads learners' tokens.
    pub(crate) identity: Arc<Identity>,
    /// How long a request that gives up waits for Stripe to confirm.
    patience: Duration,
    /// Ends what waits, when the server is told to stop.
    pub(crate) stop: CancellationToken,
    /// Of what runs in the background.
    pub(crate) heartbeats: Heartbeats,
    pub(crate) readiness: Readiness,
}

impl<P: Payments, G: Grants> Checkout<P, G> {
    /// On these parts; `publishable_key` is what browsers are given to reach Stripe with.
    #[must_use]
    pub fn new(store: Store, payments: P, grants: G, publishable_key: &str, clock: Clock) -> Self {
        Self {
            catalog: store.catalog().clone(),
            store,
            payments: Arc::new(payments),
            grants: Arc::new(grants),
            publishable_key: publishable_key.into(),
            methods: PaymentMethods::INSTANT,
            seats: SeatWatch::default(),
            pauses: Pauses::default(),
            clock,
            guards: Guards::default(),
            asks: Asks::default(),
            refused_webhooks: Arc::default(),
            accounts: Arc::default(),
            identity: Arc::default(),
            patience: GIVE_UP_WAIT,
            stop: CancellationToken::new(),
            heartbeats: Heartbeats::default(),
            readiness: Readiness::default(),
        }
    }

    /// With these limits.
    #[must_use]
    pub fn guarded_by(self, guards: Guards) -> Self {
        Self { asks: Asks::new(guards.rates.questions), guards, ..self }
    }

    /// Paid by these methods.
    #[must_use]
    pub fn paid_by(self, methods: PaymentMethods) -> Self {
        Self { methods, ..self }
    }

    /// Telling these systems of purchases.
    #[must_use]
    pub fn telling(self, accounts: Vec<Arc<dyn Account>>) -> Self {
        Self { accounts: accounts.into(), ..self }
    }

    /// Knowing learners by these tokens.
    #[must_use]
    pub fn knowing(self, identity: Identity) -> Self {
        Self { identity: Arc::new(identity), ..self }
    }

    /// Going by this clock.
    #[must_use]
    pub fn going_by(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Whether this instance may do what is due: not where its own clock is so wrong that nobody knows what is.
    pub(crate) fn takes_work(&self) -> bool {
        self.clock.state() != ClockState::Wrong
    }

    /// Waiting for so long where Stripe has to confirm that a purchase is given up.
    #[must_use]
    pub fn waiting_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The offering as it stands now.
    pub async fn offering(&self, sku: &str) -> Result<Offering, Error> {
        let catalog = self.catalog.get();
        let item = catalog.find(sku).ok_or_else(|| Error::UnknownSku(sku.to_owned()))?;
        let taken = match item.capacity {
            Some(_) => self.store.taken_seats(sku).await?,
            None => 0,
        };
        Ok(self.shown(item, taken, self.now()))
    }

    /// The offering as the API shows it, with `taken` seats gone.
    pub(crate) fn shown(&self, item: &Item, taken: i64, now: Timestamp) -> Offering {
        Offering { sale: self.sale(item, taken, now), ..item.offering(taken, now) }
    }

    /// Whether it can be bought: a pause stands before everything that time or seats would allow.
    pub(crate) fn sale(&self, item: &Item, taken: i64, now: Timestamp) -> Sale {
        match item.sale(taken, now) {
            Sale::Open | Sale::SoldOut if self.pauses.holds(item) => Sale::Paused,
            sale @ (Sale::Open | Sale::NotOpen | Sale::Closed | Sale::SoldOut | Sale::Paused) => sale,
        }
    }

    /// Tells the purchase what Stripe says of its payment intent.
    pub(crate) async fn learn(&self, purchase: &PurchaseId, intent: &Intent) -> Result<Purchase, Error> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let [created, standing] = intent.events();
        let mut known = tx.apply(purchase, created, now).await??;
        // Of a second intent nothing but its money counts.
        if known.intent() == Some(&intent.id) || intent.status == IntentStatus::Succeeded {
            known = tx.apply(purchase, standing, now).await??;
        }
        reach("learn.stored", "");
        tx.commit().await?;
        reach("learn.committed", "");
        Ok(known)
    }
}

impl<P, G> Clone for Checkout<P, G> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            catalog: self.catalog.clone(),
            payments: self.payments.clone(),
            grants: self.grants.clone(),
            publishable_key: self.publishable_key.clone(),
            methods: self.methods.clone(),
            seats: self.seats.clone(),
            pauses: self.pauses.clone(),
            clock: self.clock.clone(),
            guards: self.guards.clone(),
            asks: self.asks.clone(),
            refused_webhooks: self.refused_webhooks.clone(),
            accounts: self.accounts.clone(),
            identity: self.identity.clone(),
            patience: self.patience,
            stop: self.stop.clone(),
            heartbeats: self.heartbeats.clone(),
            readiness: self.readiness.clone(),
        }
    }
}
