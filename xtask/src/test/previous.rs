//! The server of the release before, built from this repository's history, for the test of an upgrade.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{cargo, process, repo};

/// The commit that was released last: a release moves it on.
const RELEASE: &str = "21a18846e38829f0ff001a1049a39db080d1b019";
/// What the program is called, so that it does not take the place of this release's.
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
    // With another version of its crates it can share this release's libraries: they lie side by side. Its lock file is
    // changed with them, and so can't be asked for.
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

/// By an index of its own: neither the one of this repository nor a list of other work trees knows of it.
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
