//! Limits that each process keeps for itself, in memory.
use super::{Excess, Rate, Rates};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::sync::Arc;
use std::time::Duration;

/// Requests of each client, requests about each purchase, and purchases of each offering.
#[derive(Clone, Default)]
pub struct ProcessLimits(Arc<Inner>);

#[derive(Default)]
struct Inner {
    requests: Option<DefaultKeyedRateLimiter<String>>,
    purchase: Option<DefaultKeyedRateLimiter<String>>,
    offering: Option<DefaultKeyedRateLimiter<String>>,
    clock: DefaultClock,
}

impl ProcessLimits {
    #[must_use]
    pub fn new(rates: &Rates) -> Self {
        let limiter = |rate: Option<Rate>| {
            let rate = rate?;
            let quota = Quota::with_period(rate.interval())?.allow_burst(rate.count());
            Some(RateLimiter::keyed(quota))
        };
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
            Excess::Requests => &self.0.requests,
            Excess::Purchase => &self.0.purchase,
            Excess::Offering => &self.0.offering,
            Excess::Opens | Excess::Holds | Excess::Pays | Excess::Declines | Excess::DeclineRun => {
                return Ok(());
            }
        };
        let Some(limiter) = limiter else { return Ok(()) };
        limiter.check_key(&key.to_owned()).map_err(|until| until.wait_time_from(self.0.clock.now()))
    }

    /// Forgets keys that are as good as new, so that memory doesn't grow with everybody who ever came.
    pub fn forget(&self) {
        for limiter in [&self.0.requests, &self.0.purchase, &self.0.offering].into_iter().flatten() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}
