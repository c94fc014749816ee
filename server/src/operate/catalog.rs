//! `catalog check`.
use super::Refused;
use super::show::{print_json, table};
use crate::catalog::{self, CatalogMistakes};
use serde_json::json;
use std::path::Path;

/// Shows the offerings of a catalogue, or everything that is wrong with it.
pub fn check_catalog(path: &Path, json: bool) -> anyhow::Result<()> {
    let catalog = match catalog::read(path) {
        Ok(catalog) => catalog,
        Err(CatalogMistakes(mistakes)) if json => {
            print_json(&json!({ "mistakes": mistakes }))?;
            return Err(Refused::Mistakes(mistakes.len()).into());
        }
        Err(mistakes) => return Err(mistakes.into()),
    };
    let offerings: Vec<_> = catalog.items().collect();
    let data = json!({
        "offerings": offerings.iter().map(|item| json!({
            "sku": item.sku, "kind": item.kind, "title": item.title, "price": item.price, "seats": item.capacity,
        })).collect::<Vec<_>>(),
        "mistakes": [],
    });
    let rows = offerings.iter().map(|item| {
        let seats = item.capacity.map(|seats| seats.to_string()).unwrap_or_default();
        vec![item.sku.clone(), item.kind.to_string(), item.title.clone(), item.price.to_string(), seats]
    });
    table(json, &data, &["sku", "kind", "title", "price", "seats"], rows.collect())
}
