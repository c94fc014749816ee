//! PostgreSQL's server programs.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::browser::found_or_installed;
use super::version;
use crate::process::on_path;

const ADVICE: &str = "install PostgreSQL's server, so that `initdb` is on PATH or in /usr/lib/postgresql";

/// The oldest version that its project still supported when this was written.
const OLDEST: u32 = 14;

/// The folder that holds `initdb` and `postgres`. Installs Debian's package if it is missing and may be installed.
pub(crate) fn ensure() -> Result<PathBuf> {
    let folder = found_or_installed(find, &["postgresql"], ADVICE)?;
    let version = version::of(&folder.join("postgres")).context("PostgreSQL does not run here")?;
    let major: u32 = version.split('.').next().unwrap_or_default().parse().unwrap_or_default();
    ensure!(
        major >= OLDEST,
        "PostgreSQL {version} in {} is too old: install {OLDEST} or later",
        folder.display()
    );
    Ok(folder)
}

/// The newest of Debian's versions, which are not on PATH, or the one on PATH.
fn find() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions
        .filter_map(|version| {
            let number: u32 = version.file_name().to_str()?.parse().ok()?;
            let folder = version.path().join("bin");
            folder.join("initdb").is_file().then_some((number, folder))
        })
        .collect();
    found.sort();
    let on_path = || on_path("initdb").and_then(|file| Some(file.canonicalize().ok()?.parent()?.to_owned()));
    found.pop().map(|(_, folder)| folder).or_else(on_path)
}
