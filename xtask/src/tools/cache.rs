//! The folder that holds installed tools for every clone on this machine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::progress;

/// `$REDIS_CHECKOUT_CACHE/tools`, or the same below the user's cache folder.
pub(crate) fn tools() -> Result<PathBuf> {
    let cache = choose(|name| std::env::var_os(name).map(PathBuf::from))?;
    make(cache.join("tools"))
}

/// Where one version of one tool is kept.
pub(crate) fn folder(tools: &Path, name: &str, version: &str) -> PathBuf {
    tools.join(format!("{name}-{version}"))
}

/// The log file of an installation.
pub(crate) fn log(tools: &Path, name: &str, version: &str) -> Result<PathBuf> {
    Ok(make(tools.join("logs"))?.join(format!("{name}-{version}.log")))
}

/// A lock that is held while a tool is installed, so that two steps or two clones don't do it at once.
pub(crate) fn lock(tools: &Path, name: &str) -> Result<File> {
    let path = tools.join(format!(".{name}.lock"));
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        progress::say(&format!("waiting for {name}, which is being installed"));
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(file)
}

/// A folder beside the final one, so that a half-finished installation is never taken for a tool if we are killed.
pub(crate) struct Staging {
    path: PathBuf,
    target: PathBuf,
}

impl Staging {
    /// The caller holds the tool's lock, so whatever an earlier attempt left here is stale.
    pub(crate) fn new(tools: &Path, name: &str, version: &str) -> Result<Self> {
        let path = tools.join(format!(".{name}-{version}.part"));
        remove(&path)?;
        Ok(Self { path: make(path)?, target: folder(tools, name, version) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it to where tools are looked for.
    pub(crate) fn keep(self) -> Result<PathBuf> {
        remove(&self.target)?;
        fs::rename(&self.path, &self.target)
            .with_context(|| format!("cannot make {}", self.target.display()))?;
        Ok(self.target.clone())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What can't be removed now is removed by the next attempt.
        let _ = remove(&self.path);
    }
}

fn choose(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf> {
    let set = |name| variable(name).filter(|path| path.is_absolute());
    set("REDIS_CHECKOUT_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("redis-checkout")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/redis-checkout")))
        .context("no folder for tools: set REDIS_CHECKOUT_CACHE to an absolute path")
}

fn make(folder: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_variable_names_the_cache() {
        let with = |set: &[&str]| {
            choose(|name| set.contains(&name).then(|| Path::new("/").join(name)))
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            with(&["REDIS_CHECKOUT_CACHE", "XDG_CACHE_HOME", "HOME"]),
            Ok("/REDIS_CHECKOUT_CACHE".into())
        );
        assert_eq!(with(&["XDG_CACHE_HOME", "HOME"]), Ok("/XDG_CACHE_HOME/redis-checkout".into()));
        assert_eq!(with(&["HOME"]), Ok("/HOME/.cache/redis-checkout".into()));
        assert!(with(&[]).is_err());
    }

    #[test]
    fn only_what_is_kept_counts() {
        let tools = tempfile::tempdir().unwrap();
        let kept = folder(tools.path(), "trunk", "1");
        drop(Staging::new(tools.path(), "trunk", "1").unwrap());
        assert!(!kept.exists());
        let staging = Staging::new(tools.path(), "trunk", "1").unwrap();
        fs::write(staging.path().join("file"), "").unwrap();
        staging.keep().unwrap();
        assert!(kept.join("file").exists());
        assert!(!tools.path().join(".trunk-1.part").exists());
    }
}
