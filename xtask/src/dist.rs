//! `cargo xtask dist`: the release, one binary with the widget and the preview inside.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::{cargo, elapsed, process, progress, repo, widget};

/// Builds the release, and prints where it is, how large it is and how long that took.
pub(crate) fn run() -> Result<()> {
    let start = Instant::now();
    let binary = build()?;
    let bytes = std::fs::read(&binary).with_context(|| format!("cannot read {}", binary.display()))?;
    carries_the_widget(&bytes)?;
    #[expect(clippy::cast_precision_loss, reason = "megabytes, to one decimal")]
    let size = bytes.len() as f64 / 1024.0 / 1024.0;
    progress::say(&format!(
        "{}: {size:.1} MiB, with the widget and the preview inside, built in {}",
        binary.display(),
        elapsed::words(start.elapsed())
    ));
    Ok(())
}

/// Builds the widget first, since a release build embeds what is in `dist/` at that time.
pub(crate) fn build() -> Result<PathBuf> {
    cargo::fetch()?;
    widget::build()?;
    let mut build = process::cargo();
    build.args(["build", "--release", "--package", "redis-checkout"]);
    cargo::build("building the release", &mut build)?;
    Ok(repo::target()?.join("release/redis-checkout"))
}

/// Fails if the binary was linked before the widget was there: it would serve an API and no page.
fn carries_the_widget(binary: &[u8]) -> Result<()> {
    let dist = repo::root().join("dist");
    let mut looked = 0;
    for folder in [dist.clone(), dist.join("preview")] {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "br") {
                continue;
            }
            let asset = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            // The beginning is enough to tell, and quick to find.
            let start = &asset[..asset.len().min(256)];
            if !binary.windows(start.len()).any(|part| part == start) {
                bail!(
                    "the release was built without {}: run `cargo clean --release` and this again",
                    path.display()
                );
            }
            looked += 1;
        }
    }
    ensure!(looked >= 4, "dist/ holds no widget and no preview");
    Ok(())
}
