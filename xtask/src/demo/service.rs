//! One of the demo's programs: its output goes to a log, and what matters of it to the terminal as well.

use std::fs::File;
use std::io::{BufRead as _, BufReader, PipeReader, Write as _, pipe};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};

use crate::process::Running;
use crate::progress;

/// How many of its last log lines are shown when it dies.
const LAST_WORDS: usize = 15;

pub(crate) struct Service {
    name: String,
    pub(crate) log: PathBuf,
    running: Running,
    printer: Option<JoinHandle<()>>,
}

impl Service {
    pub(crate) fn start(name: &str, command: &mut Command, folder: &Path, verbose: bool) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let (reader, writer) = pipe().context("cannot make a pipe")?;
        command.stdout(writer.try_clone().context("cannot share a pipe")?).stderr(writer);
        let running = Running::spawn(command)?;
        // Otherwise the command keeps its ends of the pipe open, and the reader waits for them forever.
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let printer = std::thread::spawn({
            let name = name.to_owned();
            move || copy(&name, reader, file, verbose)
        });
        Ok(Self { name: name.to_owned(), log, running, printer: Some(printer) })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.running.id()
    }

    /// Fails with its last log lines if it has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        let Some(status) = self.running.ended()? else { return Ok(()) };
        if let Some(printer) = self.printer.take() {
            // A panic there has already printed itself.
            let _ = printer.join();
        }
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        bail!(
            "the {} ended with {status}\n{}\nits log: {}",
            self.name,
            tail(&text, LAST_WORDS),
            self.log.display()
        )
    }
}

fn copy(name: &str, reader: PipeReader, mut log: File, verbose: bool) {
    for line in BufReader::new(reader).split(b'\n') {
        let Ok(line) = line else { return };
        let line = String::from_utf8_lossy(&line);
        if verbose || is_trouble(&line) {
            progress::say(&format!("{name} | {line}"));
        }
        // A full disk must not stop the program that writes the log.
        let _ = writeln!(log, "{line}");
    }
}

fn is_trouble(line: &str) -> bool {
    line.contains("ERROR") || line.contains("panicked at")
}

fn tail(text: &str, lines: usize) -> String {
    let all = text.lines().collect::<Vec<_>>();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::command;

    #[test]
    fn one_that_dies_is_noticed_and_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let mut dying = command("sh");
        dying.args(["-c", "echo to stdout; echo to stderr >&2; exit 7"]);
        let mut service = Service::start("server", &mut dying, folder.path(), false).unwrap();
        let death = loop {
            if let Err(death) = service.check() {
                break death.to_string();
            }
        };
        assert!(death.starts_with("the server ended with exit status: 7\nto stdout\nto stderr\n"), "{death}");
    }

    #[test]
    fn the_tail_of_a_text_is_its_last_lines() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
    }
}
