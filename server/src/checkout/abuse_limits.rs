//! Protects opening and paying from card testing and seat hoarding.
use super::{Checkout, PayContext};
use crate::abuse::{Challenge, Client, Excess, Origin, ProcessLimits, Pseudonyms, Rate, Rates};
use crate::catalog::Item;
use crate::coupons::{CouponCode, CouponRefusal};
use crate::error::Error;
use crate::purchase::{Purchase, PurchaseId};
use crate::store::{Allowance, StoreError, Tx, subject};
use shared::{Email, Timestamp};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a passed challenge is valid.
const HUMAN_FOR: Duration = Duration::from_secs(1800);
/// Emails that one purchase with a coupon may be paid with: a mistyped one, its correction, and one more.
const EMAILS_PER_PURCHASE: Rate = Rate::new(3, Duration::from_secs(3600));
/// How long a tried email is remembered: at least as long as it counts.
const TRIED_EMAIL: Rate = Rate::new(1, Duration::from_secs(86_400));
/// When to retry if the client's own other purchases are in the way.
const HELD_WAIT: Duration = Duration::from_secs(60);

/// The limits in force, and the challenge that lets a client through.
#[derive(Clone, Default)]
pub struct AbuseLimits {
    pub rates: Rates,
    pub process: ProcessLimits,
    pub pseudonyms: Pseudonyms,
    pub challenge: Option<Challenge>,
}

impl Checkout {
    /// Counts a request from `origin`; one without limits has none, and is not counted.
    pub(crate) fn admit(&self, origin: Option<Origin>) -> Result<(), Error> {
        let Some(origin) = origin else { return Ok(()) };
        let counted = self.abuse.process.count_request(origin);
        counted.map_err(|wait| {
            self.tell_stopped(&self.abuse.pseudonyms.client(Some(origin)), Excess::Requests);
            too_many(Excess::Requests, wait)
        })
    }

    /// Counts a request from `client` about a purchase.
    pub(super) fn admit_to(&self, id: &PurchaseId, client: &Client) -> Result<(), Error> {
        match client {
            Client::Limited(_) => self.count(Excess::Purchase, id.as_str()),
            Client::Unlimited => Ok(()),
        }
    }

    /// Counts what `client` opens, in the transaction that opens it; `weight` is how much it takes from others.
    pub(super) async fn admit_opening(
        &self,
        tx: &mut Tx,
        client: &Client,
        weight: u32,
        now: Timestamp,
    ) -> Result<(), Error> {
        for network in client.networks() {
            // Either way, openings of the same client wait for each other.
            match self.abuse.rates.opens {
                Some(rate) => {
                    let rate = rate.times(network.times);
                    let used = tx.use_rate_for(&subject::opens(&network.name), rate, weight, now).await?;
                    used.map_err(|wait| {
                        self.tell_stopped(client, Excess::Opens);
                        too_many(Excess::Opens, wait)
                    })?;
                }
                None => tx.mark(&subject::holds(&network.name), now).await?,
            }
        }
        Ok(())
    }

    /// The allowance of `client` for another purchase of `item`.
    pub(super) fn allowance<'a>(&self, client: &'a Client, item: &Item) -> Allowance<'a> {
        let Rates { declines, holds, share, .. } = self.abuse.rates;
        let networks = client.networks();
        let Some(own) = networks.first() else { return Allowance::ALL };
        // Without a limit on holds, a client may hold any number of seats. Every client may hold at least one.
        let share = share.filter(|_| holds.is_some()).map(i64::from);
        let part = |capacity: i64, percent: i64| (capacity * percent * i64::from(own.times) + 99) / 100;
        let seats = item.capacity.zip(share).map(|(capacity, percent)| part(capacity, percent).max(1));
        Allowance { networks, held: holds, seats, declines }
    }

    /// Why `client` may not open another purchase: it was declined too often, holds too many seats, or has too many
    /// unpaid purchases.
    pub(super) async fn not_allowed(
        &self,
        tx: &mut Tx,
        purchase: &Purchase,
        client: &Client,
        allowance: &Allowance<'_>,
        now: Timestamp,
    ) -> Result<Error, StoreError> {
        if let Some(wait) = self.declined_too_often(tx, client, now).await? {
            return Ok(too_many(Excess::Declines, wait));
        }
        let excess = match allowance.seats {
            // Waiting would not help.
            Some(most) if purchase.places() > most => {
                let detail = format!("must be at most {most} at a time; buy the others once these are paid");
                return Ok(Error::Invalid { field: "places".to_owned(), detail });
            }
            Some(most) => {
                let unpaid = tx.unpaid_seats(client.networks(), purchase.sku()).await?;
                if unpaid + purchase.places() > most { Excess::Share } else { Excess::Holds }
            }
            None => Excess::Holds,
        };
        self.tell_stopped(client, excess);
        Ok(too_many(excess, HELD_WAIT))
    }

    async fn declined_too_often(
        &self,
        tx: &mut Tx,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<Duration>, StoreError> {
        let Some(rate) = self.abuse.rates.declines else { return Ok(None) };
        for network in client.networks() {
            let subject = subject::declines(&network.name);
            if let Some(wait) = tx.rate_wait(&subject, rate.times(network.times), now).await? {
                return Ok(Some(wait));
            }
        }
        Ok(None)
    }

    /// Alerts operators, once in a while per client, that a limit has stopped a client, which may be an office.
    fn tell_stopped(&self, client: &Client, excess: Excess) {
        let Some(name) = client.name() else { return };
        if self.abuse.process.is_news(name) {
            tracing::warn!(
                alert = true,
                client = name,
                limit = ?excess,
                "client exceeded a limit: check with `redis-checkout limits show ADDRESS` whether you know its address, \
                 and raise its network's limits with LIMIT_NETWORKS"
            );
        }
    }

    /// Counts a purchase of `sku` that `client` is about to open.
    pub(super) fn admit_to_offering(&self, sku: &str, client: &Client) -> Result<(), Error> {
        match client {
            Client::Limited(_) => self.count(Excess::Offering, sku),
            Client::Unlimited => Ok(()),
        }
    }

    /// Admits a press of Pay on `purchase` with `email`; [`Self::count_press`] follows in the transaction that records
    /// it. During a run of card testing, only clients that have bought before, or pass the challenge, may press Pay for
    /// the first time.
    pub(super) async fn admit_press(
        &self,
        purchase: &Purchase,
        email: &Email,
        context: &PayContext,
    ) -> Result<(), Error> {
        let PayContext { client, challenge_answer, .. } = context;
        if purchase.attempt().is_none() && purchase.price().total > 0 {
            self.admit_new_payer(client, challenge_answer.as_deref()).await?;
        }
        if purchase.redemption().is_some() {
            self.admit_email(purchase.id(), email, client).await?;
        }
        Ok(())
    }

    async fn admit_new_payer(&self, client: &Client, answer: Option<&str>) -> Result<(), Error> {
        let (Some(name), Some(run)) = (client.name(), self.abuse.rates.decline_run) else { return Ok(()) };
        let now = self.now();
        if !self.store.is_marked(subject::CLOSED, now).await?
            || self.store.has_bought(name).await?
            || self.store.is_marked(&subject::passed(name), now).await?
        {
            return Ok(());
        }
        let Some(challenge) = &self.abuse.challenge else {
            return Err(too_many(Excess::DeclineRun, run.period()));
        };
        if let Some(answer) = answer
            && challenge.is_passed(answer).await
        {
            let mut tx = self.store.begin().await?;
            tx.mark(&subject::passed(name), now.plus(HUMAN_FOR)).await?;
            return Ok(tx.commit().await?);
        }
        let challenge = Some(Box::new(challenge.shown()));
        Err(Error::TooMany { excess: Excess::DeclineRun, wait: run.period(), challenge })
    }

    /// Fails for the same reasons as opening and paying another purchase, but counts nothing.
    pub(super) async fn admit_another(
        &self,
        client: &Client,
        weight: u32,
        email: &Email,
    ) -> Result<(), Error> {
        if client.name().is_none() {
            return Ok(());
        }
        self.admit_new_payer(client, None).await?;
        let Rates { opens, pays, declines, .. } = self.abuse.rates;
        let email = self.abuse.pseudonyms.email(email);
        let mut limits = vec![
            (Excess::Pays, subject::pays(&email), pays, 1),
            (Excess::Declines, subject::declines(&email), declines, 1),
        ];
        for network in client.networks() {
            let times = |rate: Option<Rate>| rate.map(|rate| rate.times(network.times));
            limits.push((Excess::Opens, subject::opens(&network.name), times(opens), weight));
            limits.push((Excess::Declines, subject::declines(&network.name), times(declines), 1));
        }
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let mut refused = None;
        for (excess, subject, rate, uses) in limits {
            let Some(rate) = rate else { continue };
            let wait = tx.rate_wait_for(&subject, rate, uses, now).await?;
            refused = refused.or(wait.map(|wait| too_many(excess, wait)));
        }
        tx.commit().await?;
        refused.map_or(Ok(()), Err)
    }

    /// Counts a press of Pay, in the transaction that records it.
    pub(super) async fn count_press(
        &self,
        tx: &mut Tx,
        client: &Client,
        email: &Email,
        now: Timestamp,
    ) -> Result<(), Error> {
        if client.name().is_none() {
            return Ok(());
        }
        let email = self.abuse.pseudonyms.email(email);
        let mut wait = self.declined_too_often(tx, client, now).await?;
        if let (None, Some(rate)) = (wait, self.abuse.rates.declines) {
            wait = tx.rate_wait(&subject::declines(&email), rate, now).await?;
        }
        if let Some(wait) = wait {
            return Err(too_many(Excess::Declines, wait));
        }
        let Some(rate) = self.abuse.rates.pays else { return Ok(()) };
        tx.use_rate(&subject::pays(&email), rate, now).await?.map_err(|wait| too_many(Excess::Pays, wait))
    }

    /// Counts an email that `client` is about to pay with, before a coupon reveals anything about it, so that nobody
    /// can find out by trying who has used one. The same email is not counted again, and a client that pays gets its
    /// count back.
    pub(super) async fn admit_email(
        &self,
        purchase: &PurchaseId,
        email: &Email,
        client: &Client,
    ) -> Result<(), Error> {
        let Some(rate) = self.abuse.rates.emails.filter(|_| client.name().is_some()) else { return Ok(()) };
        let now = self.now();
        let email = self.abuse.pseudonyms.email(email);
        let known = subject::tried(purchase.as_str(), &email);
        let mut tx = self.store.begin().await?;
        if tx.rate_wait(&known, TRIED_EMAIL, now).await?.is_some() {
            tx.rollback().await?;
            return Ok(());
        }
        let own = (subject::emails(purchase.as_str()), EMAILS_PER_PURCHASE);
        let networks = client.networks().iter();
        let networks = networks.map(|network| (subject::emails(&network.name), rate.times(network.times)));
        for (subject, rate) in std::iter::once(own).chain(networks) {
            if let Err(wait) = tx.use_rate(&subject, rate, now).await? {
                tx.rollback().await?;
                self.tell_stopped(client, Excess::Emails);
                return Err(too_many(Excess::Emails, wait));
            }
        }
        tx.mark(&known, now.plus(TRIED_EMAIL.period())).await?;
        Ok(tx.commit().await?)
    }

    /// Counts a code that `client` tries before it is looked up, so that concurrent guesses are no cheaper. During a
    /// run of guessing, one unknown code is already too many. [`Self::end_guess`] follows.
    pub(super) async fn begin_guess(&self, client: &Client, now: Timestamp) -> Result<(), Error> {
        let Some(name) = client.name() else { return Ok(()) };
        let Rates { coupons, .. } = self.abuse.rates;
        let own = client.networks().first().map_or(1, |network| network.times);
        let each = coupons.map(|rate| rate.times(own));
        if let Some(wait) = self.store.guess_wait(name, each, now).await? {
            return Err(too_many(Excess::Coupons, wait));
        }
        let Some(rate) = coupons else { return Ok(()) };
        let mut tx = self.store.begin().await?;
        for network in client.networks() {
            let subject = subject::guesses(&network.name);
            if let Err(wait) = tx.use_rate(&subject, rate.times(network.times), now).await? {
                tx.rollback().await?;
                return Err(too_many(Excess::Coupons, wait));
            }
        }
        Ok(tx.commit().await?)
    }

    /// Counts an unknown code among those of all clients, or returns the count of a known one.
    pub(super) async fn end_guess(&self, failure: Option<&Error>, client: &Client) -> Result<(), Error> {
        let Some(name) = client.name() else { return Ok(()) };
        let Rates { coupons, coupon_run, .. } = self.abuse.rates;
        let mut tx = self.store.begin().await?;
        if matches!(failure, Some(Error::Coupon(CouponRefusal::Unknown))) {
            self.unknown_coupons.fetch_add(1, Ordering::Relaxed);
            if let Some(run) = coupon_run {
                count_guess(&mut tx, name, run, self.now()).await?;
            }
        } else if let Some(rate) = coupons {
            for network in client.networks() {
                let subject = subject::guesses(&network.name);
                tx.return_use(&subject, rate.times(network.times), 1).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    fn count(&self, excess: Excess, key: &str) -> Result<(), Error> {
        self.abuse.process.count(excess, key).map_err(|wait| too_many(excess, wait))
    }
}

/// The code that a client has typed; fails if no such code can exist.
pub(super) fn read_code(coupon: &str) -> Result<CouponCode, CouponRefusal> {
    let code = CouponCode::parse(coupon).map_err(|_| CouponRefusal::Unknown)?;
    if code.is_mistyped() { Err(CouponRefusal::Typo) } else { Ok(code) }
}

/// Counts an unknown coupon code among all clients' codes; its client's own count was taken before.
async fn count_guess(tx: &mut Tx, client: &str, run: Rate, now: Timestamp) -> Result<(), StoreError> {
    // Remembered even if a single client has no limit.
    tx.mark(&subject::guessed(client), now.plus(run.period())).await?;
    if tx.count_against(subject::ALL_GUESSES, run, now).await? {
        if tx.rest(subject::GUESSING, now).await?.is_zero() {
            tracing::error!(
                alert = true,
                "coupon codes are being guessed: clients that entered an unknown code must wait"
            );
        }
        tx.mark(subject::GUESSING, now.plus(run.period())).await?;
    }
    Ok(())
}

fn too_many(excess: Excess, wait: Duration) -> Error {
    Error::TooMany { excess, wait, challenge: None }
}
