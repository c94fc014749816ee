//! What keeps card testing and seat hoarding away from opening and paying.
use super::Checkout;
use crate::abuse::{Challenge, Client, Excess, ProcessLimits, Pseudonyms, Rates};
use crate::coupons::{CouponCode, CouponRefusal};
use crate::error::Error;
use crate::grants::Grants;
use crate::payments::Payments;
use crate::purchase::{Purchase, PurchaseId};
use crate::store::{Allowance, StoreError, Tx, subject};
use shared::{Email, Timestamp};
use std::net::IpAddr;
use std::time::Duration;

/// How long a challenge that was passed counts.
const HUMAN_FOR: Duration = Duration::from_secs(1800);
/// When to try again where others of one's own purchases are in the way.
const HELD_WAIT: Duration = Duration::from_secs(60);

/// The limits in force, and how to be let through.
#[derive(Clone, Default)]
pub struct Guards {
    pub rates: Rates,
    pub process: ProcessLimits,
    pub pseudonyms: Pseudonyms,
    pub challenge: Option<Challenge>,
}

impl<P: Payments, G: Grants> Checkout<P, G> {
    /// Counts a request from this network; from this machine there is none.
    pub(crate) fn admit(&self, network: Option<IpAddr>) -> Result<(), Error> {
        let Some(network) = network else { return Ok(()) };
        let counted = self.guards.process.count_request(network);
        counted.map_err(|wait| too_many(Excess::Requests, wait))
    }

    /// Counts a request of `client` about a purchase.
    pub(super) fn admit_to(&self, id: &PurchaseId, client: &Client) -> Result<(), Error> {
        match client.name() {
            Some(_) => self.count(Excess::Purchase, id.as_str()),
            None => Ok(()),
        }
    }

    /// Counts what `client` opens, in the transaction that does so.
    pub(super) async fn admit_opening(
        &self,
        tx: &mut Tx,
        client: &Client,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(name) = client.name() else { return Ok(()) };
        let rates = &self.guards.rates;
        // Either has those of the same client wait for each other.
        match rates.opens {
            Some(rate) => {
                let used = tx.use_rate(&subject::opens(name), rate, now).await?;
                used.map_err(|wait| too_many(Excess::Opens, wait))?;
            }
            None => tx.mark(&subject::holds(name), now).await?,
        }
        Ok(())
    }

    /// What `client` may have done before it opens another purchase.
    pub(super) fn allowance(&self, client: &Client) -> Allowance {
        let Rates { declines, holds, .. } = self.guards.rates;
        match client.name() {
            Some(_) => Allowance { held: holds.map_or(i64::MAX, i64::from), declines },
            None => Allowance::ALL,
        }
    }

    /// Why `client` may not open another purchase: it was declined too often, or holds too many.
    pub(super) async fn not_allowed(
        &self,
        tx: &mut Tx,
        client: &Client,
        now: Timestamp,
    ) -> Result<Error, StoreError> {
        if let (Some(name), Some(rate)) = (client.name(), self.guards.rates.declines)
            && let Some(wait) = tx.rate_wait(&subject::declines(name), rate, now).await?
        {
            return Ok(too_many(Excess::Declines, wait));
        }
        Ok(too_many(Excess::Holds, HELD_WAIT))
    }

    /// Counts a purchase of `sku` that `client` is about to have.
    pub(super) fn admit_to_offering(&self, sku: &str, client: &Client) -> Result<(), Error> {
        match client.name() {
            Some(_) => self.count(Excess::Offering, sku),
            None => Ok(()),
        }
    }

    /// While cards are tested in a run, the first press of Pay is for those who have bought before, or who pass the
    /// challenge.
    pub(super) async fn admit_payer(
        &self,
        purchase: &Purchase,
        client: &Client,
        answer: Option<&str>,
    ) -> Result<(), Error> {
        if purchase.attempt().is_some() || purchase.price().total == 0 {
            return Ok(());
        }
        self.admit_new_payer(client, answer).await
    }

    async fn admit_new_payer(&self, client: &Client, answer: Option<&str>) -> Result<(), Error> {
        let (Some(name), Some(run)) = (client.name(), self.guards.rates.decline_run) else { return Ok(()) };
        let now = self.now();
        if !self.store.is_marked(subject::CLOSED, now).await?
            || self.store.has_bought(name).await?
            || self.store.is_marked(&subject::passed(name), now).await?
        {
            return Ok(());
        }
        let Some(challenge) = &self.guards.challenge else {
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

    /// Refuses what opening and paying another purchase would be refused for, and counts nothing.
    pub(super) async fn admit_another(&self, client: &Client, email: &Email) -> Result<(), Error> {
        let Some(name) = client.name() else { return Ok(()) };
        self.admit_new_payer(client, None).await?;
        let Rates { opens, pays, declines, .. } = self.guards.rates;
        let email = self.guards.pseudonyms.email(email.as_str());
        let limits = [
            (Excess::Opens, subject::opens(name), opens),
            (Excess::Pays, subject::pays(&email), pays),
            (Excess::Declines, subject::declines(name), declines),
            (Excess::Declines, subject::declines(&email), declines),
        ];
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let mut refused = None;
        for (excess, subject, rate) in limits {
            let Some(rate) = rate else { continue };
            let wait = tx.rate_wait(&subject, rate, now).await?;
            refused = refused.or(wait.map(|wait| too_many(excess, wait)));
        }
        tx.commit().await?;
        refused.map_or(Ok(()), Err)
    }

    /// Counts a press of Pay, in the transaction that takes note of it.
    pub(super) async fn admit_press(
        &self,
        tx: &mut Tx,
        client: &Client,
        email: &Email,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(name) = client.name() else { return Ok(()) };
        let email = self.guards.pseudonyms.email(email.as_str());
        if let Some(rate) = self.guards.rates.declines {
            for whose in [name, &email] {
                if let Some(wait) = tx.rate_wait(&subject::declines(whose), rate, now).await? {
                    return Err(too_many(Excess::Declines, wait));
                }
            }
        }
        let Some(rate) = self.guards.rates.pays else { return Ok(()) };
        tx.use_rate(&subject::pays(&email), rate, now).await?.map_err(|wait| too_many(Excess::Pays, wait))
    }

    /// Counts a code of `client` before it is looked up, so that guesses at once are no cheaper. While codes are guessed in
    /// a run, one that there is not is too many. [`Self::end_guess`] follows.
    pub(super) async fn begin_guess(&self, client: &Client, now: Timestamp) -> Result<(), Error> {
        let Some(name) = client.name() else { return Ok(()) };
        let Rates { coupons, .. } = self.guards.rates;
        if let Some(wait) = self.store.guess_wait(name, coupons, now).await? {
            return Err(too_many(Excess::Coupons, wait));
        }
        let Some(rate) = coupons else { return Ok(()) };
        let mut tx = self.store.begin().await?;
        let used = tx.use_rate(&subject::guesses(name), rate, now).await?;
        tx.commit().await?;
        used.map_err(|wait| too_many(Excess::Coupons, wait))
    }

    /// Counts a code that there is not among those of all, or gives back what a code that there is has counted.
    pub(super) async fn end_guess(&self, failure: Option<&Error>, client: &Client) -> Result<(), Error> {
        let Some(name) = client.name() else { return Ok(()) };
        let Rates { coupons, coupon_run, .. } = self.guards.rates;
        let mut tx = self.store.begin().await?;
        if matches!(failure, Some(Error::Coupon(CouponRefusal::Unknown))) {
            tx.count_guess(name, coupon_run, self.now()).await?;
        } else if let Some(rate) = coupons {
            tx.return_use(&subject::guesses(name), rate).await?;
        }
        Ok(tx.commit().await?)
    }

    fn count(&self, excess: Excess, key: &str) -> Result<(), Error> {
        self.guards.process.count(excess, key).map_err(|wait| too_many(excess, wait))
    }
}

/// What a client has typed, unless it can be no code that there is.
pub(super) fn read_code(coupon: &str) -> Result<CouponCode, CouponRefusal> {
    let code = CouponCode::parse(coupon).map_err(|_| CouponRefusal::Unknown)?;
    if code.is_mistyped() { Err(CouponRefusal::Typo) } else { Ok(code) }
}

fn too_many(excess: Excess, wait: Duration) -> Error {
    Error::TooMany { excess, wait, challenge: None }
}
