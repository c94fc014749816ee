//! What other systems of ours are told of purchases, and who may ask.
mod snapshot;
mod token;

pub use snapshot::{LearnerSnapshot, Snapshot, TeamSnapshot};
pub use token::{Scope, new_token, token_hash};
