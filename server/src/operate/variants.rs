//! `variants`: marketing's variants of the card, and how they perform.
use super::OperatorArgs;
use super::show::table;
use crate::funnel::{Counts, Line, beginning, funnel};
use std::collections::BTreeMap;

/// Selects lines of the funnel.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Stats {
    /// Number of days to go back.
    #[arg(long, default_value = "30", value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// Only this offering.
    #[arg(long)]
    sku: Option<String>,
    /// One line per day.
    #[arg(long)]
    daily: bool,
}

/// Lists the variants.
pub fn list_variants(json: bool) -> anyhow::Result<()> {
    let all = widget::variants().iter().map(|(name, variant)| {
        let languages: Vec<_> = variant.file().words.keys().cloned().collect();
        vec![name.to_owned(), variant.file().layout.name().to_owned(), languages.join(", ")]
    });
    let rows: Vec<_> = all.collect();
    let names: Vec<_> = rows.iter().map(|row| row[0].clone()).collect();
    table(json, &names, &["variant", "layout", "own texts in"], rows)
}

/// Shows how many learners saw an offer and how far they got, by variant.
pub async fn show_stats(args: &OperatorArgs, stats: &Stats) -> anyhow::Result<()> {
    let store = args.open().await?;
    let since = beginning(store.now().await?, stats.days);
    let mut lines = funnel(store.views(since).await?, store.steps_since(since).await?);
    lines.retain(|line| stats.sku.as_ref().is_none_or(|sku| *sku == line.sku));
    if !stats.daily {
        lines = together(lines);
    }
    let rows = lines.iter().map(|line| {
        let Counts { seen, opened, paying, paid, granted } = line.counts;
        let counts = [seen, opened, paying, paid, granted].map(|count| count.to_string());
        [
            vec![line.day.clone(), line.sku.clone(), line.variant.clone()],
            counts.to_vec(),
            vec![share(paid, seen)],
        ]
        .concat()
    });
    let header = ["day", "sku", "variant", "seen", "opened", "paying", "paid", "granted", "paid of seen"];
    table(args.json, &lines, &header, rows.collect())
}

/// Adds up all days.
fn together(lines: Vec<Line>) -> Vec<Line> {
    let mut all = BTreeMap::<(String, String), Counts>::new();
    for Line { sku, variant, counts, .. } in lines {
        let sum = all.entry((sku, variant)).or_default();
        sum.seen += counts.seen;
        sum.opened += counts.opened;
        sum.paying += counts.paying;
        sum.paid += counts.paid;
        sum.granted += counts.granted;
    }
    let line = |((sku, variant), counts)| Line { day: "all".to_owned(), sku, variant, counts };
    all.into_iter().map(line).collect()
}

fn share(part: i64, whole: i64) -> String {
    match whole {
        0 => String::new(),
        #[expect(clippy::cast_precision_loss, reason = "counts of people")]
        whole => format!("{:.1} %", 100.0 * part as f64 / whole as f64),
    }
}
