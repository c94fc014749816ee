//! `cargo xtask bench server`: the release build under load on this machine, against what the machine can do at best.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "talking to the person at the terminal is its job")]

mod bare;
mod database;
mod load;
mod process;
mod report;

use clap::{Parser, Subcommand};
use load::{Load, Request, Requests};
use process::Server;
use report::Report;
use sandbox::{Options, Sandbox};
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures the server.
    Server {
        /// The release build of `redis-checkout`.
        #[arg(long)]
        binary: PathBuf,
        /// Where databases are put: on the disk that is to be measured.
        #[arg(long)]
        folder: PathBuf,
        /// Stored purchases against which a thousand are measured.
        #[arg(long, default_value = "1000000")]
        purchases: u64,
    },
    /// Answers every request with the bytes of a file, and does nothing else.
    Bare {
        #[arg(long)]
        body: PathBuf,
    },
}

/// Rounds of each kind, taken in turns, so that both meet the same noise.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const BUYERS: usize = 5000;
const SEATS: usize = 30;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match Cli::parse().command {
            Command::Bare { body } => bare::serve(&body).await,
            Command::Server { binary, folder, purchases } => measure(&binary, &folder, purchases).await,
        }
    })
}

async fn measure(binary: &std::path::Path, folder: &std::path::Path, purchases: u64) -> anyhow::Result<()> {
    let sandbox = Sandbox::start(Options::default()).await?;
    let mut report = Report::default();
    start_up(binary, folder, &sandbox, &mut report).await?;
    offerings(binary, folder, &sandbox, &mut report).await?;
    opening(binary, folder, &sandbox, &mut report).await?;
    rush(binary, folder, &sandbox, &mut report).await?;
    size(binary, folder, &sandbox, purchases, &mut report).await?;
    println!("{report}");
    Ok(())
}

/// From starting the process to the first answer that it is ready.
async fn start_up(
    binary: &std::path::Path,
    folder: &std::path::Path,
    sandbox: &Sandbox,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut times = Vec::new();
    let database = database::fresh(folder)?;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let server = Server::start(binary, &database, SEATS, sandbox).await?;
        times.push(start.elapsed());
        drop(server);
    }
    report
        .line("start-up, process to ready", format!("{:.0} ms", report::median(&times).as_secs_f64() * 1e3));
    Ok(())
}

/// Reading an offering, against a bare route that answers the same bytes.
async fn offerings(
    binary: &std::path::Path,
    folder: &std::path::Path,
    sandbox: &Sandbox,
    report: &mut Report,
) -> anyhow::Result<()> {
    let database = database::fresh(folder)?;
    let server = Server::start(binary, &database, SEATS, sandbox).await?;
    let request = Request::get("/v1/offerings/ru-live");
    let body = load::one(server.address, &request).await?;
    let file = folder.join("body.json");
    std::fs::write(&file, body)?;
    let bare = Server::bare(&file).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (address, measured) in [(bare.address, &mut theirs), (server.address, &mut ours)] {
            let load = Load { address, connections: 16, length: ROUND };
            measured.push(load.run(&Requests::Same(request.clone())).await?);
        }
    }
    let rate = |of: &[load::Measured]| {
        report::median(&of.iter().map(|round| round.per_second()).collect::<Vec<_>>())
    };
    let latency = |of: &[load::Measured], share: f64| {
        report::median(&of.iter().map(|round| round.latency(share)).collect::<Vec<_>>())
    };
    report.share("GET offering, requests/s", rate(&ours), rate(&theirs), "a bare axum route", 0.9);
    report.line(
        "GET offering, p50 and p99",
        format!(
            "{:?} and {:?} (bare: {:?} and {:?})",
            latency(&ours, 0.5),
            latency(&ours, 0.99),
            latency(&theirs, 0.5),
            latency(&theirs, 0.99)
        ),
    );
    report.line(
        "resident memory, idle",
        format!(
            "{:.1} MiB",
            Server::start(binary, &database::fresh(folder)?, SEATS, sandbox).await?.resident()?
        ),
    );
    Ok(())
}

/// Opening purchases with durable commits, against bare commits.
async fn opening(
    binary: &std::path::Path,
    folder: &std::path::Path,
    sandbox: &Sandbox,
    report: &mut Report,
) -> anyhow::Result<()> {
    let database = database::fresh(folder)?;
    let server = Server::start(binary, &database, SEATS, sandbox).await?;
    let request = Request::post("/v1/purchases", r#"{"sku":"ru-course"}"#);
    let bare = database::fresh(folder)?;
    let (mut opened, mut committed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        committed.push(database::commits_per_second(&bare, ROUND).await?);
        let load = Load { address: server.address, connections: 16, length: ROUND };
        opened.push(load.run(&Requests::Same(request.clone())).await?.per_second());
    }
    report.share(
        "purchases opened/s",
        report::median(&opened),
        report::median(&committed),
        "bare commits/s",
        0.6,
    );
    Ok(())
}

/// Many buyers for few seats, all at once.
async fn rush(
    binary: &std::path::Path,
    folder: &std::path::Path,
    sandbox: &Sandbox,
    report: &mut Report,
) -> anyhow::Result<()> {
    let database = database::fresh(folder)?;
    let server = Server::start(binary, &database, SEATS, sandbox).await?;
    let request = Request::post("/v1/purchases", r#"{"sku":"ru-live"}"#);
    let rush = load::rush(server.address, &request, BUYERS).await?;
    let sold = rush.answers_with(201);
    anyhow::ensure!(sold == SEATS, "{sold} seats were sold, and there are {SEATS}");
    anyhow::ensure!(
        rush.answers_with(409) == BUYERS - SEATS,
        "somebody got no answer: {:?}",
        rush.statuses()
    );
    report.line(
        "rush of 5,000 buyers for 30 seats",
        format!(
            "{sold} sold, all answered in {:.2} s, p99 {:?}",
            rush.took.as_secs_f64(),
            rush.latency(0.99)
        ),
    );
    report.line(
        "resident memory, at most under the rush",
        format!("{:.1} MiB (goal: under 60)", server.most_resident()?),
    );
    Ok(())
}

/// The same requests on a small and on a large database.
async fn size(
    binary: &std::path::Path,
    folder: &std::path::Path,
    sandbox: &Sandbox,
    purchases: u64,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (small, large) = (database::fresh(folder)?, database::fresh(folder)?);
    let mut servers = Vec::new();
    for (database, purchases) in [(&small, 1000), (&large, purchases)] {
        let server = Server::start(binary, database, SEATS, sandbox).await?;
        let ids = database::fill(database, purchases).await?;
        let mix = ids.into_iter().flat_map(|id| {
            [
                Request::get(&format!("/v1/purchases/{id}")),
                Request::post("/v1/purchases", r#"{"sku":"ru-course"}"#),
            ]
        });
        servers.push((server, Requests::Each(mix.collect())));
    }
    let mut latencies = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        for ((server, mix), latencies) in servers.iter().zip(&mut latencies) {
            let load = Load { address: server.address, connections: 4, length: ROUND };
            let measured = load.run(mix).await?;
            // The first fills caches.
            if round > 0 {
                latencies.push(measured.latency(0.99));
            }
        }
    }
    let [small, large] = latencies.map(|of| report::median(&of));
    report.line(
        "p99 of a mix, with 1,000,000 purchases against 1,000",
        format!(
            "{large:?} against {small:?}: {:.2}× (goal: 1.2×; {purchases} were stored)",
            large.as_secs_f64() / small.as_secs_f64()
        ),
    );
    Ok(())
}
