//! What other systems of ours are told of purchases, and who may ask.
mod port;
mod snapshot;
mod token;
mod webhook;

pub use port::{Account, AccountError, Message, Telling};
pub use snapshot::{LearnerSnapshot, Snapshot, TeamSnapshot};
pub use token::{Scope, new_token, token_hash};
pub use webhook::{Webhook, WebhookConfig};
