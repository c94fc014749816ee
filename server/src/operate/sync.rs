//! `sync`: notifies a new account receiver of earlier purchases.
use super::coupons::parse_moment;
use super::show::{print, print_json};
use super::{Refused, operator};
use crate::config::RawConfig;
use crate::purchase::{Event, Receiver};
use crate::store::FeedEntry;
use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use shared::Timestamp;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// Maximum messages that may wait for the receiver, and after how many that is checked.
const MOST_PENDING: i64 = 500;
const LOOK: usize = 50;
/// Purchases read at a time.
const AT_ONCE: i64 = 500;

/// Names the receiver and the purchases to notify it of. The running servers do it, through the outbox.
#[derive(Args, Clone, Debug)]
pub struct Sync {
    #[command(flatten)]
    pub settings: RawConfig,
    /// Name of the receiver in the settings, such as sm or salesforce.
    #[arg(long)]
    pub receiver: String,
    /// Only purchases paid since this time, such as 2026-12-01T00:00:00Z.
    #[arg(long)]
    pub since: String,
    /// Maximum purchases per second, so that the receiver keeps up.
    #[arg(long, default_value = "10", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate: u32,
    /// Include purchases that were already queued for the receiver.
    #[arg(long)]
    pub again: bool,
    /// Name of the operator, for the audit trail.
    #[arg(long = "as", env = "OPERATOR")]
    pub who: Option<String>,
    /// Print JSON instead of a sentence.
    #[arg(long)]
    pub json: bool,
}

/// Has the outbox notify the receiver of each purchase that ever gave access. An interrupted sync continues at the next
/// run: purchases that were already queued for the receiver are skipped. (With `--again` it starts over.)
pub async fn sync(options: Sync) -> anyhow::Result<()> {
    let who = operator(options.who.as_deref())?;
    let since = parse_moment("--since", Some(&options.since))?.unwrap_or(Timestamp::from_millis(0));
    let config = options.settings.check().context("invalid settings")?;
    let checkout = super::checkout(&config).await?;
    let known: Vec<_> = checkout.accounts.iter().map(|account| account.name()).collect();
    if !known.contains(&options.receiver.as_str()) {
        let named = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let detail = format!("{:?} is not a configured receiver (configured: {named})", options.receiver);
        return Err(Refused::Field { field: "--receiver", detail }.into());
    }
    let store = &checkout.store;
    let bar = ProgressBar::new(u64::try_from(store.opened_by_now().await?).unwrap_or(u64::MAX));
    bar.set_style(ProgressStyle::with_template(
        "{spinner} purchases: {human_pos} of {human_len} {wide_bar} {eta}",
    )?);
    let mut turn = tokio::time::interval(Duration::from_secs(1) / options.rate);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let receiver = Receiver::Account(options.receiver.clone());
    // A purchase that was just queued has changed, and comes again at the end.
    let (mut place, mut asked, mut skipped) = (0, HashSet::new(), HashSet::new());
    loop {
        let entries = store.feed(place, Timestamp::from_millis(0), AT_ONCE).await?;
        let Some(last) = entries.last() else { break };
        place = last.place;
        for FeedEntry { purchase, .. } in entries {
            let id = purchase.id();
            if asked.contains(id) {
                continue;
            }
            bar.inc(1);
            let is_wanted = purchase.paid_at().is_some_and(|at| at >= since);
            let Some(event) = purchase.last_account_event().filter(|_| is_wanted) else { continue };
            if !options.again && purchase.accounts().any(|(known, ..)| known == options.receiver) {
                skipped.insert(id.clone());
                continue;
            }
            turn.tick().await;
            // Don't pile up messages for a receiver that is down, with new sales queued behind them.
            while asked.len() % LOOK == 0 && store.pending_for(&receiver).await? > MOST_PENDING {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let receivers = vec![options.receiver.clone()];
            let asking = Event::AccountsFound { receivers, event };
            checkout.apply(id, asking).await?;
            asked.insert(id.clone());
        }
    }
    let (asked, skipped) = (asked.len(), skipped.len());
    bar.finish_and_clear();
    let mut tx = store.begin().await?;
    let detail = format!("{}: {asked} purchases paid since {since}", options.receiver);
    tx.audit(who, "sync", None, &detail, checkout.now()).await?;
    tx.commit().await?;
    if options.json {
        return print_json(&json!({ "receiver": options.receiver, "asked": asked, "skipped": skipped }));
    }
    print(&format!(
        "{}: queued {asked} purchases and skipped {skipped} queued earlier; `outbox list` shows any that it rejects",
        options.receiver
    ));
    Ok(())
}
