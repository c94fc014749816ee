//! Development tasks: `cargo xtask demo` and `cargo xtask test`, and the tools that both need.

mod bench;
mod cargo;
mod demo;
mod dist;
mod elapsed;
mod http;
mod interrupt;
mod machine;
mod postgres;
mod process;
mod progress;
mod repo;
mod room;
mod test;
mod tools;
mod trouble;
mod trunk;
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
        what: bench::Bench,
    },
    /// Build the widget, and say how many bytes a visitor waits for; fails over budget
    Sizes,
    /// Build the release: one binary with the widget inside
    Dist,
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
        Task::Bench { what } => bench::run(&what).map(success),
        Task::Sizes => sizes().map(success),
        Task::Dist => dist::run().map(success),
        Task::Tools => install_tools().map(success),
        Task::Postgres => postgres::run().map(success),
        Task::BuildWidget => widget::build().map(success),
    });
    match outcome {
        Ok(code) => code,
        Err(error) if error.is::<interrupt::Interrupted>() => {
            progress::say("\nstopped");
            ExitCode::from(interrupt::EXIT_CODE)
        }
        Err(error) => {
            progress::complain(&format!("error: {error:#}"));
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
        progress::say(&format!("{} {}: {}", tool.name, found.version, found.bin.display()));
    }
    Ok(())
}
