//! Runs every check and test, whatever fails on the way, and ends with a summary.
//!
//! Three lanes run side by side, since most tests wait and most checks compute: one runs tests, one compiles and
//! computes at low priority, and one installs what later steps need.

mod executables;
mod prepare;
mod previous;
mod report;
mod steps;

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Result;

use crate::interrupt::{self, Interrupted};
use crate::{cargo, elapsed, machine, progress, room};
use report::{Outcome, Report};
use steps::{Needs, Run, Step};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The checks that take under two minutes: no browser, fewer simulated runs, and of PostgreSQL only the store
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
            Needs::Nothing => true,
            Needs::Time | Needs::Chromium => !self.fast,
            Needs::OtherBrowsers => self.browsers == Browsers::All,
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    machine::pin();
    room::check(room::Need::Tests)?;
    cargo::fetch()?;
    let start = Instant::now();
    let run = Run::new(options.fast);
    let report = Mutex::new(Report::default());
    let lane = |steps: &[Step]| {
        for step in steps.iter().filter(|step| options.wants(step.needs)) {
            one(step, &run, &report);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| prepare::install(|needs| options.wants(needs)));
        lane(steps::FIRST);
        let widget = scope.spawn(|| lane(steps::WIDGET));
        lane(steps::BUILD);
        scope.spawn(|| lane(steps::COMPUTING));
        // The tests need the widget, whose last crates leave a core to the computing lane.
        widget.join().expect("a lane that does not panic");
        lane(steps::WAITING);
    });
    interrupt::check()?;
    let report = report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    progress::say(&format!("\nin {}\n{report}", elapsed::words(start.elapsed())));
    Ok(if report.all_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a step, and prints its output in one piece once it has ended.
fn one(step: &Step, run: &Run, report: &Mutex<Report>) {
    if interrupt::check().is_err() {
        return;
    }
    let under_way = progress::Step::start(step.name);
    let mut printed = String::new();
    let outcome = (step.run)(run, &mut printed);
    if !printed.is_empty() {
        progress::say(&format!("\n=== {}\n{}", step.name, printed.trim_end()));
    }
    if outcome.as_ref().is_err_and(|error| error.is::<Interrupted>()) {
        return;
    }
    let outcome = outcome.unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
    let took = under_way.finish(&outcome.to_string());
    let mut report = report.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    report.add(step.name, outcome, took);
}
