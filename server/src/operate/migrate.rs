//! `migrate`: migrates the database to this release's schema.
use super::OperatorArgs;
use super::show::{print, print_json};
use crate::store::Store;
use anyhow::Context;
use serde_json::json;

/// Migrates, and prints the schema before and after.
pub async fn migrate(args: &OperatorArgs) -> anyhow::Result<()> {
    let (before, after) = Store::migrate(&args.database_url()?)
        .await
        .context("DATABASE_URL: the database can't be migrated")?;
    if args.json {
        return print_json(&json!({ "before": before, "after": after }));
    }
    print(&match before {
        Some(before) if before == after => format!("already at schema {after}: nothing to do"),
        Some(before) => format!("migrated from schema {before} to {after}"),
        None => format!("created schema {after} in an empty database"),
    });
    Ok(())
}
