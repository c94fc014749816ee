//! Questions to Stripe that browsers cause: what they say is no more than a reason to ask, and Stripe's quota is all
//! learners'. Presses of Pay and the workers ask whenever they have to, and have all that is left of it.
use crate::abuse::Rate;
use crate::admission::{Budget, Share};
use crate::purchase::PurchaseId;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For how long an answer that was no news is good: what happens meanwhile a webhook tells.
const NO_NEWS: Duration = Duration::from_secs(2);
/// The longest that a question takes, so that one whose asker went away stands in nobody's way.
const UNDER_WAY: Duration = Duration::from_secs(15);
/// Questions under way at the same time.
const AT_ONCE: usize = 16;
/// Above so many remembered purchases those that are as good as forgotten are.
const MANY: usize = 4096;

/// Who may ask, and when.
#[derive(Clone)]
pub struct Asks(Arc<Inner>);

struct Inner {
    /// Until when there is no use in asking about a purchase.
    known: Mutex<HashMap<PurchaseId, Instant>>,
    at_once: Budget,
    /// Nothing where there is no limit.
    rate: Option<DefaultDirectRateLimiter>,
}

/// A question that may be asked now.
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

    /// Leave to ask about `purchase`; none where the answer is known, somebody asks already, or others ask enough.
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

    /// Questions under way.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.0.at_once
    }

    fn known(&self) -> MutexGuard<'_, HashMap<PurchaseId, Instant>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ask {
    /// The answer was nothing that was not known.
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
