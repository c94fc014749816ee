//! `cargo xtask bench server`: the release build under load on this machine, against what the machine can do at best.
//! `cargo xtask bench page`: how long a visitor waits.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "talking to the person at the terminal is its job")]

mod bare;
mod database;
mod load;
mod page;
mod process;
mod report;

use clap::{Parser, Subcommand};
use database::Database;
use load::{Load, Measured, Request, Requests};
use process::Server;
use report::{Report, median};
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
    /// Measures the page.
    Page {
        /// The release build of `redis-checkout`, with the widget inside.
        #[arg(long)]
        binary: PathBuf,
        /// Where the database is put.
        #[arg(long)]
        folder: PathBuf,
        #[arg(long, env = "CHROMIUM")]
        chromium: PathBuf,
        #[arg(long, env = "CHROMEDRIVER")]
        chromedriver: PathBuf,
    },
    /// Answers every request with the bytes of a file, and does nothing else.
    Bare {
        #[arg(long)]
        answer: PathBuf,
    },
}

/// Rounds of each kind, alternating, so that both see the same noise.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
/// Client addresses that requests come from, so that each stays within its limits.
const CLIENTS: usize = 50_000;
const BUYERS: usize = 5000;
const SEATS: usize = 30;
const OFFERING: &str = "/v1/offerings/ru-live";
const COURSE: &str = r#"{"sku":"ru-course"}"#;
const LIVE: &str = r#"{"sku":"ru-live"}"#;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match Cli::parse().command {
            Command::Bare { answer } => bare::serve(&answer).await,
            Command::Page { binary, folder, chromium, chromedriver } => {
                page::run(&binary, &folder, &chromium, &chromedriver).await
            }
            Command::Server { binary, folder, purchases } => {
                let sandbox = Sandbox::start(Options::default()).await?;
                let mut bench = Bench { binary, folder, sandbox, report: Report::default() };
                bench.start_up().await?;
                bench.offerings().await?;
                bench.opening().await?;
                bench.rush().await?;
                bench.size(purchases).await?;
                println!("{}", bench.report);
                Ok(())
            }
        }
    })
}

struct Bench {
    binary: PathBuf,
    folder: PathBuf,
    sandbox: Sandbox,
    report: Report,
}

impl Bench {
    async fn start(&self, database: &Database) -> anyhow::Result<Server> {
        Server::start(&self.binary, database, SEATS, &self.sandbox, &[]).await
    }

    /// Time from starting the process until it reports ready, and its memory then.
    async fn start_up(&mut self) -> anyhow::Result<()> {
        let (mut times, mut memory) = (Vec::new(), Vec::new());
        let database = database::fresh(&self.folder)?;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let server = self.start(&database).await?;
            times.push(start.elapsed());
            memory.push(server.resident()?);
        }
        self.report
            .line("start-up, process to ready", format!("{:.0} ms", median(&times).as_secs_f64() * 1e3));
        self.report.line("resident memory, idle", format!("{:.1} MiB", median(&memory)));
        Ok(())
    }

    /// Reading an offering, against a bare route that answers the same bytes.
    async fn offerings(&mut self) -> anyhow::Result<()> {
        let database = database::fresh(&self.folder)?;
        let server = self.start(&database).await?;
        let file = self.folder.join("answer");
        std::fs::write(&file, load::one(server.address, &Request::get(OFFERING)).await?)?;
        let bare = Server::bare(&file).await?;
        let requests: Requests = (0..CLIENTS).map(|n| Request::get_as(n, OFFERING)).collect();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for (address, measured) in [(bare.address, &mut theirs), (server.address, &mut ours)] {
                measured.push(Load { address, connections: 16, length: ROUND }.run(&requests).await?);
            }
        }
        let [our_rate, bare_rate] =
            [&ours, &theirs].map(|of| median(&of.iter().map(Measured::per_second).collect::<Vec<_>>()));
        self.report.share("GET offering, requests/s", our_rate, bare_rate, "a bare axum route", 0.9);
        let latencies = [0.5, 0.99].map(|share| {
            [&ours, &theirs]
                .map(|of| median(&of.iter().map(|round| round.latency(share)).collect::<Vec<_>>()))
        });
        let [[p50, bare_p50], [p99, bare_p99]] = latencies;
        self.report.line(
            "GET offering, p50 and p99",
            format!("{p50:?} and {p99:?} (bare: {bare_p50:?} and {bare_p99:?})"),
        );
        Ok(())
    }

    /// Opening purchases with durable commits, against bare commits.
    async fn opening(&mut self) -> anyhow::Result<()> {
        let (database, bare) = (database::fresh(&self.folder)?, database::fresh(&self.folder)?);
        let server = self.start(&database).await?;
        let requests: Requests = (0..CLIENTS).map(|n| Request::post_as(n, "/v1/purchases", COURSE)).collect();
        let (mut opened, mut committed) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            committed.push(database::commits_per_second(&bare, ROUND).await?);
            let load = Load { address: server.address, connections: 16, length: ROUND };
            opened.push(load.run(&requests).await?.per_second());
        }
        let (opened, committed) = (median(&opened), median(&committed));
        self.report.share("purchases opened/s", opened, committed, "bare commits/s", 0.6);
        Ok(())
    }

    /// Many buyers for few seats, all at once.
    async fn rush(&mut self) -> anyhow::Result<()> {
        let database = database::fresh(&self.folder)?;
        let server = self.start(&database).await?;
        let requests: Requests = (0..BUYERS).map(|n| Request::post_as(n, "/v1/purchases", LIVE)).collect();
        let rush = load::rush(server.address, &requests).await?;
        let (sold, refused) = (rush.answers_with(201), rush.answers_with(409));
        anyhow::ensure!(sold == SEATS, "{sold} seats were sold, and there are {SEATS}");
        anyhow::ensure!(refused == BUYERS - SEATS, "somebody was not answered: {:?}", rush.statuses());
        self.report.line(
            "rush of 5,000 buyers for 30 seats",
            format!(
                "{sold} sold, all answered in {:.2} s, p99 {:?}",
                rush.took.as_secs_f64(),
                rush.latency(0.99)
            ),
        );
        let memory = format!("{:.1} MiB (goal: under 60)", server.most_resident()?);
        self.report.line("resident memory, at most under the rush", memory);
        Ok(())
    }

    /// The same requests on a small and on a large database.
    async fn size(&mut self, purchases: u64) -> anyhow::Result<()> {
        let databases = [database::fresh(&self.folder)?, database::fresh(&self.folder)?];
        let mut servers = Vec::new();
        for (database, purchases) in databases.iter().zip([1000, purchases]) {
            let server = self.start(database).await?;
            let ids = database::fill(database, purchases).await?;
            let mix = (0..CLIENTS).map(|n| match n % 2 {
                0 => Request::get_as(n, &format!("/v1/purchases/{}", ids[n / 2 % ids.len()])),
                _ => Request::post_as(n, "/v1/purchases", COURSE),
            });
            servers.push((server, mix.collect::<Requests>()));
        }
        let mut latencies = [Vec::new(), Vec::new()];
        for round in 0..=ROUNDS {
            for ((server, mix), latencies) in servers.iter().zip(&mut latencies) {
                let measured =
                    Load { address: server.address, connections: 4, length: ROUND }.run(mix).await?;
                // The first round only fills caches.
                if round > 0 {
                    latencies.push(measured.latency(0.99));
                }
            }
        }
        let [small, large] = latencies.map(|of| median(&of));
        let times = large.as_secs_f64() / small.as_secs_f64();
        self.report.line(
            &format!("p99 of a mix, with {purchases} purchases against 1000"),
            format!("{large:?} against {small:?}: {times:.2}× (goal: 1.2×)"),
        );
        Ok(())
    }
}
