//! Builds the widget's assets and the preview into `dist/`, unless those there are current, and precompresses them.

mod bindgen;
mod loader;
mod panics;
mod precompress;
mod preview;
mod slim;
mod stamp;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{progress, repo, tools};

/// The sources of the widget and the preview.
const INPUTS: &[&str] =
    &["Cargo.lock", "Cargo.toml", "rust-toolchain.toml", "shared", "style", "widget", "xtask/src/widget"];

/// Creates the folder that the server reads the widget from. A server that is compiled without it never looks there.
pub(crate) fn make_folder() -> Result<()> {
    let dist = repo::root().join("dist");
    fs::create_dir_all(&dist).with_context(|| format!("cannot make {}", dist.display()))
}

/// Builds the widget and the preview.
pub(crate) fn build() -> Result<()> {
    build_checkout()?;
    build_preview()?;
    progress::say("the widget and the preview in dist/ are current");
    Ok(())
}

/// Builds what a course page loads. Without it nobody can buy.
pub(crate) fn build_checkout() -> Result<()> {
    renew("widget", &repo::root().join("dist"), |folder| {
        // Installs the tools before compiling anything: meanwhile the server, which is built at the same time, keeps
        // every core busy.
        for tool in [&tools::ESBUILD, &tools::WASM_OPT] {
            tools::ensure(tool)?;
        }
        bindgen::build("widget", &["--lib", "--no-default-features"], folder)?;
        slim::all(folder)?;
        loader::build(folder)
    })
}

/// Builds marketing's preview, which buying doesn't need.
pub(crate) fn build_preview() -> Result<()> {
    renew("preview", &repo::root().join("dist/preview"), preview::build)
}

/// Lets `make` fill a new folder, and replaces the files in `dist` with those, unless the files there were made from
/// the same inputs.
fn renew(name: &str, dist: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let stamp_file = repo::scratch("xtask")?.join(format!("{name}.stamp"));
    // A demo that is still building the preview and a test may both get here.
    let lock = File::create(stamp_file.with_extension("lock")).context("cannot make a lock")?;
    lock.lock().context("cannot lock")?;
    // Read before building: what changes meanwhile is built the next time.
    let inputs = stamp::of(repo::root(), INPUTS, name)?;
    let stamp = || -> Result<String> {
        let files = files(dist)?;
        let names: Vec<_> = files.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        Ok(format!("{inputs} {}", stamp::of(dist, &names, "")?))
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
    replace(dist, &files(&fresh)?)?;
    progress::say(sizes.trim_end());
    fs::write(&stamp_file, stamp()?).with_context(|| format!("cannot write {}", stamp_file.display()))
}

/// Copies `fresh` into `dist`, each file atomically, the page that names the others last. Then removes all other files.
fn replace(dist: &Path, fresh: &[PathBuf]) -> Result<()> {
    let is_page = |path: &PathBuf| path.to_string_lossy().contains("index.html");
    let (pages, others): (Vec<_>, Vec<_>) = fresh.iter().partition(|path| is_page(path));
    for file in others.into_iter().chain(pages) {
        let name = file.file_name().unwrap_or_default();
        let (part, target) = (dist.join(".part"), dist.join(name));
        // Build output may be on another disk, from which nothing can be renamed.
        fs::copy(file, &part)
            .and_then(|_| fs::rename(&part, &target))
            .with_context(|| format!("cannot write {}", target.display()))?;
    }
    let names: Vec<_> = fresh.iter().filter_map(|path| path.file_name()).collect();
    for old in files(dist)?.iter().filter(|path| !path.file_name().is_some_and(|name| names.contains(&name)))
    {
        fs::remove_file(old).with_context(|| format!("cannot remove {}", old.display()))?;
    }
    Ok(())
}

/// The files directly in `folder`, sorted by name. Empty if there is no such folder.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_files_take_the_place_of_old_ones_and_folders_stay() {
        let (dist, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(dist.path().join("preview")).unwrap();
        fs::write(dist.path().join("widget-1.js"), "old").unwrap();
        fs::write(dist.path().join("v1.js"), "old").unwrap();
        for name in ["index.html", "v1.js", "widget-2.js"] {
            fs::write(fresh.path().join(name), "new").unwrap();
        }
        replace(dist.path(), &files(fresh.path()).unwrap()).unwrap();
        let names: Vec<_> = files(dist.path()).unwrap();
        let names: Vec<_> = names.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["index.html", "v1.js", "widget-2.js"]);
        assert_eq!(fs::read_to_string(dist.path().join("v1.js")).unwrap(), "new");
        assert!(dist.path().join("preview").is_dir());
    }
}
