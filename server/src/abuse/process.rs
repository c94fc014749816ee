//! Limits that each process keeps for itself, in memory.
use super::{Excess, Rate, Rates};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Requests of each client, requests about each purchase, and purchases of each offering.
#[derive(Clone, Default)]
pub struct ProcessLimits(Arc<Inner>);

/// Nothing where the limit is off.
type Limiter<K> = Option<DefaultKeyedRateLimiter<K>>;

#[derive(Default)]
struct Inner {
    requests: Limiter<IpAddr>,
    purchase: Limiter<String>,
    offering: Limiter<String>,
    clock: DefaultClock,
}

impl ProcessLimits {
    #[must_use]
    pub fn new(rates: &Rates) -> Self {
        Self(Arc::new(Inner {
            requests: limiter(rates.requests),
            purchase: limiter(rates.purchase),
            offering: limiter(rates.offering),
            clock: DefaultClock::default(),
        }))
    }

    /// Counts one of `excess` for `key`; how long to wait where that is one too many.
    pub fn count(&self, excess: Excess, key: &str) -> Result<(), Duration> {
        let limiter = match excess {
            Excess::Purchase => &self.0.purchase,
            Excess::Offering => &self.0.offering,
            Excess::Requests
            | Excess::AtOnce
            | Excess::Opens
            | Excess::Holds
            | Excess::Pays
            | Excess::Declines
            | Excess::DeclineRun
            | Excess::Coupons
            | Excess::Letters => {
                return Ok(());
            }
        };
        self.check(limiter, &key.to_owned())
    }

    /// Counts a request from this network.
    pub fn count_request(&self, network: IpAddr) -> Result<(), Duration> {
        self.check(&self.0.requests, &network)
    }

    fn check<K: Hash + Eq + Clone>(&self, limiter: &Limiter<K>, key: &K) -> Result<(), Duration> {
        let Some(limiter) = limiter else { return Ok(()) };
        limiter.check_key(key).map_err(|until| until.wait_time_from(self.0.clock.now()))
    }

    /// Forgets keys that are as good as new, so that memory doesn't grow with everybody who ever came.
    pub fn forget(&self) {
        forget(&self.0.requests);
        forget(&self.0.purchase);
        forget(&self.0.offering);
    }
}

fn limiter<K: Hash + Eq + Clone>(rate: Option<Rate>) -> Limiter<K> {
    let rate = rate?;
    let quota = Quota::with_period(rate.interval())?.allow_burst(rate.count());
    Some(RateLimiter::keyed(quota))
}

fn forget<K: Hash + Eq + Clone>(limiter: &Limiter<K>) {
    if let Some(limiter) = limiter {
        limiter.retain_recent();
        limiter.shrink_to_fit();
    }
}
