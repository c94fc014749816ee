//! Starts everything that a person needs to buy a course on this machine, and ends it again.

mod http;
mod ports;
mod service;
mod settings;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::interrupt::{self, Interrupted};
use crate::{process, repo, tools, widget};
use ports::Ports;
use service::Service;
use settings::{Settings, Stripe};

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    ports: ports::Wishes,
    /// Show all that the server and the sandbox log, not only errors
    #[arg(long)]
    verbose: bool,
}

/// How long both programs together may take until they answer.
const START_LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn run(options: &Options) -> Result<()> {
    // Mistakes in what was asked come to light before minutes are spent on building.
    let stripe = Stripe::from_environment(|name| std::env::var(name).ok())?;
    ports::choose(&options.ports)?;
    tools::rust::ensure()?;
    widget::build()?;
    println!("building the server and the sandbox (about 5 min the first time)");
    build_programs()?;
    let (ports, moved) = ports::choose(&options.ports)?;
    for note in moved {
        println!("{note}");
    }
    match serve(&Settings { stripe, ports }, options.verbose) {
        Err(error) if error.is::<Interrupted>() => {
            println!("\nstopped");
            Ok(())
        }
        outcome => outcome,
    }
}

/// Without this program, which has other features on and would be built twice.
fn build_programs() -> Result<()> {
    let mut build = process::cargo();
    build.args(["build", "--workspace", "--exclude", "xtask", "--bins"]);
    process::run(build.current_dir(repo::root()))
}

/// Until Ctrl-C, or until a program dies.
fn serve(settings: &Settings, verbose: bool) -> Result<()> {
    let folder = fresh_folder(&settings.ports)?;
    let programs = repo::programs()?;
    let mut sandbox = process::tied_to_us(&programs.join("sandbox"));
    sandbox.args(settings.sandbox_arguments()).envs(settings::without_proxy());
    let mut server = process::tied_to_us(&programs.join("redis-checkout"));
    server.arg("serve").envs(settings::without_proxy());
    for (name, value) in settings.server_environment(&folder.join("checkout.db")) {
        match value {
            Some(value) => server.env(name, value),
            None => server.env_remove(name),
        };
    }
    // The logs are files.
    server.env("NO_COLOR", "1");
    sandbox.env("NO_COLOR", "1");
    // The server asks FlockJay at its start whether what the catalogue names exists.
    let mut services = vec![Service::start("sandbox", sandbox.current_dir(repo::root()), &folder, verbose)?];
    wait_until_ready(&mut services, settings.ports.flockjay, "/_sandbox/health")?;
    services.push(Service::start("server", server.current_dir(repo::root()), &folder, verbose)?);
    wait_until_ready(&mut services, settings.ports.server, "/readyz")?;
    println!("{}", settings.welcome(&folder));
    loop {
        check(&mut services)?;
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Per port, so that two demos at once don't share a database. The stand-ins forget everything when they end, hence so
/// must the database.
fn fresh_folder(ports: &Ports) -> Result<std::path::PathBuf> {
    let folder = repo::scratch("demo")?.join(ports.server.to_string());
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn wait_until_ready(services: &mut [Service], port: u16, path: &str) -> Result<()> {
    let start = Instant::now();
    while !http::answers(port, path) {
        check(services)?;
        if start.elapsed() > START_LIMIT {
            let log = services.last().map_or(Path::new(""), |service| &service.log);
            bail!("http://127.0.0.1:{port}{path} is not ready after {START_LIMIT:?}: see {}", log.display());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn check(services: &mut [Service]) -> Result<()> {
    interrupt::check()?;
    services.iter_mut().try_for_each(Service::check)
}
