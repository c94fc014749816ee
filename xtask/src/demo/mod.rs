//! Starts everything that a person needs to buy a course on this machine, and ends it again.

mod front;
mod ports;
mod service;
mod settings;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::interrupt::{self, Interrupted};
use crate::postgres::Cluster;
use crate::{cargo, http, machine, process, progress, repo, room, tools, widget};
use ports::Ports;
use service::Service;
use settings::{COUPON, Instance, Settings, Stripe};

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    ports: ports::Wishes,
    /// How many servers; several share a private PostgreSQL and one address
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u8).range(1..=8))]
    instances: u8,
    /// Show all that the server and the sandbox log, not only errors
    #[arg(long)]
    verbose: bool,
}

/// Timeout for each program to answer.
const START_LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn run(options: &Options) -> Result<()> {
    // Finds mistakes in the options before minutes are spent on building.
    let stripe = Stripe::from_environment(|name| std::env::var(name).ok())?;
    ports::choose(&options.ports)?;
    room::check(room::Need::Demo)?;
    tools::could_have(&tools::ESBUILD)?;
    tools::rust::ensure()?;
    cargo::fetch()?;
    // The server's last crates compile one after another: the widget's crates fill the other cores.
    interrupt::both(build_programs, widget::build_checkout)?;
    let (ports, moved) = ports::choose(&options.ports)?;
    for note in moved {
        progress::say(&note);
    }
    match serve(&Settings { stripe, ports }, options) {
        Err(error) if error.is::<Interrupted>() => {
            progress::say("\nstopped");
            Ok(())
        }
        outcome => outcome,
    }
}

/// Builds what the demo runs, and no more: the crates of tests and benchmarks include a browser driver and a
/// simulation.
fn build_programs() -> Result<()> {
    widget::make_folder()?;
    let mut build = process::cargo();
    build.args(["build", "--package", "redis-checkout", "--package", "sandbox", "--bins"]);
    // The same features as the tests, which run the same file and may be under way.
    build.args(["--features", "redis-checkout/fault-injection"]);
    cargo::build("building the server and the stand-ins", &mut build).map(drop)
}

/// Runs until Ctrl-C, or until the sandbox or the last server dies.
fn serve(settings: &Settings, options: &Options) -> Result<()> {
    let folder = fresh_folder(&settings.ports)?;
    let programs = repo::programs()?;
    // Outlives the servers that use it.
    let cluster = if options.instances > 1 { Some(Cluster::start()?) } else { None };
    // The logs are files, so they get no colours.
    let mut sandbox = process::tied_to_us(&programs.join("sandbox"));
    let salesforce_key = folder.join("salesforce.pem");
    sandbox.arg("--salesforce-key-file").arg(&salesforce_key);
    sandbox.args(settings.sandbox_arguments()).envs(machine::without_proxy()).env("NO_COLOR", "1");
    sandbox.current_dir(repo::root());
    // At startup the server asks FlockJay whether everything in the catalogue exists.
    let mut services = vec![Service::start("sandbox", &mut sandbox, &folder, options.verbose)?];
    wait_until_ready(&mut services, settings.ports.flockjay, "/_sandbox/health")?;
    let instances = settings.instances(options.instances, &folder, cluster.as_ref())?;
    for instance in &instances {
        let mut server = process::tied_to_us(&programs.join("redis-checkout"));
        server.arg("serve").envs(machine::without_proxy()).env("SALESFORCE_KEY_FILE", &salesforce_key);
        settle(&mut server, settings, instance);
        services.push(Service::start(&instance.name, &mut server, &folder, options.verbose)?);
        wait_until_ready(&mut services, instance.port, "/readyz")?;
    }
    let mut coupon = process::command(programs.join("redis-checkout"));
    coupon.args(["coupons", "create", COUPON, "--percent", "20", "--as", "demo"]).stdout(Stdio::null());
    settle(&mut coupon, settings, &instances[0]);
    process::run(&mut coupon).context("the demo's coupon can't be made")?;
    if instances.len() > 1 {
        front::listen(settings.ports.server, instances.iter().map(|instance| instance.port).collect())?;
    }
    for (instance, service) in instances.iter().zip(&services[1..]).filter(|_| instances.len() > 1) {
        progress::say(&format!("{} is process {} at port {}", instance.name, service.id(), instance.port));
    }
    progress::say(&settings.welcome(&folder));
    interrupt::both(move || watch(services), build_preview)
}

/// Builds the preview while somebody may already buy. The server reads it from the disk once it is there.
fn build_preview() -> Result<()> {
    match widget::build_preview() {
        Err(error) if !error.is::<Interrupted>() => {
            progress::say(&format!("the preview can't be built, and everything else goes on: {error:#}"));
            Ok(())
        }
        outcome => outcome,
    }
}

fn watch(mut services: Vec<Service>) -> Result<()> {
    loop {
        drop_dead_instance(&mut services)?;
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Tells `server` where everything else in the demo is.
fn settle(server: &mut Command, settings: &Settings, instance: &Instance) {
    server.env("NO_COLOR", "1").current_dir(repo::root());
    for (name, value) in settings.server_environment(instance) {
        match value {
            Some(value) => server.env(name, value),
            None => server.env_remove(name),
        };
    }
}

/// Reports and drops a server that has died, if another one lives.
fn drop_dead_instance(services: &mut Vec<Service>) -> Result<()> {
    let Err(death) = check(services) else { return Ok(()) };
    let servers = services.len() - 1;
    let dead = services.iter_mut().skip(1).position(|service| service.check().is_err());
    match dead {
        Some(place) if servers > 1 && !death.is::<Interrupted>() => {
            progress::say(&format!("{death:#}\nthe others go on"));
            services.remove(place + 1);
            Ok(())
        }
        _ => Err(death),
    }
}

/// One folder per port, so that two demos at once don't share a database. The stand-ins forget everything when they
/// end, so the database must, too.
fn fresh_folder(ports: &Ports) -> Result<std::path::PathBuf> {
    let folder = repo::scratch("demo")?.join(ports.server.to_string());
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn wait_until_ready(services: &mut [Service], port: u16, path: &str) -> Result<()> {
    let ready = interrupt::wait_until(START_LIMIT, || {
        check(services)?;
        Ok(http::answers(port, path))
    })?;
    if !ready {
        let log = services.last().map_or(Path::new(""), |service| &service.log);
        bail!("http://127.0.0.1:{port}{path} is not ready after {START_LIMIT:?}: see {}", log.display());
    }
    Ok(())
}

fn check(services: &mut [Service]) -> Result<()> {
    interrupt::check()?;
    services.iter_mut().try_for_each(Service::check)
}
