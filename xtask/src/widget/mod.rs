//! Builds the widget's assets and the preview into `dist/`, unless those there are current, and compresses them
//! beforehand.

mod bindgen;
mod loader;
mod panics;
mod precompress;
mod preview;
mod slim;
mod stamp;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{progress, repo, tools};

/// What both are made from.
const INPUTS: &[&str] =
    &["Cargo.lock", "Cargo.toml", "rust-toolchain.toml", "shared", "style", "widget", "xtask/src/widget"];

/// Makes the folder that the server reads the widget from. A server that is compiled without it never looks there.
pub(crate) fn make_folder() -> Result<()> {
    let dist = repo::root().join("dist");
    fs::create_dir_all(&dist).with_context(|| format!("cannot make {}", dist.display()))
}

/// The widget and the preview.
pub(crate) fn build() -> Result<()> {
    build_checkout()?;
    build_preview()?;
    println!("the widget and the preview in dist/ are current");
    Ok(())
}

/// What a course page loads: without it nobody can buy.
pub(crate) fn build_checkout() -> Result<()> {
    renew("widget", &repo::root().join("dist"), |folder| {
        bindgen::build("widget", &["--lib", "--no-default-features"], folder)?;
        slim::all(folder)?;
        loader::build(folder)
    })
}

/// Marketing's preview, which nobody waits for to buy.
pub(crate) fn build_preview() -> Result<()> {
    renew("preview", &repo::root().join("dist/preview"), preview::build)
}

/// Has `make` fill a new folder, and moves its files to `dist`, in place of those there; unless those were made of the same.
fn renew(name: &str, dist: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let stamp_file = repo::scratch("xtask")?.join(format!("{name}.stamp"));
    let stamp = || -> Result<String> {
        let files = files(dist)?;
        let names: Vec<_> = files.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        Ok(format!("{} {}", stamp::of(repo::root(), INPUTS, name)?, stamp::of(dist, &names, "")?))
    };
    if fs::read_to_string(&stamp_file).is_ok_and(|known| stamp().is_ok_and(|stamp| known == stamp)) {
        return Ok(());
    }
    tools::rust::ensure()?;
    let fresh = repo::scratch(&format!("xtask/{name}"))?;
    for file in files(&fresh)? {
        fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    make(&fresh)?;
    let sizes = precompress::all(&fresh)?;
    fs::create_dir_all(dist).with_context(|| format!("cannot make {}", dist.display()))?;
    for old in files(dist)? {
        fs::remove_file(&old).with_context(|| format!("cannot remove {}", old.display()))?;
    }
    for file in files(&fresh)? {
        let target = dist.join(file.file_name().unwrap_or_default());
        fs::rename(&file, &target).with_context(|| format!("cannot write {}", target.display()))?;
    }
    progress::say(sizes.trim_end());
    fs::write(&stamp_file, stamp()?).with_context(|| format!("cannot write {}", stamp_file.display()))
}

/// The files in `folder`, by name; those of its own folders are not among them. None where there is no such folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let mut files: Vec<_> = paths.into_iter().filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}
