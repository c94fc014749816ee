//! Runs every check and test, whatever fails on the way, and ends with a summary.

mod report;
mod steps;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::interrupt;
use report::{Outcome, Report};
use steps::Step;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave out what needs a browser
    #[arg(long)]
    fast: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut report = Report::default();
    for Step { name, run, needs_browser } in steps::ALL {
        if options.fast && *needs_browser {
            continue;
        }
        println!("\n=== {name}");
        let start = Instant::now();
        let outcome = run().unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        interrupt::check()?;
        report.add(name, outcome, start.elapsed());
    }
    println!("\n{report}");
    Ok(if report.all_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
