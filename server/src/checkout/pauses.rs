//! Sales that are paused, because who pays would get no access.
use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Notify;

/// Which offerings are paused, by SKU. Set by the circuit, read by every request.
#[derive(Clone, Default)]
pub struct Pauses(Arc<Inner>);

#[derive(Default)]
struct Inner {
    skus: RwLock<Causes>,
    wake: Notify,
}

#[derive(Default)]
struct Causes {
    /// FlockJay has no such resource.
    missing: HashSet<String>,
    /// Its grants have been failing.
    failing: HashSet<String>,
}

impl Pauses {
    pub(crate) fn holds(&self, sku: &str) -> bool {
        let causes = self.0.skus.read().unwrap_or_else(PoisonError::into_inner);
        causes.missing.contains(sku) || causes.failing.contains(sku)
    }

    pub(crate) fn is_missing(&self, sku: &str) -> bool {
        self.0.skus.read().unwrap_or_else(PoisonError::into_inner).missing.contains(sku)
    }

    /// Whether that is news.
    pub(crate) fn set_missing(&self, sku: &str, missing: bool) -> bool {
        let mut causes = self.0.skus.write().unwrap_or_else(PoisonError::into_inner);
        if missing { causes.missing.insert(sku.to_owned()) } else { causes.missing.remove(sku) }
    }

    /// Replaces those that were failing, and returns those that were not before.
    pub(crate) fn set_failing(&self, failing: HashSet<String>) -> Vec<String> {
        let mut causes = self.0.skus.write().unwrap_or_else(PoisonError::into_inner);
        let new = failing.difference(&causes.failing).cloned().collect();
        causes.failing = failing;
        new
    }

    /// Has the circuit look at once.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_one();
    }

    pub(crate) async fn woken(&self) {
        self.0.wake.notified().await;
    }
}
