//! The programs that hold the tests, and the simulation. They are built once and run without cargo, which would let
//! only one lane at a time build, run or look.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{cargo, machine, process, widget};

/// The executables cargo built of one target.
pub(crate) struct Executable {
    /// Name of the target, such as `api`, or of the package for its unit tests.
    pub(crate) name: String,
    /// Whether it holds tests; otherwise it is a program that tests or steps run.
    pub(crate) is_test: bool,
    pub(crate) program: PathBuf,
    /// The folder of its package, in which cargo would run it.
    pub(crate) folder: PathBuf,
}

impl Executable {
    /// A command with cargo's own environment, which runs `threads` tests at a time.
    pub(crate) fn command(&self, threads: usize) -> Command {
        self.told(process::command(&self.program), threads)
    }

    /// The same, at low priority.
    pub(crate) fn patient_command(&self, threads: usize) -> Command {
        self.told(process::patient(&self.program), threads)
    }

    fn told(&self, mut command: Command, threads: usize) -> Command {
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        command.env("RUST_TEST_THREADS", threads.to_string()).envs(machine::environment());
        command
    }
}

/// Builds every test, browser tests included, and returns where they are. Leaves out the tests of xtask itself: built
/// together with other packages, its dependencies have other features, and would be compiled again.
pub(crate) fn build() -> Result<Vec<Executable>> {
    widget::make_folder()?;
    let mut build = process::cargo();
    build.args(["test", "--no-run", "--workspace", "--exclude", "xtask", "--tests"]);
    build.args(["--features", "checkout-tests/browser", "--message-format", "json-render-diagnostics"]);
    read(&cargo::build_and_read("building all tests", &mut build)?)
}

fn read(messages: &str) -> Result<Vec<Executable>> {
    let messages = messages.lines().filter(|line| line.starts_with('{'));
    let mut executables = Vec::new();
    for message in messages {
        let message: Value = serde_json::from_str(message).context("cargo wrote no JSON")?;
        let Some(program) = message["executable"].as_str() else { continue };
        let manifest = Path::new(message["manifest_path"].as_str().context("a target without a package")?);
        executables.push(Executable {
            name: message["target"]["name"].as_str().context("a target without a name")?.to_owned(),
            is_test: message["profile"]["test"].as_bool().unwrap_or_default(),
            program: program.into(),
            folder: manifest.parent().context("a package without a folder")?.to_owned(),
        });
    }
    executables.sort_by(|one, other| (&one.folder, &one.name).cmp(&(&other.folder, &other.name)));
    Ok(executables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_told_from_programs() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","manifest_path":"/w/tests/Cargo.toml","target":{"name":"api"},"profile":{"test":true},"executable":"/t/api-1"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/w/server/Cargo.toml","target":{"name":"redis-checkout"},"profile":{"test":false},"executable":"/t/redis-checkout"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
            "\n",
        );
        let executables = read(messages).unwrap();
        let [program, tests] = executables.try_into().ok().unwrap();
        assert!(!program.is_test && tests.is_test);
        assert_eq!(tests.name, "api");
        assert_eq!(tests.folder, Path::new("/w/tests"));
    }
}
