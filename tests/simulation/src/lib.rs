//! Runs the real purchase, store and outbox against simulated time, Stripe, FlockJay, browsers, crashes and a disk that
//! fails, and checks every invariant after every step. A seed determines its run.
#![forbid(unsafe_code)]

mod account;
mod check;
mod chooser;
pub mod command;
mod database;
mod flockjay;
mod pages;
mod run;
mod shrink;
mod snapshot;
mod stripe;
mod world;

use chooser::Chooser;
use database::Database;
use std::fmt;

/// The result of many runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub seeds: u64,
    pub purchases: usize,
    /// One for each seed that broke an invariant.
    pub broken: Vec<Broken>,
}

/// An invariant that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub seed: u64,
    pub invariant: String,
    /// The shortest way to it that was found, one line per step.
    pub story: Vec<String>,
}

/// The seeds to run.
#[derive(Clone, Copy, Debug)]
pub struct Seeds {
    pub first: u64,
    /// The first seed that is no longer run.
    pub end: u64,
    /// The step from one seed to the next.
    pub step: usize,
    /// The number of seeds that break an invariant after which to stop.
    pub most: usize,
    /// Whether to look for the shortest story of each seed that breaks an invariant.
    pub stories: bool,
}

/// Runs the seeds on this thread, and calls `after` once for each.
pub fn simulate(seeds: Seeds, after: &dyn Fn()) -> anyhow::Result<Report> {
    let Seeds { first, end, step, most, stories } = seeds;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let mut database = Database::create().await?;
        let mut report = Report::default();
        for seed in (first..end).step_by(step) {
            let ran = run::run(&mut database, Chooser::seeded(seed), false).await?;
            report.seeds += 1;
            report.purchases += ran.purchases;
            if let Some(invariant) = ran.broken {
                let story = if stories {
                    shrink::shortest_story(&mut database, ran.choices, &invariant).await?
                } else {
                    vec![]
                };
                report.broken.push(Broken { seed, invariant, story });
            }
            after();
            if report.broken.len() >= most {
                break;
            }
        }
        Ok(report)
    })
}

impl Report {
    /// Adds what another thread found.
    pub fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.purchases += other.purchases;
        self.broken.extend(other.broken);
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.invariant)?;
        self.story.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}
