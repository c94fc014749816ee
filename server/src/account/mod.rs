//! Notifies our other systems of purchases, and answers those that may ask.
mod orb;
mod port;
mod salesforce;
mod snapshot;
mod token;
mod webhook;

pub use orb::{NAME as ORB, Orb, OrbConfig};
pub use port::{Account, AccountError, Message};
pub use salesforce::{DEFAULT_FIELDS, NAME as SALESFORCE, Salesforce, SalesforceConfig};
pub use snapshot::{LearnerSnapshot, Snapshot, TeamSnapshot};
pub use token::{Scope, new_token, token_hash};
pub use webhook::{Webhook, WebhookConfig};
