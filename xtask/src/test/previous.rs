//! The server of the previous release, built from this repository's history for the upgrade test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{cargo, process, repo};

/// The commit of the last release; each release updates it.
const RELEASE: &str = "21a18846e38829f0ff001a1049a39db080d1b019";
/// The program's name, so that it doesn't replace this release's program.
const PROGRAM: &str = "previous-release";

/// Builds the program, unless the history does not reach back to it, as in a shallow clone.
pub(super) fn build() -> Result<Option<PathBuf>> {
    let known = git(&["cat-file", "-e", &format!("{RELEASE}^{{commit}}")]).status();
    if !known.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let folder = repo::scratch(PROGRAM)?;
    std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    check_out(&folder)?;
    // With a different version, its crates can share this release's build of libraries, side by side. That changes its
    // lock file, so `--locked` can't be used.
    rewrite(&folder.join("Cargo.toml"), |text| {
        text.replacen("\nversion = \"0.1.0\"", "\nversion = \"0.0.0\"", 1)
    })?;
    rewrite(&folder.join("server/Cargo.toml"), |text| {
        format!("{text}\n[[bin]]\nname = \"{PROGRAM}\"\npath = \"src/main.rs\"\n")
    })?;
    let mut build = process::patient_cargo();
    build.args(["build", "--offline", "--package", "redis-checkout", "--bin", PROGRAM, "--manifest-path"]);
    build.arg(folder.join("Cargo.toml")).env("CARGO_TARGET_DIR", repo::target()?);
    cargo::build("building the release before", &mut build)?;
    Ok(Some(repo::programs()?.join(PROGRAM)))
}

/// Uses an index of its own, so that neither this repository's index nor its list of work trees changes.
fn check_out(folder: &Path) -> Result<()> {
    let index = folder.with_extension("index");
    let prefix = format!("{}/", folder.display());
    for arguments in [&["read-tree", RELEASE][..], &["checkout-index", "--all", "--prefix", &prefix]] {
        let status = git(arguments).env("GIT_INDEX_FILE", &index).status().context("git can't be run")?;
        ensure!(status.success(), "git {} ended with {status}", arguments.join(" "));
    }
    Ok(())
}

fn git(arguments: &[&str]) -> Command {
    let mut git = process::command("git");
    git.args(arguments).current_dir(repo::root()).stdin(Stdio::null()).stderr(Stdio::null());
    git
}

fn rewrite(file: &Path, change: impl Fn(&str) -> String) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    std::fs::write(file, change(&text)).with_context(|| format!("cannot write {}", file.display()))
}
