//! The benches, and the build that each measures.

mod cold;

use anyhow::Result;

use crate::{dist, process, repo, tools};

#[derive(clap::Subcommand)]
pub(crate) enum Bench {
    /// Requests, commits, a rush, a large database, memory and start-up
    Server {
        /// Stored purchases against which a thousand are measured
        #[arg(long, default_value = "1000000")]
        purchases: u64,
    },
    /// When a visitor sees the price, can type and can pay, against a plain page; fails where a goal is missed
    Page,
    /// A newcomer's wait: from a clone, with an empty home and no crates, to a purchase
    Cold {
        /// The tests as well, which takes about half an hour more
        #[arg(long)]
        test: bool,
    },
}

pub(crate) fn run(what: &Bench) -> Result<()> {
    let mut run = process::cargo();
    run.args(["run", "--quiet", "--release", "--package", "bench", "--"]);
    match what {
        Bench::Cold { test } => return cold::run(*test),
        Bench::Server { purchases } => {
            run.args(["server", "--purchases", &purchases.to_string()]);
        }
        Bench::Page => {
            let browser = tools::browser::chromium()?;
            run.arg("page").arg("--chromium").arg(browser.program).arg("--chromedriver").arg(browser.driver);
        }
    }
    // Built separately, so that no feature of one is switched on in the other.
    let binary = dist::build()?;
    let measured = binary.with_file_name("redis-checkout-measured");
    // Under a new name first: a process that is still running keeps the old file.
    let fresh = measured.with_extension("new");
    std::fs::copy(&binary, &fresh)?;
    std::fs::rename(fresh, &measured)?;
    let folder = repo::target()?.join("bench");
    std::fs::create_dir_all(&folder)?;
    run.arg("--binary").arg(measured).arg("--folder").arg(folder);
    process::run(run.current_dir(repo::root()))
}
