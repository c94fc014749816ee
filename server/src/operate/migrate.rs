//! `migrate`: brings the database to this release's schema.
use super::Desk;
use super::show::{print, print_json};
use crate::store::Store;
use anyhow::Context;
use serde_json::json;

/// Migrates, and says from which schema to which.
pub async fn migrate(desk: &Desk) -> anyhow::Result<()> {
    let (before, after) = Store::migrate(&desk.database_url()?)
        .await
        .context("DATABASE_URL: the database can't be migrated")?;
    if desk.json {
        return print_json(&json!({ "before": before, "after": after }));
    }
    print(&match before {
        Some(before) if before == after => format!("schema {after}: nothing to do"),
        Some(before) => format!("schema {before} is now {after}"),
        None => format!("the database was empty, and has schema {after} now"),
    });
    Ok(())
}
