//! `redis-checkout`: serves the checkout, and holds the operators' subcommands.
#![forbid(unsafe_code)]

use anyhow::Context;
use clap::{Parser, Subcommand};
use redis_checkout::email::normalized;
use redis_checkout::operate::{self, CouponsCommand, Desk, Reconcile, Sync};
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
    /// Serves the API, carries out the outbox and sweeps, until SIGTERM or SIGINT. SIGHUP reads the catalogue again.
    Serve(Box<RawConfig>),
    /// Brings the database to this release's schema.
    Migrate {
        #[command(flatten)]
        desk: Desk,
    },
    /// Looks after the catalogue.
    Catalog {
        #[command(subcommand)]
        command: CatalogCommand,
    },
    /// Looks after purchases.
    Purchases {
        #[command(subcommand)]
        command: PurchasesCommand,
    },
    /// Looks after what is still to be carried out against other systems.
    Outbox {
        #[command(subcommand)]
        command: OutboxCommand,
    },
    /// Shows what is kept of a learner, and erases it.
    Learner {
        #[command(subcommand)]
        command: operate::LearnerCommand,
    },
    /// Shows what limits have stopped whom.
    Limits {
        #[command(subcommand)]
        command: operate::LimitsCommand,
    },
    /// Looks after coupons.
    Coupons {
        #[command(subcommand)]
        command: CouponsCommand,
    },
    /// Looks after the tokens of other systems.
    Tokens {
        #[command(subcommand)]
        command: operate::TokensCommand,
    },
    /// Compares purchases with Stripe and FlockJay, mends what differs, and fails where a person must look.
    Reconcile(Box<Reconcile>),
    /// Tells a receiver, such as a new account system, of what was bought before it was there.
    Sync(Box<Sync>),
    /// Looks after the widget's variants.
    Variants {
        #[command(subcommand)]
        command: VariantsCommand,
    },
    /// Shows how many seats of each live offering are taken, held ones included.
    Seats {
        #[arg(long, env = "CATALOG", default_value = "catalog.toml")]
        catalog: PathBuf,
        #[command(flatten)]
        desk: Desk,
    },
}

#[derive(Subcommand)]
enum CatalogCommand {
    /// Says whether a catalogue can be read, and everything that is wrong with it.
    Check {
        #[arg(env = "CATALOG", default_value = "catalog.toml")]
        path: PathBuf,
        /// Print JSON in place of a sentence.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum PurchasesCommand {
    /// Lists the newest.
    List {
        /// Only those in this state, such as paid.
        #[arg(long)]
        state: Option<String>,
        #[arg(long)]
        sku: Option<String>,
        #[arg(long)]
        email: Option<String>,
        /// How many at most.
        #[arg(long, default_value = "50")]
        limit: u32,
        #[command(flatten)]
        desk: Desk,
    },
    /// Shows one with its timeline, its outbox and what operators did.
    Show {
        /// Its reference, such as RU-7K3M-92QF, or its id.
        name: String,
        #[command(flatten)]
        desk: Desk,
    },
    /// Gives money back. In full it takes the access away and frees the seat; in part it does neither.
    Refund {
        name: String,
        /// Minor units, such as cents; all that is left without it.
        #[arg(long, allow_negative_numbers = true)]
        amount: Option<i64>,
        /// Why, for the audit trail.
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        desk: Desk,
    },
    /// Ends one that nobody has paid. Its seat is free once Stripe has confirmed that nothing will be paid.
    Cancel {
        name: String,
        /// Why, for the audit trail.
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        desk: Desk,
    },
    /// Shows every movement of money in double entry, of one purchase or of all.
    Ledger {
        name: Option<String>,
        #[command(flatten)]
        options: operate::LedgerOptions,
        #[command(flatten)]
        desk: Desk,
    },
    /// Prints all as CSV, or as JSON with --json; amounts in minor units.
    Export {
        /// Only what has changed since, such as 2026-12-01T00:00:00Z.
        #[arg(long)]
        since: Option<String>,
        #[arg(long, env = "CATALOG", default_value = "catalog.toml")]
        catalog: PathBuf,
        #[command(flatten)]
        desk: Desk,
    },
    /// Asks FlockJay once more for an access that it refused.
    Resend {
        name: String,
        #[command(flatten)]
        desk: Desk,
    },
}

#[derive(Subcommand)]
enum VariantsCommand {
    /// Lists those that there are.
    List {
        /// Print JSON in place of a table.
        #[arg(long)]
        json: bool,
    },
    /// Shows how many saw an offer, opened a purchase, pressed Pay, paid and got access, by variant.
    Stats {
        #[command(flatten)]
        stats: operate::Stats,
        #[command(flatten)]
        desk: Desk,
    },
}

#[derive(Subcommand)]
enum OutboxCommand {
    /// Lists commands, the oldest first.
    List {
        /// `needs_person`, `pending` or `done`.
        #[arg(long, default_value = "needs_person")]
        state: String,
        /// How many at most.
        #[arg(long, default_value = "100")]
        limit: u32,
        #[command(flatten)]
        desk: Desk,
    },
    /// Tries a command again that needed a person.
    Retry {
        id: String,
        #[command(flatten)]
        desk: Desk,
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
        Command::Migrate { desk } => operate::migrate(&desk).await,
        Command::Catalog { command: CatalogCommand::Check { path, json } } => {
            operate::check_catalog(&path, json)
        }
        Command::Purchases { command } => match command {
            PurchasesCommand::List { state, sku, email, limit, desk } => {
                let email = email.as_deref().map(operate::parse_email).transpose()?;
                let email = email.as_ref().map(normalized);
                let filter = PurchaseFilter { state, sku, email, most: limit.into() };
                operate::list_purchases(&desk, filter).await
            }
            PurchasesCommand::Show { name, desk } => operate::show_purchase(&desk, &name).await,
            PurchasesCommand::Refund { name, amount, reason, desk } => {
                operate::refund_purchase(&desk, &name, amount, &reason).await
            }
            PurchasesCommand::Cancel { name, reason, desk } => {
                operate::cancel_purchase(&desk, &name, &reason).await
            }
            PurchasesCommand::Ledger { name, options, desk } => {
                operate::show_ledger(&desk, name.as_deref(), &options).await
            }
            PurchasesCommand::Export { since, catalog, desk } => {
                operate::export_purchases(&desk, since.as_deref(), &catalog).await
            }
            PurchasesCommand::Resend { name, desk } => operate::resend_grant(&desk, &name).await,
        },
        Command::Outbox { command } => match command {
            OutboxCommand::List { state, limit, desk } => {
                operate::list_commands(&desk, &state, limit.into()).await
            }
            OutboxCommand::Retry { id, desk } => operate::retry_command(&desk, &id).await,
        },
        Command::Learner { command } => operate::learner(command).await,
        Command::Limits { command } => operate::limits(command).await,
        Command::Coupons { command } => operate::coupons(command).await,
        Command::Tokens { command } => operate::tokens(command).await,
        Command::Reconcile(options) => operate::reconcile(*options).await,
        Command::Sync(options) => operate::sync(*options).await,
        Command::Variants { command } => match command {
            VariantsCommand::List { json } => operate::list_variants(json),
            VariantsCommand::Stats { stats, desk } => operate::show_stats(&desk, &stats).await,
        },
        Command::Seats { catalog, desk } => operate::show_seats(&desk, &catalog).await,
    }
}

async fn serve(raw: RawConfig) -> anyhow::Result<()> {
    let config = raw.check().context("the settings can't be used")?;
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

/// For the person at the terminal; the log has its own form.
#[expect(clippy::print_stderr, reason = "answers the person who called the subcommand")]
fn say(text: &str) {
    eprintln!("{text}");
}
