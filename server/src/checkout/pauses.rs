//! Sales that are paused, because who pays would get no access.
use crate::catalog::Item;
use crate::grants::Resource;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

/// Which offerings are paused. Set by the circuit, read by every request.
#[derive(Clone, Default)]
pub struct Pauses(Arc<RwLock<Causes>>);

#[derive(Default)]
struct Causes {
    /// Whether FlockJay has a resource, as far as it has said.
    resources: HashMap<Resource, bool>,
    /// SKUs whose grants have been failing.
    failing: HashSet<String>,
}

impl Pauses {
    pub(crate) fn holds(&self, item: &Item) -> bool {
        self.exists(&item.resource) == Some(false) || self.read(|causes| causes.failing.contains(&item.sku))
    }

    /// What FlockJay said last; nothing where it has not answered yet.
    pub(crate) fn exists(&self, resource: &Resource) -> Option<bool> {
        self.read(|causes| causes.resources.get(resource).copied())
    }

    /// Keeps what FlockJay said, and returns what it said before.
    pub(crate) fn set_exists(&self, resource: &Resource, exists: bool) -> Option<bool> {
        let mut causes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        causes.resources.insert(resource.clone(), exists)
    }

    /// Has FlockJay asked again.
    pub(crate) fn forget(&self, resource: &Resource) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).resources.remove(resource);
    }

    /// Replaces those that were failing, and returns those that were not before.
    pub(crate) fn set_failing(&self, failing: HashSet<String>) -> Vec<String> {
        let mut causes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let new = failing.difference(&causes.failing).cloned().collect();
        causes.failing = failing;
        new
    }

    fn read<T>(&self, look: impl FnOnce(&Causes) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
