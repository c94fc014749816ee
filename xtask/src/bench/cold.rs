//! `cargo xtask bench cold`: how long a newcomer waits, with an empty home, no crates and nothing built.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, pipe};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::postgres::free_port;
use crate::process::{self, Running};
use crate::{cargo, elapsed, http, interrupt, progress, repo};

/// Timeouts for a demo to be up, and for all tests to end.
const DEMO_TIMEOUT: Duration = Duration::from_secs(45 * 60);
const TEST_TIMEOUT: Duration = Duration::from_secs(90 * 60);
const WASM: &str = "wasm32-unknown-unknown";
/// The SKU of the demo's catalogue that is opened to show that a purchase is possible.
const SKU: &str = "ru-redis-fundamentals";

/// A clone of the last commit with a home of its own. Only Rust's toolchain is shared with the machine.
struct Newcomer<'a> {
    folder: PathBuf,
    lines: &'a mut Vec<(String, Duration)>,
}

/// Measures, prints a line for each step, and ends with a table of all of them. With `test`, measures the tests as
/// well.
pub(crate) fn run(test: bool) -> Result<()> {
    let mut lines = Vec::new();
    let mut newcomer = Newcomer::arrive(&mut lines)?;
    newcomer.prepare()?;
    let before = newcomer.so_far();
    let up = newcomer.demo("`cargo xtask demo`, from then on until somebody can buy", true)?;
    newcomer.note("**from the clone to a purchase**", before + up);
    newcomer.demo("the demo again, nothing changed", false)?;
    newcomer.change_server()?;
    newcomer.demo("the demo again, one file of the server changed", false)?;
    if test {
        let before = newcomer.so_far();
        let mut another = Newcomer::arrive(&mut lines)?;
        another.prepare()?;
        another.test("`cargo xtask test`, from then on", &[])?;
        another.note("**from the clone to the tests' summary**", another.so_far() - before);
        another.test("`cargo xtask test --fast` again, nothing changed", &["--fast"])?;
    }
    let mut table = "| what | time |\n|---|---|\n".to_owned();
    for (what, took) in lines {
        writeln!(table, "| {what} | {} |", elapsed::words(took))?;
    }
    progress::say(&format!("\n{table}"));
    Ok(())
}

impl<'a> Newcomer<'a> {
    fn arrive(lines: &'a mut Vec<(String, Duration)>) -> Result<Self> {
        let folder = repo::target()?.join("bench/cold");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        fs::create_dir_all(folder.join("cargo"))
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let changed =
            process::command("git").args(["status", "--porcelain"]).current_dir(repo::root()).output();
        if changed.is_ok_and(|output| !output.stdout.is_empty()) {
            progress::say("what is not committed is not measured");
        }
        process::run_quietly(
            process::command("git")
                .args(["clone", "--quiet", "--no-hardlinks"])
                .arg(repo::root())
                .arg(folder.join("clone")),
        )?;
        // Crates come from where the person's crates come from.
        let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let cargo_home = cargo_home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
        if let Some(config) =
            cargo_home.map(|home| home.join("config.toml")).filter(|config| config.is_file())
        {
            fs::copy(&config, folder.join("cargo/config.toml")).context("cannot copy cargo's settings")?;
        }
        Ok(Self { folder, lines })
    }

    /// cargo, as the newcomer runs it.
    fn cargo(&self) -> Result<Command> {
        let mut cargo = process::cargo();
        let home = self.folder.join("home");
        fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        if std::env::var_os("RUSTUP_HOME").is_none()
            && let Some(home) = std::env::var_os("HOME")
        {
            cargo.env("RUSTUP_HOME", PathBuf::from(home).join(".rustup"));
        }
        cargo.env("HOME", home).env("CARGO_HOME", self.folder.join("cargo"));
        for name in ["CARGO_TARGET_DIR", "REDIS_CHECKOUT_CACHE", "XDG_CACHE_HOME"] {
            cargo.env_remove(name);
        }
        cargo.current_dir(self.folder.join("clone"));
        Ok(cargo)
    }

    /// The work of cargo before any task runs.
    fn prepare(&mut self) -> Result<()> {
        self.time("downloading crates", &["fetch", "--target", WASM, "--target", &cargo::host()?])?;
        self.time("building `cargo xtask` itself", &["build", "--package", "xtask"])
    }

    fn so_far(&self) -> Duration {
        self.lines.iter().filter(|(what, _)| !what.starts_with('*')).map(|(_, took)| *took).sum()
    }

    fn time(&mut self, what: &str, arguments: &[&str]) -> Result<()> {
        let start = Instant::now();
        process::run_quietly(self.cargo()?.args(arguments))?;
        self.note(what, start.elapsed());
        Ok(())
    }

    fn test(&mut self, what: &str, arguments: &[&str]) -> Result<()> {
        let start = Instant::now();
        let mut test = self.cargo()?;
        let status =
            Running::spawn(test.args(["xtask", "test"]).args(arguments))?.wait(Some(TEST_TIMEOUT))?;
        self.note(what, start.elapsed());
        if !status.success() {
            bail!("{what} ended with {status}");
        }
        Ok(())
    }

    /// Measures how long a demo takes until somebody can buy; with `steps`, prints its steps as well.
    fn demo(&mut self, what: &str, steps: bool) -> Result<Duration> {
        let ports = [free_port()?, free_port()?].map(|port| port.to_string());
        let mut demo = self.cargo()?;
        demo.args(["xtask", "demo", "--port", &ports[0], "--course-port", &ports[1]]);
        let (reader, writer) = pipe().context("cannot make a pipe")?;
        demo.stdout(writer).stderr(Stdio::null());
        let start = Instant::now();
        let mut running = Running::spawn(&mut demo)?;
        // Otherwise the command keeps its end of the pipe open, and the reader waits for it forever.
        demo.stdout(Stdio::null());
        let reading = std::thread::spawn(move || {
            let lines = BufReader::new(reader).lines().map_while(Result::ok);
            lines.filter(|line| line.contains(": done in ")).collect::<Vec<_>>()
        });
        let (server, course) = (ports[0].parse()?, ports[1].parse()?);
        let can_buy = || {
            http::answers(course, &format!("/courses/{SKU}"))
                && http::answers(server, "/embed/v1.js")
                && http::creates(server, "/v1/purchases", &format!("{{\"sku\":\"{SKU}\"}}"))
        };
        wait(&mut running, can_buy)?;
        let up = start.elapsed();
        let preview = if steps {
            wait(&mut running, || http::answers(server, "/preview"))?;
            Some(start.elapsed())
        } else {
            None
        };
        // The demo ends its own programs first, each with its own grace period.
        running.end_within(Duration::from_secs(30));
        let done = reading.join().map_err(|_| anyhow::anyhow!("the demo's output can't be read"))?;
        for line in done.iter().filter(|_| steps) {
            progress::say(&format!("  {line}"));
        }
        self.note(what, up);
        if let Some(preview) = preview {
            self.note("the preview, while somebody may buy", preview - up);
        }
        Ok(up)
    }

    fn change_server(&self) -> Result<()> {
        let file = self.folder.join("clone/server/src/http/health.rs");
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        fs::write(&file, format!("{text}\n// Changed.\n"))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    fn note(&mut self, what: &str, took: Duration) {
        progress::say(&format!("{what}: {}", elapsed::words(took)));
        self.lines.push((what.to_owned(), took));
    }
}

fn wait(running: &mut Running, holds: impl Fn() -> bool) -> Result<()> {
    let up = interrupt::wait_until(DEMO_TIMEOUT, || {
        if let Some(status) = running.ended()? {
            bail!("the demo ended with {status}: run `cargo xtask demo` to see why");
        }
        Ok(holds())
    })?;
    ensure!(up, "the demo is not up after {DEMO_TIMEOUT:?}");
    Ok(())
}
