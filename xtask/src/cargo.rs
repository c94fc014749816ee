//! Builds with cargo, and turns its output into a step's progress.

use std::io::{BufReader, Read, pipe};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::{self, Running};
use crate::progress::{self, Step};
use crate::{repo, trouble};

/// Downloads every crate that the workspace needs on this machine and in browsers, so that no build needs the network.
/// Waits while the network is down.
pub(crate) fn fetch() -> Result<()> {
    fetch_for(&["--target", &host()?, "--target", "wasm32-unknown-unknown"])
}

/// The same with the crates for other systems.
pub(crate) fn fetch_all() -> Result<()> {
    fetch_for(&[])
}

fn fetch_for(targets: &[&str]) -> Result<()> {
    // Stays silent if all crates are here already.
    let mut look = process::cargo();
    look.arg("fetch").args(targets).arg("--offline").current_dir(repo::root());
    if look.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    let step = Step::start("downloading crates");
    loop {
        let mut fetch = process::cargo();
        fetch.arg("fetch").args(targets);
        let output = captured(&mut fetch, false, |_, _| {})?;
        if output.succeeded {
            step.finish("done");
            return Ok(());
        }
        let failure = trouble::explain(failure("crates can't be downloaded", &output.text), &output.text);
        if !trouble::may_pass(&failure)? {
            return Err(failure);
        }
    }
}

/// Runs a cargo build command as a step called `text`. Cargo's warnings are shown.
pub(crate) fn build(text: &str, command: &mut Command) -> Result<()> {
    build_and_read(text, command).map(drop)
}

/// The same, and returns what cargo writes to its standard output.
pub(crate) fn build_and_read(text: &str, command: &mut Command) -> Result<String> {
    let step = Step::start(text);
    let output = captured(command, true, |done, total| step.built(done, total))?;
    if !output.succeeded {
        return Err(trouble::explain_offline(failure(&format!("{text} failed"), ""), &output.text));
    }
    step.finish("done");
    Ok(output.written)
}

/// Runs `cargo install` as part of `step`, with its output in a file.
pub(crate) fn install(command: &mut Command, step: &Step, log: &Path) -> Result<()> {
    let output = captured(command, false, |done, total| step.built(done, total))?;
    std::fs::write(log, &output.text).with_context(|| format!("cannot write {}", log.display()))?;
    if output.succeeded {
        return Ok(());
    }
    let failure = failure("cargo install failed", &output.text).context(format!("see {}", log.display()));
    Err(trouble::explain(failure, &output.text))
}

struct Output {
    succeeded: bool,
    /// Messages, without progress.
    text: String,
    /// Standard output.
    written: String,
}

/// Runs `command`, reports its progress to `built`, and prints messages as they come if `speaks` is set.
fn captured(command: &mut Command, speaks: bool, built: impl Fn(usize, usize) + Sync) -> Result<Output> {
    let (reader, writer) = pipe().context("cannot make a pipe")?;
    let (mut written, output) = pipe().context("cannot make a pipe")?;
    command
        .current_dir(repo::root())
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "80")
        // Colour codes would break up the words that are looked for.
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_TERM_QUIET", "false")
        .stdout(output)
        .stderr(writer);
    let running = Running::spawn(command)?;
    // Otherwise the command keeps its ends of the pipes open, and the readers wait for them forever.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| read(reader, speaks, &built));
        let writing = scope.spawn(move || {
            let mut bytes = Vec::new();
            // Truncated output fails to be read as JSON.
            let _ = written.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let status = running.wait(None);
        let text = reading.join().unwrap_or_default();
        let written = writing.join().unwrap_or_default();
        Ok(Output { succeeded: status?.success(), text, written })
    })
}

fn read(reader: impl Read, speaks: bool, built: impl Fn(usize, usize)) -> String {
    let mut text = String::new();
    let mut piece = Vec::new();
    for byte in BufReader::new(reader).bytes() {
        let Ok(byte) = byte else { break };
        if byte != b'\n' && byte != b'\r' {
            piece.push(byte);
            continue;
        }
        let line = String::from_utf8_lossy(&piece).into_owned();
        piece.clear();
        match Line::of(&line) {
            Line::Built(done, total) => built(done, total),
            Line::Routine => {}
            // An editor's cargo may take minutes.
            Line::Waiting => progress::say("waiting for another cargo that builds in the same folder"),
            Line::Message => {
                if speaks && (!line.trim().is_empty() || text.ends_with('\n')) {
                    progress::say(&line);
                }
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    text
}

/// The kind of a line that cargo prints.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// Units built, and the total.
    Built(usize, usize),
    /// Routine output.
    Routine,
    /// Another cargo is at work.
    Waiting,
    /// A message for a person.
    Message,
}

impl Line {
    fn of(line: &str) -> Self {
        let plain = line.trim();
        if let Some((_, rest)) = plain.split_once("Building [")
            && let Some((_, rest)) = rest.split_once("] ")
            && let Some((done, rest)) = rest.split_once('/')
        {
            let total = rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
            if let (Ok(done), Ok(total)) = (done.parse(), total.parse()) {
                return Self::Built(done, total);
            }
        }
        if plain.starts_with("Blocking waiting for file lock on build directory") {
            return Self::Waiting;
        }
        let verb = plain.split(' ').next().unwrap_or_default();
        match verb {
            "Compiling" | "Checking" | "Documenting" | "Fresh" | "Finished" | "Downloading"
            | "Downloaded" | "Executable" | "Updating" | "Locking" | "Installing" | "Installed"
            | "Replacing" | "Replaced" | "Adding" | "Blocking" | "Fetch" | "Building" | "Generated" | "" => {
                Self::Routine
            }
            _ => Self::Message,
        }
    }
}

fn failure(what: &str, text: &str) -> anyhow::Error {
    match text.lines().map(str::trim).rfind(|line| !line.is_empty()) {
        Some(last) => anyhow::anyhow!("{what}: {last}"),
        None => anyhow::anyhow!("{what}: see above"),
    }
}

/// The target that rustc builds for by default.
pub(crate) fn host() -> Result<String> {
    let mut rustc = process::command("rustc");
    let output = rustc.arg("-vV").current_dir(repo::root()).stdin(Stdio::null()).output();
    let output = output.context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match text.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("rustc does not say for which target it builds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_routine_and_messages_are_told_apart() {
        assert_eq!(Line::of("    Building [===>        ] 12/480: serde, libsqlite3…"), Line::Built(12, 480));
        assert_eq!(Line::of("   Compiling serde v1.0.229"), Line::Routine);
        assert_eq!(Line::of("    Finished `dev` profile [unoptimized] target(s) in 3.1s"), Line::Routine);
        assert_eq!(Line::of("    Blocking waiting for file lock on package cache"), Line::Routine);
        assert_eq!(Line::of("    Blocking waiting for file lock on build directory"), Line::Waiting);
        assert_eq!(Line::of("error[E0308]: mismatched types"), Line::Message);
        assert_eq!(Line::of("warning: unused variable: `x`"), Line::Message);
    }

    #[test]
    fn what_cargo_warns_of_is_kept() {
        let built = std::cell::Cell::new((0, 0));
        let output =
            "   Compiling a v0.1.0\r    Building [=> ] 1/3: a\rwarning: unused\n --> src/main.rs:1:5\n";
        let text = read(output.as_bytes(), false, |done, total| built.set((done, total)));
        assert_eq!(text, "warning: unused\n --> src/main.rs:1:5\n");
        assert_eq!(built.get(), (1, 3));
    }
}
