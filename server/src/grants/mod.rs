//! The port to whoever gives access. Only `flockjay.rs` knows that it is FlockJay.

mod flockjay;

pub use flockjay::FlockJay;

use crate::purchase::{Learner, PurchaseId, Reference};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::time::Duration;

/// What a grant opens, in FlockJay's words.
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
    /// Whether this call made it; otherwise it was there already.
    pub made: bool,
}

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantsError {
    /// Worth another try, after `retry_after` where the other side asked for it.
    #[error("{message}")]
    Transient { message: String, retry_after: Option<Duration> },
    /// Refused for good: a person must look.
    #[error("{message}")]
    Permanent { message: String },
}

/// Gives and takes access. Every call may be repeated.
pub trait Grants: Send + Sync + 'static {
    /// Gives access, or confirms what was given already.
    fn grant(&self, grant: Grant<'_>) -> impl Future<Output = Result<Granted, GrantsError>> + Send;

    /// Takes access away; `false` where there was none.
    fn revoke(&self, purchase: &PurchaseId) -> impl Future<Output = Result<bool, GrantsError>> + Send;

    /// Whether the resource exists.
    fn exists(&self, resource: &Resource) -> impl Future<Output = Result<bool, GrantsError>> + Send;
}
