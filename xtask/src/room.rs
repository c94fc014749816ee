//! Checks that the disk has room for what is about to be built and run, before minutes are spent on finding out.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::repo;

const GB: u64 = 1_000_000_000;

/// The writes that are checked for room; sizes are measured where nothing was built before.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    Demo,
    Tests,
}

impl Need {
    const fn name(self) -> &'static str {
        match self {
            Self::Demo => "the demo",
            Self::Tests => "the tests",
        }
    }

    /// Bytes in cargo's target folder.
    const fn built(self) -> u64 {
        match self {
            Self::Demo => 3 * GB,
            Self::Tests => 7 * GB,
        }
    }

    /// Bytes in files that are removed at the end: databases and browser profiles.
    const fn temporary(self) -> u64 {
        match self {
            Self::Demo => GB / 2,
            Self::Tests => 4 * GB,
        }
    }
}

/// Fails if there is too little room in cargo's target folder or in the folder for temporary files.
pub(crate) fn check(need: Need) -> Result<()> {
    let (target, temporary) = (repo::target()?, std::env::temp_dir());
    let is_one_disk = disk(&target)? == disk(&temporary)?;
    let beside = if is_one_disk { need.temporary() } else { 0 };
    let free_here = free(&target)?;
    if free_here < need.built() + beside {
        // What was built before is not built again.
        let more = need.built().saturating_sub(size(&target)) + beside;
        ensure!(free_here >= more, too_full(need, &target, free_here, more, "CARGO_TARGET_DIR"));
    }
    let free_there = free(&temporary)?;
    ensure!(
        free_there >= need.temporary(),
        too_full(need, &temporary, free_there, need.temporary(), "TMPDIR")
    );
    Ok(())
}

fn too_full(need: Need, folder: &Path, free: u64, needed: u64, variable: &str) -> String {
    let name = need.name();
    format!(
        "{} has {} free, and {name} may need {}: free some, or set {variable} to a folder on another disk",
        folder.display(),
        gigabytes(free),
        gigabytes(needed)
    )
}

fn gigabytes(bytes: u64) -> String {
    let tenths = bytes / (GB / 10);
    format!("{}.{} GB", tenths / 10, tenths % 10)
}

fn disk(folder: &Path) -> Result<u64> {
    let data = fs::metadata(folder).with_context(|| format!("cannot look at {}", folder.display()))?;
    Ok(data.dev())
}

/// Bytes that we may still write to the disk of `folder`.
fn free(folder: &Path) -> Result<u64> {
    let disk = rustix::fs::statvfs(folder)
        .with_context(|| format!("cannot tell how full the disk of {} is", folder.display()))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Bytes that `folder` occupies. Files that vanish while we look count as nothing.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?, entry.path())))
        .map(|(data, path)| if data.is_dir() { size(&path) } else { data.blocks() * 512 })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_with_what_to_do() {
        let said = too_full(Need::Tests, Path::new("/t"), 6_640_000_000, 12 * GB, "CARGO_TARGET_DIR");
        assert_eq!(
            said,
            "/t has 6.6 GB free, and the tests may need 12.0 GB: free some, or set CARGO_TARGET_DIR to a folder on another disk"
        );
    }

    #[test]
    fn a_folders_size_is_that_of_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        fs::write(folder.path().join("in/file"), vec![1; 100_000]).unwrap();
        assert!((100_000..200_000).contains(&size(folder.path())));
        assert!(free(folder.path()).unwrap() > 0);
    }
}
