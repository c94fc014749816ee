//! A fingerprint that changes when files do.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;

use anyhow::{Context, Result};

/// The fingerprint of `also`, and of the names and contents of files and folders below `root`. Missing ones are left
/// out.
pub(crate) fn of(root: &Path, names: &[&str], also: &str) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    also.hash(&mut hasher);
    for name in names {
        add(&root.join(name), name, &mut hasher)?;
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn add(path: &Path, name: &str, hasher: &mut DefaultHasher) -> Result<()> {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
        let mut names = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<Vec<_>>>()?;
        // Folders list their files in no fixed order.
        names.sort();
        for inner in names {
            add(&path.join(&inner), &format!("{name}/{inner}"), hasher)?;
        }
    } else if path.is_file() {
        let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        (name, content).hash(hasher);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn changes_with_names_contents_and_what_else_counts() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("src")).unwrap();
        fs::write(root.path().join("src/a.rs"), "a").unwrap();
        let stamp = |also| of(root.path(), &["src", "missing"], also).unwrap();
        let first = stamp("");
        assert_eq!(stamp(""), first);
        assert_ne!(stamp("another tool"), first);
        fs::write(root.path().join("src/a.rs"), "b").unwrap();
        let edited = stamp("");
        assert_ne!(edited, first);
        fs::rename(root.path().join("src/a.rs"), root.path().join("src/b.rs")).unwrap();
        assert_ne!(stamp(""), edited);
    }
}
