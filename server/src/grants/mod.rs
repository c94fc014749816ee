//! The port to the system that gives access. Only `flockjay.rs` knows that it is FlockJay.

mod flockjay;

pub use flockjay::FlockJay;

use crate::purchase::{Learner, PurchaseId, Reference};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The resource that a grant gives access to, in FlockJay's terms.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    pub kind: String,
    pub id: String,
}

/// One grant to be made.
#[derive(Clone, Debug)]
pub struct Grant<'a> {
    pub purchase: &'a PurchaseId,
    pub reference: &'a Reference,
    pub learner: &'a Learner,
    pub resource: &'a Resource,
}

/// Access that a learner has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The address of the course.
    pub access_url: String,
    /// Whether this call made it; otherwise it already existed.
    pub made: bool,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantsError {
    /// Worth a retry, after `retry_after` if the other side asked for it.
    #[error("{message}")]
    Transient { message: String, retry_after: Option<Duration> },
    /// Refused permanently: a person must act.
    #[error("{message}")]
    Permanent { message: String },
}

/// Grants and revokes access. Every call may be repeated.
#[async_trait]
pub trait Grants: Send + Sync + 'static {
    /// Grants access, or confirms a grant that already exists.
    async fn grant(&self, grant: Grant<'_>) -> Result<Granted, GrantsError>;

    /// Revokes access; `false` if there was none.
    async fn revoke(&self, purchase: &PurchaseId) -> Result<bool, GrantsError>;

    /// Whether the resource exists.
    async fn exists(&self, resource: &Resource) -> Result<bool, GrantsError>;
}
