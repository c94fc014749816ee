//! `purchases export`: every purchase as our other systems see it.
use super::OperatorArgs;
use super::coupons::parse_moment;
use super::show::{print, print_json};
use crate::account::Snapshot;
use crate::catalog;
use crate::csv::{header, line};
use shared::Timestamp;
use std::path::Path;

/// Purchases read at a time.
const AT_ONCE: i64 = 500;

/// Prints the purchases that have changed since `since`, or all, as CSV, or as JSON if the arguments ask for it.
pub async fn export_purchases(
    args: &OperatorArgs,
    since: Option<&str>,
    catalog: &Path,
) -> anyhow::Result<()> {
    let since = parse_moment("--since", since)?.unwrap_or(Timestamp::from_millis(0));
    let catalog = catalog::read(catalog)?;
    let store = args.open().await?;
    let (mut place, mut all) = (0, Vec::new());
    loop {
        let entries = store.feed(place, since, AT_ONCE).await?;
        let Some(last) = entries.last() else { break };
        place = last.place;
        all.extend(entries.iter().map(|entry| Snapshot::of(&entry.purchase, entry.updated_at, &catalog)));
    }
    if args.json {
        return print_json(&all);
    }
    // Amounts in minor units, as everywhere.
    let head = [
        "purchase", "state", "sku", "title", "email", "name", "places", "coupon", "currency", "total",
        "charged", "refunded", "opened", "changed",
    ];
    print(header(head).trim_end());
    for snapshot in &all {
        print(row(snapshot).trim_end());
    }
    Ok(())
}

fn row(snapshot: &Snapshot) -> String {
    let learner = snapshot.learner.as_ref();
    let places = snapshot.team.as_ref().map(|team| team.places.to_string()).unwrap_or_default();
    line([
        &snapshot.reference,
        snapshot.state.as_str(),
        &snapshot.sku,
        snapshot.title.as_deref().unwrap_or_default(),
        learner.map(|learner| learner.email.as_str()).unwrap_or_default(),
        learner.and_then(|learner| learner.name.as_deref()).unwrap_or_default(),
        &places,
        snapshot.price.coupon.as_deref().unwrap_or_default(),
        snapshot.price.currency.as_str(),
        &snapshot.price.total.to_string(),
        &snapshot.charged.to_string(),
        &snapshot.refunded.to_string(),
        &snapshot.opened_at.to_string(),
        &snapshot.updated_at.to_string(),
    ])
}
