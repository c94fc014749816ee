//! Runs programs, each in a process group of its own that ends with us.

use std::ffi::OsStr;
use std::io::{Read as _, pipe};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::{interrupt, progress, trouble};

/// How long a program may take to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(50);

/// A command without the variables that `cargo run` added for us: build scripts that watch them would run again.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A command at low priority, if that can be asked for.
pub(crate) fn patient(program: impl AsRef<OsStr>) -> Command {
    if on_path("nice").is_none() {
        return command(program);
    }
    let mut patient = command("nice");
    patient.args(["-n", "10"]).arg(program);
    patient
}

/// The cargo that runs us, at low priority.
pub(crate) fn patient_cargo() -> Command {
    patient(cargo().get_program())
}

/// A command that the kernel ends if this process dies without time to end it, where the kernel can. Spawn it only from
/// the main thread: the death of the spawning thread is what counts.
pub(crate) fn tied_to_us(program: &Path) -> Command {
    let tie = ["--pdeathsig", "TERM"];
    let works = Command::new("setpriv").args(tie).arg("true").stderr(Stdio::null()).status();
    if !works.is_ok_and(|status| status.success()) {
        return command(program);
    }
    let mut tied = command("setpriv");
    tied.args(tie).arg(program);
    tied
}

/// The first program of this name on PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Runs to the end, showing what it prints. Fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = Running::spawn(command)?.wait(None)?;
    if !status.success() {
        bail!("{} ended with {status}", name(command));
    }
    Ok(())
}

/// Runs to the end, and shows what it printed only if it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<()> {
    let mut printed = String::new();
    let outcome = run_captured(command, &mut printed);
    if outcome.as_ref().is_err_and(|error| !error.is::<interrupt::Interrupted>()) {
        progress::say(printed.trim_end());
    }
    outcome
}

/// Runs to the end, and adds to `printed` what it prints. Fails unless it succeeds.
pub(crate) fn run_captured(command: &mut Command, printed: &mut String) -> Result<()> {
    let (mut reader, writer) = pipe().context("cannot make a pipe")?;
    command.stdout(writer.try_clone().context("cannot share a pipe")?).stderr(writer);
    let running = Running::spawn(command)?;
    // Otherwise the command keeps its ends of the pipe open, and the reader waits for them forever.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut bytes = Vec::new();
    let status = std::thread::scope(|scope| {
        scope.spawn(|| reader.read_to_end(&mut bytes));
        running.wait(None)
    });
    let text = String::from_utf8_lossy(&bytes);
    printed.push_str(&text);
    let status = status?;
    if !status.success() {
        return Err(trouble::explain_offline(
            anyhow::anyhow!("{} ended with {status}", name(command)),
            &text,
        ));
    }
    Ok(())
}

/// A started program. Dropping it ends its whole group.
pub(crate) struct Running {
    child: Child,
    ended: bool,
}

impl Running {
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        // A group of its own: Ctrl-C reaches us alone, and what we end includes its children.
        let child = command.process_group(0).stdin(Stdio::null()).spawn();
        let child = child.with_context(|| format!("cannot run {}", name(command)))?;
        Ok(Self { child, ended: false })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.child.try_wait().context("cannot ask after a program")?;
        self.ended |= status.is_some();
        Ok(status)
    }

    /// Waits until it ends, we are interrupted, or the limit passes. Then ends what is still running, including what it
    /// has left running.
    pub(crate) fn wait(mut self, limit: Option<Duration>) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                self.end_rest();
                return Ok(status);
            }
            interrupt::check()?;
            if limit.is_some_and(|limit| start.elapsed() > limit) {
                bail!("took longer than {} s", start.elapsed().as_secs());
            }
            std::thread::sleep(POLL);
        }
    }

    /// Ends the rest of the group, which would hold our pipe open or live on.
    fn end_rest(&self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Usually nothing is left, and this fails.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Asks the group to end, and kills what is left of it after a grace period.
    pub(crate) fn end(&mut self) {
        self.end_within(GRACE);
    }

    /// The same with another grace period.
    pub(crate) fn end_within(&mut self, grace: Duration) {
        let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return };
        if self.ended {
            return;
        }
        // Each call fails only when nothing is left to end.
        let _ = kill_process_group(group, Signal::TERM);
        let start = Instant::now();
        while start.elapsed() < grace && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(POLL);
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
        self.ended = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn name(command: &Command) -> String {
    let mut words = std::iter::once(command.get_program()).chain(command.get_args());
    let program = words.next().unwrap_or_default();
    // A person knows the program behind `nice`.
    let program = if program == "nice" { words.nth(2).unwrap_or_default() } else { program };
    let program = Path::new(program).file_name().unwrap_or(program);
    let first = words.next().unwrap_or_default();
    format!("`{} {}`", program.to_string_lossy(), first.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_names_the_program() {
        let failure = run(command("sh").args(["-c", "exit 3"])).unwrap_err().to_string();
        assert!(failure.contains("`sh -c` ended with exit status: 3"), "{failure}");
    }

    #[test]
    fn dropping_ends_the_children_of_a_program_too() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("pid");
        let script = format!("sleep 60 & echo $! > {}; wait", file.display());
        let running = Running::spawn(command("sh").args(["-c", &script])).unwrap();
        while std::fs::read_to_string(&file).unwrap_or_default().is_empty() {
            std::thread::sleep(POLL);
        }
        let grandchild = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        drop(running);
        let alive = || rustix::process::test_kill_process(Pid::from_raw(grandchild).unwrap()).is_ok();
        let start = Instant::now();
        while alive() && start.elapsed() < GRACE {
            std::thread::sleep(POLL);
        }
        assert!(!alive() || zombie(grandchild), "{grandchild} outlived its group");
    }

    /// Where nothing reaps orphans (as in some containers), a killed one stays in the process table.
    fn zombie(pid: i32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
    }

    #[test]
    fn a_limit_ends_what_hangs() {
        let hanging = Running::spawn(command("sleep").arg("60")).unwrap();
        assert!(hanging.wait(Some(Duration::from_millis(1))).is_err());
    }
}
