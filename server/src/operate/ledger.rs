//! `purchases ledger`: the books.
use super::coupons::parse_moment;
use super::show::{moment, print, print_json, table};
use super::{OperatorArgs, unknown};
use crate::csv::{header, line};
use crate::purchase::IntentId;
use crate::store::{LedgerLine, Store};
use shared::Timestamp;

/// Lines read at a time.
const AT_ONCE: i64 = 1000;

/// Selects and formats lines of the ledger.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct LedgerOptions {
    /// Only movements since this time, such as 2026-12-01T00:00:00Z.
    #[arg(long)]
    since: Option<String>,
    /// One line per day, kind of movement and currency.
    #[arg(long, conflicts_with = "csv")]
    by_day: bool,
    /// Print CSV for accounting, with amounts in minor units.
    #[arg(long)]
    csv: bool,
}

/// Shows every movement of money, for one purchase or all.
pub async fn show_ledger(
    args: &OperatorArgs,
    name: Option<&str>,
    options: &LedgerOptions,
) -> anyhow::Result<()> {
    let since = parse_moment("--since", options.since.as_deref())?.unwrap_or(Timestamp::from_millis(0));
    let store = args.open().await?;
    if options.by_day {
        let days = store.ledger_by_day(since).await?;
        let rows = days.iter().map(|day| {
            let (movements, amount) = (day.movements.to_string(), day.amount.to_string());
            vec![day.day.clone(), day.kind.clone(), day.currency.clone(), movements, amount]
        });
        return table(args.json, &days, &["day", "kind", "currency", "movements", "amount"], rows.collect());
    }
    let lines = match name {
        Some(name) => {
            let purchase = store.purchase_called(name).await.map_err(unknown(name))?;
            store.ledger_of(purchase.id()).await?
        }
        None => all(&store, since).await?,
    };
    if args.json {
        return print_json(&lines);
    }
    if options.csv {
        print(
            header(["at", "purchase", "kind", "debit", "credit", "amount", "currency", "intent"]).trim_end(),
        );
        for entry in &lines {
            print(csv(entry).trim_end());
        }
        return Ok(());
    }
    let rows = lines.iter().map(|entry| {
        let LedgerLine { at, reference, kind, debit, credit, amount, currency, .. } = entry.clone();
        vec![moment(at), reference, kind, debit, credit, amount.to_string(), currency]
    });
    let head = ["at", "purchase", "kind", "debit", "credit", "minor units", "currency"];
    table(false, &(), &head, rows.collect())
}

async fn all(store: &Store, since: Timestamp) -> anyhow::Result<Vec<LedgerLine>> {
    let mut lines: Vec<LedgerLine> = Vec::new();
    loop {
        let more = store.ledger_since(since, lines.last(), AT_ONCE).await?;
        if more.is_empty() {
            return Ok(lines);
        }
        lines.extend(more);
    }
}

fn csv(entry: &LedgerLine) -> String {
    line([
        &entry.at.to_string(),
        &entry.reference,
        &entry.kind,
        &entry.debit,
        &entry.credit,
        &entry.amount.to_string(),
        &entry.currency,
        entry.intent.as_ref().map_or("", IntentId::as_str),
    ])
}
