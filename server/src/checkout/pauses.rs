//! Sales that are paused, because buyers would get no access.
use crate::catalog::Item;
use crate::grants::Resource;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The paused offerings. Set by the circuit breaker, read by every request.
#[derive(Clone, Default)]
pub struct Pauses(Arc<RwLock<Causes>>, Arc<AtomicU64>);

#[derive(Default)]
struct Causes {
    /// Whether FlockJay has a resource, as far as it has answered.
    resources: HashMap<Resource, bool>,
    /// SKUs whose grants have been failing.
    failing: HashSet<String>,
}

impl Pauses {
    pub(crate) fn covers(&self, item: &Item) -> bool {
        self.exists(&item.resource) == Some(false) || self.read(|causes| causes.failing.contains(&item.sku))
    }

    /// FlockJay's last answer; `None` if it has not answered yet.
    pub(crate) fn exists(&self, resource: &Resource) -> Option<bool> {
        self.read(|causes| causes.resources.get(resource).copied())
    }

    /// Stores FlockJay's answer, and returns the previous one.
    pub(crate) fn set_exists(&self, resource: &Resource, exists: bool) -> Option<bool> {
        self.change(|causes| causes.resources.insert(resource.clone(), exists))
    }

    /// Forgets FlockJay's answer, so that it is asked again.
    pub(crate) fn forget(&self, resource: &Resource) {
        self.change(|causes| causes.resources.remove(resource));
    }

    /// Replaces the failing SKUs, and returns the new ones.
    pub(crate) fn set_failing(&self, failing: HashSet<String>) -> Vec<String> {
        self.change(|causes| {
            let new = failing.difference(&causes.failing).cloned().collect();
            causes.failing = failing;
            new
        })
    }

    /// How many times something may have changed.
    pub(crate) fn changes(&self) -> u64 {
        self.1.load(Ordering::Acquire)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Causes) -> T) -> T {
        let changed = change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
        self.1.fetch_add(1, Ordering::AcqRel);
        changed
    }

    fn read<T>(&self, look: impl FnOnce(&Causes) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
