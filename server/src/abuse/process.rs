//! Rate limits that each process keeps for itself, in memory.
use super::{Excess, Origin, Rate, Rates};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Requests of each client, requests about each purchase, and purchases of each offering.
#[derive(Clone)]
pub struct ProcessLimits(Arc<Inner>);

/// How many clients operators are alerted about per hour, since a network has many addresses.
const MOST_NEWS: NonZeroU32 = NonZeroU32::new(12).unwrap();

/// `None` if the limit is off.
type Limiter<K> = Option<DefaultKeyedRateLimiter<K>>;

struct Inner {
    /// One limiter per network size, smallest first.
    requests: [Limiter<(IpNet, u32)>; 3],
    /// Round-robin counter over the keys of networks with higher limits.
    turn: AtomicU32,
    purchase: Limiter<String>,
    offering: Limiter<String>,
    /// Clients that operators are alerted about: each one, and all together.
    news: DefaultKeyedRateLimiter<String>,
    all_news: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl Default for ProcessLimits {
    fn default() -> Self {
        Self::new(&Rates::default())
    }
}

impl ProcessLimits {
    #[must_use]
    pub fn new(rates: &Rates) -> Self {
        Self(Arc::new(Inner {
            requests: [1, 4, 16].map(|times| limiter(rates.requests.map(|rate| rate.times(times)))),
            turn: AtomicU32::new(0),
            purchase: limiter(rates.purchase),
            offering: limiter(rates.offering),
            news: RateLimiter::keyed(Quota::per_hour(NonZeroU32::MIN)),
            all_news: RateLimiter::direct(Quota::per_hour(MOST_NEWS)),
            clock: DefaultClock::default(),
        }))
    }

    /// Whether operators should be alerted about `client`: not again within an hour, and not after too many others.
    #[must_use]
    pub fn is_news(&self, client: &str) -> bool {
        self.0.news.check_key(&client.to_owned()).is_ok() && self.0.all_news.check().is_ok()
    }

    /// Counts one `excess` for `key`. Fails with the time to wait if that is one too many.
    pub fn count(&self, excess: Excess, key: &str) -> Result<(), Duration> {
        let limiter = match excess {
            Excess::Purchase => &self.0.purchase,
            Excess::Offering => &self.0.offering,
            Excess::Requests
            | Excess::AtOnce
            | Excess::Opens
            | Excess::Holds
            | Excess::Share
            | Excess::Pays
            | Excess::Declines
            | Excess::DeclineRun
            | Excess::Coupons
            | Excess::Emails
            | Excess::CodeEmails => {
                return Ok(());
            }
        };
        self.check(limiter, &key.to_owned())
    }

    /// Counts a request from `origin` against each of its networks.
    pub fn count_request(&self, origin: Origin) -> Result<(), Duration> {
        for ((network, _), limiter) in origin.networks().zip(&self.0.requests) {
            // A network with a higher limit gets that many keys, used in turn, each with one client's limit.
            let turn =
                if origin.times > 1 { self.0.turn.fetch_add(1, Ordering::Relaxed) % origin.times } else { 0 };
            self.check(limiter, &(network, turn))?;
        }
        Ok(())
    }

    fn check<K: Hash + Eq + Clone>(&self, limiter: &Limiter<K>, key: &K) -> Result<(), Duration> {
        let Some(limiter) = limiter else { return Ok(()) };
        limiter.check_key(key).map_err(|until| until.wait_time_from(self.0.clock.now()))
    }

    /// Forgets keys whose quota has fully recovered, so that memory doesn't grow with every client ever seen.
    pub fn forget(&self) {
        self.0.requests.iter().for_each(forget);
        forget(&self.0.purchase);
        forget(&self.0.offering);
        self.0.news.retain_recent();
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
