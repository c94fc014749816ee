//! `seats`: what is taken of each live offering.
use super::OperatorArgs;
use super::show::table;
use crate::catalog;
use serde_json::json;
use std::path::Path;

/// Shows capacity, seats taken (including held ones) and seats left.
pub async fn show_seats(args: &OperatorArgs, path: &Path) -> anyhow::Result<()> {
    let catalog = catalog::read(path)?;
    let taken = args.open().await?.all_taken_seats().await?;
    let live = catalog.items().filter_map(|item| {
        let capacity = item.capacity?;
        let taken = taken.get(&item.sku).copied().unwrap_or_default();
        Some((item.sku.clone(), capacity, taken, (capacity - taken).max(0)))
    });
    let live: Vec<_> = live.collect();
    let data: Vec<_> = live
        .iter()
        .map(|(sku, capacity, taken, left)| json!({ "sku": sku, "capacity": capacity, "taken": taken, "left": left }))
        .collect();
    let rows = live.into_iter().map(|(sku, capacity, taken, left)| {
        vec![sku, capacity.to_string(), taken.to_string(), left.to_string()]
    });
    table(args.json, &data, &["sku", "capacity", "taken", "left"], rows.collect())
}
