//! The operators' subcommands. All but `reconcile` work on the database alone, and the running servers carry out the
//! commands that follow.
mod catalog;
mod coupons;
mod export;
mod learner;
mod ledger;
mod limits;
mod migrate;
mod outbox;
mod purchases;
mod reconcile;
mod seats;
mod show;
mod sync;
mod tokens;
mod variants;

pub use catalog::check_catalog;
pub use coupons::{CouponsCommand, coupons};
pub use export::export_purchases;
pub use learner::{LearnerCommand, learner, parse_email};
pub use ledger::{LedgerOptions, show_ledger};
pub use limits::{LimitsCommand, limits};
pub use migrate::migrate;
pub use outbox::{list_commands, retry_command};
pub use purchases::{cancel_purchase, list_purchases, refund_purchase, resend_grant, show_purchase};
pub use reconcile::{Reconcile, reconcile};
pub use seats::show_seats;
pub use sync::{Sync, sync};
pub use tokens::{TokensCommand, tokens};
pub use variants::{Stats, list_variants, show_stats};

use crate::app;
use crate::catalog::CurrentCatalog;
use crate::checkout::{Checkout, Rules};
use crate::config::{Config, RawDatabase};
use crate::fault_injection::Guards;
use crate::purchase::{Limits, Refusal};
use crate::store::{Schema, Store, StoreError};
use anyhow::Context;
use clap::Args;
use std::time::Duration;

/// The database to use, and the operator who acts.
#[derive(Args, Clone, Debug)]
pub struct OperatorArgs {
    #[command(flatten)]
    pub database: RawDatabase,
    /// Name of the operator, for the audit trail.
    #[arg(long = "as", env = "OPERATOR")]
    pub who: Option<String>,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Why a subcommand did nothing, for the person who ran it.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("purchase {0:?} not found: use its reference, such as RU-7K3M-92QF, or its id")]
    UnknownPurchase(String),
    #[error("command {0:?} not found: `outbox list` shows the ids")]
    UnknownCommand(String),
    #[error("{0}: nothing to do")]
    Done(String),
    #[error("{0}")]
    Purchase(String),
    #[error("--as: give your name for the audit trail (or set OPERATOR)")]
    Nobody,
    #[error("{} attention (--dry-run repairs nothing)", counted(*.0))]
    Differences(usize),
    #[error("{} in the catalogue", if *.0 == 1 { "1 mistake".to_owned() } else { format!("{} mistakes", .0) })]
    Mistakes(usize),
    #[error("{field}: {detail}")]
    Field { field: &'static str, detail: String },
}

/// The whole checkout, with its clock at the authoritative time.
async fn checkout(config: &Config) -> anyhow::Result<Checkout> {
    let checkout = app::connect(config, Schema::Check).await?;
    if let Some(now) = checkout.store.time().await? {
        checkout.clock.go_by(now, std::time::Duration::ZERO, config.clock_tolerance);
    }
    Ok(checkout)
}

/// Rules for subcommands that read no settings: none waits for these times or hears of a dispute; a refund only sets
/// when Stripe is asked about it.
fn rules() -> Rules {
    let limits = Limits {
        hold: Duration::from_secs(600),
        payment: Duration::from_secs(1200),
        check: Duration::from_secs(15),
        partial_dispute_ends_access: false,
        guards: Guards::ALL,
    };
    Rules::new(limits, CurrentCatalog::default())
}

impl OperatorArgs {
    async fn open(&self) -> anyhow::Result<Store> {
        Store::connect_existing(&self.database_url()?)
            .await
            .context("DATABASE_URL: the database can't be opened")
    }

    fn database_url(&self) -> Result<String, Refused> {
        self.database.check().map_err(|(field, detail)| Refused::Field { field, detail })
    }

    /// The name of the person at the terminal.
    fn operator(&self) -> Result<&str, Refused> {
        operator(self.who.as_deref())
    }
}

/// The operator's name, which must not be blank.
fn operator(who: Option<&str>) -> Result<&str, Refused> {
    who.map(str::trim).filter(|who| !who.is_empty()).ok_or(Refused::Nobody)
}

fn counted(differences: usize) -> String {
    if differences == 1 { "1 difference needs".to_owned() } else { format!("{differences} differences need") }
}

fn unknown(name: &str) -> impl FnOnce(StoreError) -> anyhow::Error {
    let name = name.to_owned();
    move |error| match error {
        StoreError::UnknownPurchase => Refused::UnknownPurchase(name).into(),
        error @ (StoreError::Database(_)
        | StoreError::Migration(_)
        | StoreError::Corrupt(_)
        | StoreError::NotKept
        | StoreError::Newer
        | StoreError::Unsupported(_)) => error.into(),
    }
}

fn explain(refusal: &Refusal, money: impl Fn(i64) -> String) -> Refused {
    Refused::Purchase(match refusal {
        Refusal::RefundTooLarge { left: 0 } => "--amount: nothing is left to refund".to_owned(),
        Refusal::RefundTooLarge { left } => {
            format!(
                "--amount: {} is left to refund; give 1 to {left} minor units, or omit --amount to refund it all",
                money(*left)
            )
        }
        Refusal::NotPaid => "this purchase was never paid: nothing to refund".to_owned(),
        Refusal::Disputed => {
            "the learner's bank is disputing this payment: answer the dispute in Stripe's dashboard, \
                              and refund once it is decided"
                .to_owned()
        }
        Refusal::Ended => {
            "this purchase has already been refunded in full, or is being refunded: nothing to do".to_owned()
        }
        Refusal::HoldExpired
        | Refusal::AlreadyExtended
        | Refusal::HoldNotEnding
        | Refusal::UnderWay
        | Refusal::PaidOtherwise
        | Refusal::PriceChanged { .. }
        | Refusal::TooManyDeclines => {
            format!("this purchase can't be refunded: {refusal:?}")
        }
    })
}
