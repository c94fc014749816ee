//! `redis-checkout`: serves the checkout, and holds the operators' subcommands.
#![forbid(unsafe_code)]

use anyhow::Context;
use clap::{Parser, Subcommand};
use redis_checkout::email::normalized;
use redis_checkout::operate::{self, CouponsCommand, OperatorArgs, Reconcile, Sync};
use redis_checkout::store::PurchaseFilter;
use redis_checkout::{App, config::RawConfig};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(name = "redis-checkout", version, about = "The backend of Redis University Checkout")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server (API, outbox and sweep) until SIGTERM or SIGINT. SIGHUP reloads the catalogue.
    Serve(Box<RawConfig>),
    /// Migrates the database to this release's schema.
    Migrate {
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Checks the catalogue.
    Catalog {
        #[command(subcommand)]
        command: CatalogCommand,
    },
    /// Lists and manages purchases.
    Purchases {
        #[command(subcommand)]
        command: PurchasesCommand,
    },
    /// Lists and retries the commands sent to other systems.
    Outbox {
        #[command(subcommand)]
        command: OutboxCommand,
    },
    /// Exports or erases a learner's data.
    Learner {
        #[command(subcommand)]
        command: operate::LearnerCommand,
    },
    /// Shows which limits an address has used up.
    Limits {
        #[command(subcommand)]
        command: operate::LimitsCommand,
    },
    /// Manages coupons.
    Coupons {
        #[command(subcommand)]
        command: CouponsCommand,
    },
    /// Manages service tokens of other systems.
    Tokens {
        #[command(subcommand)]
        command: operate::TokensCommand,
    },
    /// Compares purchases with Stripe and FlockJay and repairs differences. Fails if any difference needs attention.
    Reconcile(Box<Reconcile>),
    /// Notifies an account receiver of purchases made before it was connected.
    Sync(Box<Sync>),
    /// Lists the widget's variants and their statistics.
    Variants {
        #[command(subcommand)]
        command: VariantsCommand,
    },
    /// Shows how many seats of each live offering are taken, including held ones.
    Seats {
        /// Path of the catalogue.
        #[arg(long, env = "CATALOG", default_value = "catalog.toml")]
        catalog: PathBuf,
        #[command(flatten)]
        args: OperatorArgs,
    },
}

#[derive(Subcommand)]
enum CatalogCommand {
    /// Validates a catalogue and reports every mistake.
    Check {
        /// Path of the catalogue.
        #[arg(env = "CATALOG", default_value = "catalog.toml")]
        path: PathBuf,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum PurchasesCommand {
    /// Lists the newest purchases.
    List {
        /// Only purchases in this state, such as paid.
        #[arg(long)]
        state: Option<String>,
        /// Only purchases of this offering.
        #[arg(long)]
        sku: Option<String>,
        /// Only purchases with this email.
        #[arg(long)]
        email: Option<String>,
        /// Maximum number to list.
        #[arg(long, default_value = "50")]
        limit: u32,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Shows a purchase with its timeline, outbox and audit trail.
    Show {
        /// The purchase's reference, such as RU-7K3M-92QF, or its id.
        name: String,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Refunds a purchase. A full refund revokes access and frees the seat; a partial refund does neither.
    Refund {
        /// Reference or id of the purchase.
        name: String,
        /// Amount in minor units, such as cents. Defaults to all that is left to refund.
        #[arg(long, allow_negative_numbers = true)]
        amount: Option<i64>,
        /// Reason, for the audit trail.
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Cancels an unpaid purchase. Its seat is freed once Stripe confirms that nothing will be paid.
    Cancel {
        /// Reference or id of the purchase.
        name: String,
        /// Reason, for the audit trail.
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Shows the double-entry ledger of one purchase, or of all purchases.
    Ledger {
        /// Reference or id of the purchase; all purchases if omitted.
        name: Option<String>,
        #[command(flatten)]
        options: operate::LedgerOptions,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Exports all purchases as CSV, or as JSON with --json. Amounts are in minor units.
    Export {
        /// Only purchases changed since this time, such as 2026-12-01T00:00:00Z.
        #[arg(long)]
        since: Option<String>,
        /// Path of the catalogue.
        #[arg(long, env = "CATALOG", default_value = "catalog.toml")]
        catalog: PathBuf,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Retries a grant that FlockJay rejected.
    Resend {
        /// Reference or id of the purchase.
        name: String,
        #[command(flatten)]
        args: OperatorArgs,
    },
}

#[derive(Subcommand)]
enum VariantsCommand {
    /// Lists the variants.
    List {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Shows by variant how many learners saw an offer, opened a purchase, pressed Pay, paid and got access.
    Stats {
        #[command(flatten)]
        stats: operate::Stats,
        #[command(flatten)]
        args: OperatorArgs,
    },
}

#[derive(Subcommand)]
enum OutboxCommand {
    /// Lists commands, oldest first.
    List {
        /// Only commands in this state: `needs_person`, `pending` or `done`.
        #[arg(long, default_value = "needs_person")]
        state: String,
        /// Maximum number to list.
        #[arg(long, default_value = "100")]
        limit: u32,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Retries a command that needs attention.
    Retry {
        /// Id of the command, as `outbox list` shows it.
        id: String,
        #[command(flatten)]
        args: OperatorArgs,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let json = tracing_subscriber::fmt().json().flatten_event(true).with_writer(std::io::stderr);
    let filter = EnvFilter::try_from_env("LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // async-stripe logs errors whose text may hold a client secret.
    let filter =
        ["stripe=off", "stripe_webhook=off"].iter().fold(filter, |filter, directive| {
            match directive.parse() {
                Ok(directive) => filter.add_directive(directive),
                Err(_) => filter,
            }
        });
    json.with_env_filter(filter).init();
    match run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(raw) => serve(*raw).await,
        Command::Migrate { args } => operate::migrate(&args).await,
        Command::Catalog { command: CatalogCommand::Check { path, json } } => {
            operate::check_catalog(&path, json)
        }
        Command::Purchases { command } => match command {
            PurchasesCommand::List { state, sku, email, limit, args } => {
                let email = email.as_deref().map(operate::parse_email).transpose()?;
                let email = email.as_ref().map(normalized);
                let filter = PurchaseFilter { state, sku, email, most: limit.into() };
                operate::list_purchases(&args, filter).await
            }
            PurchasesCommand::Show { name, args } => operate::show_purchase(&args, &name).await,
            PurchasesCommand::Refund { name, amount, reason, args } => {
                operate::refund_purchase(&args, &name, amount, &reason).await
            }
            PurchasesCommand::Cancel { name, reason, args } => {
                operate::cancel_purchase(&args, &name, &reason).await
            }
            PurchasesCommand::Ledger { name, options, args } => {
                operate::show_ledger(&args, name.as_deref(), &options).await
            }
            PurchasesCommand::Export { since, catalog, args } => {
                operate::export_purchases(&args, since.as_deref(), &catalog).await
            }
            PurchasesCommand::Resend { name, args } => operate::resend_grant(&args, &name).await,
        },
        Command::Outbox { command } => match command {
            OutboxCommand::List { state, limit, args } => {
                operate::list_commands(&args, &state, limit.into()).await
            }
            OutboxCommand::Retry { id, args } => operate::retry_command(&args, &id).await,
        },
        Command::Learner { command } => operate::learner(command).await,
        Command::Limits { command } => operate::limits(command).await,
        Command::Coupons { command } => operate::coupons(command).await,
        Command::Tokens { command } => operate::tokens(command).await,
        Command::Reconcile(options) => operate::reconcile(*options).await,
        Command::Sync(options) => operate::sync(*options).await,
        Command::Variants { command } => match command {
            VariantsCommand::List { json } => operate::list_variants(json),
            VariantsCommand::Stats { stats, args } => operate::show_stats(&args, &stats).await,
        },
        Command::Seats { catalog, args } => operate::show_seats(&args, &catalog).await,
    }
}

async fn serve(raw: RawConfig) -> anyhow::Result<()> {
    let config = raw.check().context("invalid settings")?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let app = App::start(config).await?;
    loop {
        tokio::select! {
            _ = hang_up.recv() => app.reload_catalog().await,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    tracing::info!("stopping");
    app.stop().await;
    Ok(())
}

/// Prints for the person at the terminal; the log has its own format.
#[expect(clippy::print_stderr, reason = "answers the person who called the subcommand")]
fn say(text: &str) {
    eprintln!("{text}");
}
