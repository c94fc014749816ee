//! Runs every check and test, whatever fails on the way, and ends with a summary.

mod report;
mod steps;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::interrupt;
use report::{Outcome, Report};
use steps::{Needs, Step};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave out what needs a browser
    #[arg(long)]
    fast: bool,
    /// In which browsers to test: `all` buys in Firefox and WebKit too
    #[arg(long, value_enum, default_value_t, conflicts_with = "fast")]
    browsers: Browsers,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Browsers {
    #[default]
    Chromium,
    All,
}

impl Options {
    fn wants(&self, needs: Needs) -> bool {
        match needs {
            Needs::NoBrowser => true,
            Needs::Chromium => !self.fast,
            Needs::OtherBrowsers => self.browsers == Browsers::All,
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut report = Report::default();
    for Step { name, run, needs } in steps::ALL {
        if !options.wants(*needs) {
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
