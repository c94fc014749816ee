//! `reconcile`.
use super::show::{print, print_json, table};
use super::{Refused, operator};
use crate::config::RawConfig;
use crate::reconcile::{Difference, Progress, Scope};
use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// Selects the purchases to compare. It calls Stripe and FlockJay itself, so it needs the settings of `serve`.
#[derive(Args, Clone, Debug)]
pub struct Reconcile {
    #[command(flatten)]
    pub settings: RawConfig,
    /// Number of days of purchases and payments to compare.
    #[arg(long, default_value = "30", value_parser = clap::value_parser!(u16).range(1..))]
    pub days: u16,
    /// Report differences without repairing them. Skips grants, since FlockJay can't show one without changing it.
    #[arg(long)]
    pub dry_run: bool,
    /// Name of the operator, for the audit trail.
    #[arg(long = "as", env = "OPERATOR")]
    pub who: Option<String>,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Compares purchases with Stripe and FlockJay and repairs differences. Fails if any needs attention.
pub async fn reconcile(options: Reconcile) -> anyhow::Result<()> {
    let mends = if options.dry_run { None } else { Some(operator(options.who.as_deref())?) };
    let config = options.settings.check().context("invalid settings")?;
    let checkout = super::checkout(&config).await?;
    let back = Duration::from_secs(u64::from(options.days) * 86_400);
    let scope = Scope { since: checkout.now().minus(back), mends };
    let bar = ProgressBar::no_length();
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}: {human_pos} {wide_bar} {elapsed}")?);
    let compared = checkout.reconcile(scope, &|progress| show(&bar, progress)).await;
    bar.finish_and_clear();
    let report = compared.map_err(|error| {
        anyhow::anyhow!("{error}: reconcile stopped early, but its repairs so far are kept; run it again")
    })?;
    if options.json {
        print_json(&report)?;
    } else {
        print(&format!(
            "compared {} payment intents and {} purchases since {}",
            report.payment_intents, report.purchases, report.since
        ));
        let rows = report.findings.iter().map(|finding| {
            let mended = if finding.mended { "repaired" } else { "open" };
            vec![
                finding.reference.clone(),
                name(finding.difference).to_owned(),
                mended.to_owned(),
                finding.detail.clone(),
            ]
        });
        table(false, &(), &["reference", "difference", "", "what"], rows.collect())?;
    }
    let open = report.open();
    if open > 0 {
        return Err(Refused::Differences(open).into());
    }
    Ok(())
}

/// Shows the progress, but only on a terminal.
fn show(bar: &ProgressBar, progress: Progress) {
    match progress {
        Progress::Intents(done) => {
            bar.set_message("payment intents");
            bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
        }
        Progress::Purchases { done, all } => {
            bar.set_message("purchases");
            bar.set_length(u64::try_from(all).unwrap_or(u64::MAX));
            bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
        }
    }
}

fn name(difference: Difference) -> &'static str {
    match difference {
        Difference::Payment => "payment",
        Difference::NotHere => "missing here",
        Difference::NotThere => "missing at Stripe",
        Difference::Amount => "amount",
        Difference::Stray => "paid twice",
        Difference::Books => "ledger",
        Difference::Grant => "grant",
        Difference::Revocation => "revocation",
    }
}
