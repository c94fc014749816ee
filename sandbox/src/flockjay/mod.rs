//! The FlockJay stand-in: grants per our contract, the course page that a learner lands on, and a list of grants.

mod grants;
mod pages;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use axum::Router;
use serde::{Deserialize, Serialize};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::grants::{Grant, Learner, Resource};
use crate::fault::{Fault, Faults, lock};

/// A fault injected into FlockJay.
pub type FlockJayFault = Fault<FlockJayOperation>;

/// An operation of FlockJay; a fault can target one.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlockJayOperation {
    /// `PUT /grants/{purchase}`
    Grant,
    /// `DELETE /grants/{purchase}`
    Revoke,
    /// `GET /resources/{kind}/{id}`
    Lookup,
}

/// A recorded call, for tests to inspect.
#[derive(Clone, Debug, Serialize)]
pub struct FlockJayCall {
    /// The requested operation.
    pub operation: FlockJayOperation,
    /// The purchase, or `kind/id` of a resource.
    pub subject: String,
    /// The body of a PUT as received.
    pub body: String,
    /// Status of the answer; `None` if the connection was closed, or while the answer is pending.
    pub status: Option<u16>,
}

/// The resources that exist.
#[derive(Clone, Debug, Default)]
enum Resources {
    #[default]
    All,
    Only(BTreeSet<Resource>),
}

#[derive(Debug)]
struct Core {
    base_url: String,
    token: String,
    faults: Faults<FlockJayOperation>,
    /// By purchase.
    grants: Mutex<BTreeMap<String, Grant>>,
    calls: Mutex<Vec<FlockJayCall>>,
    resources: Mutex<(Resources, BTreeSet<Resource>)>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Inspects the FlockJay stand-in and injects faults.
#[derive(Clone, Debug)]
pub struct FlockJay {
    core: Arc<Core>,
}

impl FlockJay {
    pub(crate) fn new(base_url: &str, token: &str, tasks: &TaskTracker, stop: &CancellationToken) -> Self {
        let core = Core {
            base_url: base_url.to_owned(),
            token: token.to_owned(),
            faults: Faults::default(),
            grants: Mutex::default(),
            calls: Mutex::default(),
            resources: Mutex::default(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        };
        Self { core: Arc::new(core) }
    }

    pub(crate) fn routes(&self) -> Router {
        grants::routes(self.clone()).merge(pages::routes(self.clone()))
    }

    /// Injects a fault into calls from now on.
    pub fn fault(&self, fault: FlockJayFault) {
        self.core.faults.add(fault);
    }

    /// The active faults.
    pub fn faults(&self) -> Vec<FlockJayFault> {
        self.core.faults.list()
    }

    /// Clears every fault.
    pub fn clear_faults(&self) {
        self.core.faults.clear();
    }

    /// Every grant ever made, including revoked ones, by purchase.
    pub fn grants(&self) -> BTreeMap<String, Grant> {
        lock(&self.core.grants).clone()
    }

    /// The grants in effect.
    pub fn active_grants(&self) -> Vec<Grant> {
        lock(&self.core.grants).values().filter(|grant| !grant.revoked).cloned().collect()
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<FlockJayCall> {
        lock(&self.core.calls).clone()
    }

    /// From now on, only these resources exist.
    pub fn only_resources(&self, resources: impl IntoIterator<Item = Resource>) {
        lock(&self.core.resources).0 = Resources::Only(resources.into_iter().collect());
    }

    /// From now on, every resource exists, as at the start.
    pub fn all_resources(&self) {
        *lock(&self.core.resources) = (Resources::All, BTreeSet::new());
    }

    /// Removes this resource until [`Self::add_resource`] adds it again.
    pub fn remove_resource(&self, kind: &str, id: &str) {
        lock(&self.core.resources).1.insert(Resource::new(kind, id));
    }

    /// Adds this resource.
    pub fn add_resource(&self, kind: &str, id: &str) {
        let mut resources = lock(&self.core.resources);
        let resource = Resource::new(kind, id);
        resources.1.remove(&resource);
        match &mut resources.0 {
            Resources::All => {}
            Resources::Only(only) => {
                only.insert(resource);
            }
        }
    }

    fn exists(&self, resource: &Resource) -> bool {
        let resources = lock(&self.core.resources);
        let is_known = match &resources.0 {
            Resources::All => true,
            Resources::Only(only) => only.contains(resource),
        };
        is_known && !resources.1.contains(resource)
    }
}
