//! Limits the queries to Stripe that browsers trigger: what a browser says is only a reason to ask, and all learners
//! share Stripe's quota. Presses of Pay and the workers query whenever they have to, with all that is left of it.
use crate::abuse::Rate;
use crate::admission::{Budget, Share};
use crate::purchase::PurchaseId;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer without news is valid: webhooks report what happens meanwhile.
const NO_NEWS: Duration = Duration::from_secs(2);
/// How long a query may take at most, so that one whose caller went away doesn't block others.
const UNDER_WAY: Duration = Duration::from_secs(15);
/// Concurrent queries.
const AT_ONCE: usize = 16;
/// Above this many remembered purchases, expired entries are removed.
const MANY: usize = 4096;

/// Decides which queries to Stripe are allowed, and when.
#[derive(Clone)]
pub struct Asks(Arc<Inner>);

struct Inner {
    /// Until when it is pointless to ask about a purchase.
    known: Mutex<HashMap<PurchaseId, Instant>>,
    at_once: Budget,
    /// `None` if there is no limit.
    rate: Option<DefaultDirectRateLimiter>,
}

/// Permission for one query now.
pub struct Ask {
    asks: Asks,
    purchase: PurchaseId,
    _share: Share,
    was_news: bool,
}

impl Default for Asks {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Asks {
    #[must_use]
    pub fn new(rate: Option<Rate>) -> Self {
        let quota =
            rate.and_then(|rate| Some(Quota::with_period(rate.interval())?.allow_burst(rate.count())));
        Self(Arc::new(Inner {
            known: Mutex::default(),
            at_once: Budget::new("stripe_questions", AT_ONCE, AT_ONCE),
            rate: quota.map(RateLimiter::direct),
        }))
    }

    /// Permission to ask about `purchase`; `None` if the answer is known, a query is under way, or the limits are
    /// reached.
    #[must_use]
    pub fn begin(&self, purchase: &PurchaseId) -> Option<Ask> {
        let now = Instant::now();
        let mut known = self.known();
        if known.get(purchase).is_some_and(|until| *until > now) {
            return None;
        }
        if known.len() > MANY {
            known.retain(|_, until| *until > now);
        }
        let share = self.0.at_once.take(None).ok()?;
        if let Some(rate) = &self.0.rate
            && rate.check().is_err()
        {
            return None;
        }
        known.insert(purchase.clone(), now + UNDER_WAY);
        Some(Ask { asks: self.clone(), purchase: purchase.clone(), _share: share, was_news: true })
    }

    /// The budget of concurrent queries.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.0.at_once
    }

    fn known(&self) -> MutexGuard<'_, HashMap<PurchaseId, Instant>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ask {
    /// Records that the answer contained nothing new.
    pub fn was_no_news(mut self) {
        self.was_news = false;
    }
}

impl Drop for Ask {
    fn drop(&mut self) {
        let mut known = self.asks.known();
        if self.was_news {
            known.remove(&self.purchase);
        } else {
            known.insert(self.purchase.clone(), Instant::now() + NO_NEWS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purchase(n: u8) -> PurchaseId {
        PurchaseId::from_random([n; 20])
    }

    #[test]
    fn what_is_known_is_not_asked_again_and_news_may_be_followed_by_news() {
        let asks = Asks::default();
        let ask = asks.begin(&purchase(1)).unwrap();
        assert!(asks.begin(&purchase(1)).is_none(), "somebody asks already");
        assert!(asks.begin(&purchase(2)).is_some());
        drop(ask);
        asks.begin(&purchase(1)).unwrap().was_no_news();
        assert!(asks.begin(&purchase(1)).is_none());
    }

    #[test]
    fn all_together_ask_so_often_and_no_oftener() {
        let asks = Asks::new(Some("3/1h".parse().unwrap()));
        assert_eq!((0..9).filter(|n| asks.begin(&purchase(*n)).is_some()).count(), 3);
    }
}
