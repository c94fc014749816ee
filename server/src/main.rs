//! `redis-checkout`: serves the checkout, and holds the operators' subcommands.
#![forbid(unsafe_code)]

use anyhow::Context;
use clap::{Parser, Subcommand};
use redis_checkout::{App, catalog, config::RawConfig};
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
    /// Looks after the catalogue.
    Catalog {
        #[command(subcommand)]
        command: CatalogCommand,
    },
}

#[derive(Subcommand)]
enum CatalogCommand {
    /// Says whether a catalogue can be read, and everything that is wrong with it.
    Check {
        #[arg(env = "CATALOG", default_value = "catalog.toml")]
        path: PathBuf,
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
        Command::Catalog { command: CatalogCommand::Check { path } } => {
            let catalog = catalog::read(&path)?;
            say(&format!("{}: {} offerings, no mistakes", path.display(), catalog.items().count()));
            Ok(())
        }
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
            _ = hang_up.recv() => app.reload_catalog(),
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
