//! Development tasks: `cargo xtask demo` and `cargo xtask test`, and the tools that both need.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "talking to the person at the terminal is its job"
)]

mod demo;
mod elapsed;
mod interrupt;
mod postgres;
mod process;
mod repo;
mod test;
mod tools;
mod widget;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of Redis University Checkout")]
enum Task {
    /// Start the widget, the server and stand-ins for Stripe and FlockJay, and print where to look
    Demo(demo::Options),
    /// Run every check and test, and end with a summary
    Test(test::Options),
    /// Run the purchase, store and outbox against simulated faults, crashes and time
    Simulate(Simulate),
    /// Measure the release build against what this machine can do at best
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Build the widget, and say how many bytes a visitor waits for; fails over budget
    Sizes,
    /// Install the tools that demo and test use
    Tools,
    /// Start a private PostgreSQL, and print how to run tests on it; Ctrl-C removes it
    Postgres,
    /// Build the widget's assets into dist/, compressed beforehand
    BuildWidget,
}

#[derive(clap::Args)]
struct Simulate {
    /// How many runs, each another
    #[arg(long, default_value = "10000")]
    seeds: u64,
    /// The first of them; with --seeds 1 a single run is repeated
    #[arg(long, default_value = "0")]
    first: u64,
}

fn main() -> ExitCode {
    let task = Task::parse();
    let outcome = interrupt::listen().and_then(|()| match task {
        Task::Demo(options) => demo::run(&options).map(success),
        Task::Test(options) => test::run(&options),
        Task::Simulate(options) => simulate(&options).map(success),
        Task::Bench { what } => bench(&what).map(success),
        Task::Sizes => sizes().map(success),
        Task::Tools => install_tools().map(success),
        Task::Postgres => postgres::run().map(success),
        Task::BuildWidget => widget::build().map(success),
    });
    match outcome {
        Ok(code) => code,
        Err(error) if error.is::<interrupt::Interrupted>() => {
            println!("\nstopped");
            ExitCode::from(interrupt::EXIT_CODE)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn simulate(options: &Simulate) -> anyhow::Result<()> {
    let numbers = [options.seeds, options.first].map(|number| number.to_string());
    let mut run = process::cargo();
    run.args(["run", "--quiet", "--release", "--package", "simulation", "--"]);
    run.args(["--seeds", &numbers[0], "--first", &numbers[1]]);
    process::run(run.current_dir(repo::root()))
}

#[derive(clap::Subcommand)]
enum Bench {
    /// Requests, commits, a rush, a large database, memory and start-up
    Server {
        /// Stored purchases against which a thousand are measured
        #[arg(long, default_value = "1000000")]
        purchases: u64,
    },
    /// When a visitor sees the price, can type and can pay, against a plain page; fails where a goal is missed
    Page,
}

fn bench(what: &Bench) -> anyhow::Result<()> {
    let mut run = process::cargo();
    run.args(["run", "--quiet", "--release", "--package", "bench", "--"]);
    match what {
        Bench::Server { purchases } => {
            run.args(["server", "--purchases", &purchases.to_string()]);
        }
        Bench::Page => {
            let browser = tools::browser::chromium()?;
            run.arg("page").arg("--chromium").arg(browser.program).arg("--chromedriver").arg(browser.driver);
            widget::build()?;
        }
    }
    let mut build = process::cargo();
    // Apart, so that no feature of one is switched on in the other.
    process::run(
        build.args(["build", "--release", "--package", "redis-checkout"]).current_dir(repo::root()),
    )?;
    let binary = repo::root().join("target/release/redis-checkout");
    let measured = binary.with_file_name("redis-checkout-measured");
    // Under a new name first: one that is left running keeps the old file.
    let fresh = measured.with_extension("new");
    std::fs::copy(&binary, &fresh)?;
    std::fs::rename(fresh, &measured)?;
    let folder = repo::root().join("target/bench");
    std::fs::create_dir_all(&folder)?;
    run.arg("--binary").arg(measured).arg("--folder").arg(folder);
    process::run(run.current_dir(repo::root()))
}

fn sizes() -> anyhow::Result<()> {
    widget::build()?;
    process::run(
        process::cargo()
            .args(["test", "--workspace", "--quiet", "--test", "sizes"])
            .current_dir(repo::root()),
    )
}

fn success((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

fn install_tools() -> anyhow::Result<()> {
    tools::rust::ensure()?;
    for tool in tools::ALL {
        let found = tools::ensure(tool)?;
        println!("{} {}: {}", tool.name, found.version, found.bin.display());
    }
    Ok(())
}
