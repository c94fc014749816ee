//! `limits`: what a client has used up.
use super::show::{print, table};
use super::{OperatorArgs, Refused};
use crate::abuse::{Origin, Pseudonyms};
use clap::Subcommand;
use serde_json::json;
use std::net::IpAddr;
use std::time::Duration;

#[derive(Subcommand)]
pub enum LimitsCommand {
    /// Shows an address's pseudonyms in the log, and its networks' unpaid purchases and used limits.
    Show {
        /// IP address of the client, such as `203.0.113.9` or `2001:db8::1`.
        address: String,
        /// Stripe secret key that the servers use; pseudonyms are derived from it.
        #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true)]
        stripe_secret_key: Option<String>,
        #[command(flatten)]
        args: OperatorArgs,
    },
}

/// Runs one of the `limits` subcommands.
pub async fn limits(command: LimitsCommand) -> anyhow::Result<()> {
    let LimitsCommand::Show { address, stripe_secret_key, args } = command;
    let refused = |field, detail: String| Refused::Field { field, detail };
    let address: IpAddr = address
        .trim()
        .parse()
        .map_err(|_| refused("ADDRESS", format!("{address:?} must be an IP address, such as 203.0.113.9")))?;
    let key = stripe_secret_key.filter(|key| !key.trim().is_empty()).ok_or_else(|| {
        refused("STRIPE_SECRET_KEY", "is missing: set the key that the servers use".to_owned())
    })?;
    let origin = Origin { address: address.to_canonical(), times: 1 };
    let client = Pseudonyms::new(&key).client(Some(origin));
    let store = args.open().await?;
    let now = store.now().await?;
    let (mut rows, mut all) = (Vec::new(), Vec::new());
    for ((network, _), named) in origin.networks().zip(client.networks()) {
        let unpaid = store.unpaid_of(&named.name).await?;
        for (limit, rest) in store.rates_of(&named.name, now).await? {
            all.push(json!({
                "network": network.to_string(), "client": named.name, "limit": limit, "used_for_seconds": rest.as_secs(),
            }));
            rows.push(vec![network.to_string(), named.name.clone(), limit, for_so_long(rest)]);
        }
        all.push(json!({ "network": network.to_string(), "client": named.name, "limit": "unpaid", "purchases": unpaid }));
        rows.push(vec![network.to_string(), named.name.clone(), "unpaid".to_owned(), unpaid.to_string()]);
    }
    table(args.json, &all, &["network", "client in the log", "limit", "used"], rows)?;
    if !args.json {
        print(
            "To raise the limits of a network that you trust, set LIMIT_NETWORKS=NETWORK=10 (ten times the limits; \
             separate several with commas) and restart the servers.",
        );
    }
    Ok(())
}

fn for_so_long(rest: Duration) -> String {
    format!("for {} min", rest.as_secs().div_ceil(60))
}
