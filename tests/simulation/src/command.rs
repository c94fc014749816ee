//! `simulation --seeds N`: runs N seeds on every core, and ends with a one-line summary of what it found.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "talking to the person at the terminal is its job"
)]

use crate::{Report, Seeds, simulate};
use clap::Parser;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

#[derive(Parser)]
struct Options {
    /// How many seeds
    #[arg(long, default_value = "10000")]
    seeds: u64,
    /// The first of them; with --seeds 1 a single run is repeated
    #[arg(long, default_value = "0")]
    first: u64,
    /// Stop after so many that broke an invariant
    #[arg(long, default_value = "3")]
    most: usize,
}

/// How often progress is reported, in seeds.
const TELL_EVERY: u64 = 1000;

/// Reads the arguments, runs, and prints.
#[must_use]
pub fn main() -> ExitCode {
    let options = Options::parse();
    let start = Instant::now();
    match run(&options) {
        Ok(report) => {
            for broken in &report.broken {
                println!("{broken}");
            }
            let rate = report.purchases as f64 / start.elapsed().as_secs_f64();
            println!(
                "{} seeds, {} purchases, {} broken, {rate:.0} purchases/s",
                report.seeds,
                report.purchases,
                report.broken.len()
            );
            if report.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<Report> {
    // Each thread waits for its database half of the time.
    let threads = std::thread::available_parallelism()?.get() * 2;
    let done = AtomicU64::new(0);
    let after = || {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(TELL_EVERY) {
            eprintln!("{done} of {} seeds", options.seeds);
        }
    };
    std::thread::scope(|scope| {
        let end = options.first + options.seeds;
        let parts = (0..threads).map(|n| {
            let after = &after;
            let first = options.first + u64::try_from(n).unwrap_or_default();
            let seeds = Seeds { first, end, step: threads, most: options.most, stories: true };
            scope.spawn(move || simulate(seeds, after))
        });
        let mut report = Report::default();
        for part in parts.collect::<Vec<_>>() {
            let part = part.join().map_err(|_| anyhow::anyhow!("a run panicked: see above"))?;
            report.add(part?);
        }
        Ok(report)
    })
}
