//! The checkout: one method for each request, called once by its handler.

mod abuse_limits;
mod apply;
mod asks;
mod coupon;
mod form;
mod idempotency;
mod learner;
mod offerings_version;
mod open;
mod pauses;
mod pay;
mod ready;
mod seats;
mod status;
mod stripe_page;
mod team;
mod webhook;

use crate::account::Account;
use crate::catalog::{CurrentCatalog, Item};
use crate::clock::{Clock, ClockState};
use crate::error::Error;
use crate::fault_injection::{Step, reach};
use crate::grants::Grants;
use crate::heartbeat::Heartbeats;
use crate::identity::Identity;
use crate::payments::{Intent, IntentStatus, Payments};
use crate::purchase::{PaymentMethods, Purchase, PurchaseId};
use crate::store::Store;
use shared::{Offering, Sale, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub use abuse_limits::AbuseLimits;
pub use apply::Rules;
pub use asks::Asks;
pub use form::{FormRejection, HostedPurchase, PageSite};
pub use idempotency::IdempotencyKey;
pub(crate) use learner::explain;
pub use offerings_version::OfferingsVersion;
pub use pauses::Pauses;
pub use pay::PayContext;
pub use ready::Readiness;
pub use seats::SeatWatch;
pub use stripe_page::FormRedirect;
pub use team::{Assigned, TeamPage};

const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// The catalogue, the database and the ports to other systems, for handlers and for the worker.
#[derive(Clone)]
pub struct Checkout {
    pub(crate) store: Store,
    pub(crate) rules: Rules,
    pub(crate) catalog: CurrentCatalog,
    pub(crate) payments: Arc<dyn Payments>,
    pub(crate) grants: Arc<dyn Grants>,
    pub(crate) publishable_key: Arc<str>,
    methods: PaymentMethods,
    pub(crate) seats: SeatWatch,
    pub(crate) pauses: Pauses,
    pub(crate) clock: Clock,
    pub(crate) abuse: AbuseLimits,
    pub(crate) asks: Asks,
    /// Refused webhooks since the last valid one.
    refused_webhooks: Arc<AtomicU32>,
    /// How many unknown coupon codes this process was asked for.
    unknown_coupons: Arc<AtomicU64>,
    /// The account receivers to notify.
    pub(crate) accounts: Arc<[Arc<dyn Account>]>,
    /// Reads learners' tokens.
    pub(crate) identity: Arc<Identity>,
    /// How long a request to cancel waits for Stripe to confirm.
    cancel_timeout: Duration,
    /// Ends everything that waits when the server shuts down.
    pub(crate) stop: CancellationToken,
    /// Heartbeats of the background loops.
    pub(crate) heartbeats: Heartbeats,
    pub(crate) readiness: Readiness,
}

impl Checkout {
    /// Builds a checkout from its parts; `publishable_key` is Stripe's key for browsers.
    #[must_use]
    pub fn new(
        store: Store,
        rules: Rules,
        payments: impl Payments,
        grants: impl Grants,
        publishable_key: &str,
        clock: Clock,
    ) -> Self {
        Self {
            store,
            catalog: rules.catalog.clone(),
            rules,
            payments: Arc::new(payments),
            grants: Arc::new(grants),
            publishable_key: publishable_key.into(),
            methods: PaymentMethods::INSTANT,
            seats: SeatWatch::default(),
            pauses: Pauses::default(),
            clock,
            abuse: AbuseLimits::default(),
            asks: Asks::default(),
            refused_webhooks: Arc::default(),
            unknown_coupons: Arc::default(),
            accounts: Arc::default(),
            identity: Arc::default(),
            cancel_timeout: CANCEL_TIMEOUT,
            stop: CancellationToken::new(),
            heartbeats: Heartbeats::default(),
            readiness: Readiness::default(),
        }
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_abuse_limits(self, abuse: AbuseLimits) -> Self {
        let rules = Rules { rates: abuse.rates, pseudonyms: abuse.pseudonyms.clone(), ..self.rules };
        Self { asks: Asks::new(abuse.rates.questions), rules, abuse, ..self }
    }

    /// Sets the payment methods.
    #[must_use]
    pub fn with_payment_methods(self, methods: PaymentMethods) -> Self {
        Self { methods, ..self }
    }

    /// Sets the account receivers to notify of purchases.
    #[must_use]
    pub fn with_accounts(self, accounts: Vec<Arc<dyn Account>>) -> Self {
        let rules = Rules { notifies_accounts: !accounts.is_empty(), ..self.rules };
        Self { accounts: accounts.into(), rules, ..self }
    }

    /// Sets how learners' tokens are verified.
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        Self { identity: Arc::new(identity), ..self }
    }

    /// Sets the clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Whether this instance may do work that is due: not if its clock is so wrong that it can't tell what is due.
    pub(crate) fn takes_work(&self) -> bool {
        self.clock.state() != ClockState::Wrong
    }

    /// Sets how long a request to cancel waits for Stripe to confirm.
    #[must_use]
    pub fn with_cancel_timeout(self, cancel_timeout: Duration) -> Self {
        Self { cancel_timeout, ..self }
    }

    /// How many unknown coupon codes this process was asked for.
    pub(crate) fn unknown_coupons(&self) -> u64 {
        self.unknown_coupons.load(Ordering::Relaxed)
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

    /// The offering as the API shows it, with `taken` seats taken.
    pub(crate) fn shown(&self, item: &Item, taken: i64, now: Timestamp) -> Offering {
        Offering { sale: self.sale(item, taken, now), ..item.offering(taken, now) }
    }

    /// Whether it can be bought. A pause overrides what time and seats would allow.
    pub(crate) fn sale(&self, item: &Item, taken: i64, now: Timestamp) -> Sale {
        match item.sale(taken, now) {
            Sale::Open | Sale::SoldOut if self.pauses.covers(item) => Sale::Paused,
            sale @ (Sale::Open | Sale::NotOpen | Sale::Closed | Sale::SoldOut | Sale::Paused) => sale,
        }
    }

    /// Applies what Stripe says about the payment intent to the purchase.
    pub(crate) async fn record_intent(
        &self,
        purchase: &PurchaseId,
        intent: &Intent,
    ) -> Result<Purchase, Error> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let [created, standing] = intent.events();
        let mut known = self.rules.apply_in(&mut tx, purchase, created, now).await?;
        // From a second intent, only a payment counts.
        if known.intent() == Some(&intent.id) || intent.status == IntentStatus::Succeeded {
            known = self.rules.apply_in(&mut tx, purchase, standing, now).await?;
        }
        reach(Step::RecordStored, "");
        tx.commit().await?;
        reach(Step::RecordCommitted, "");
        Ok(known)
    }
}
