//! Where things are: the repository, and cargo's build output.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The folder that holds the programs cargo built. They are beside this one, whatever `CARGO_TARGET_DIR` says.
pub(crate) fn programs() -> Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where this program lies")?;
    Ok(this.parent().context("this program lies nowhere")?.to_owned())
}

/// The folder of all of cargo's build output.
pub(crate) fn target() -> Result<PathBuf> {
    Ok(programs()?.parent().context("programs lie at the root of the disk")?.to_owned())
}

/// A folder of ours in cargo's build output, created if missing.
pub(crate) fn scratch(name: &str) -> Result<PathBuf> {
    let folder = target()?.join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
