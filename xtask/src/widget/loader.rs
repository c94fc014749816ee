//! Bundles the loader: its modules and all styles in one script, as small as possible.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{process, repo, tools};

/// Writes `v1.js` and `diagnose.js` into `dist`.
pub(super) fn build(dist: &Path) -> Result<()> {
    let mut bundle = esbuild()?;
    bundle.args(["widget/loader/v1.js", "--format=iife", "--target=es2022"]);
    bundle.arg(format!("--define:STYLES={}", styles("style/index.css")?));
    bundle.arg(format!("--define:HEIGHTS={}", serde_json::to_string(&heights()?)?));
    process::run_quietly(bundle.arg(outfile(&dist.join("v1.js")))).context("the loader can't be bundled")?;
    let mut diagnose = esbuild()?;
    diagnose.args(["widget/loader/diagnose.js", "--format=esm", "--target=es2022"]);
    process::run_quietly(diagnose.arg(outfile(&dist.join("diagnose.js"))))
        .context("the diagnosis can't be bundled")
}

/// The styles that `file` imports, minified, as a JavaScript string.
pub(super) fn styles(file: &str) -> Result<serde_json::Value> {
    let sheet = repo::scratch("xtask")?.join("styles.css");
    process::run_quietly(esbuild()?.arg(file).arg(outfile(&sheet))).context("the styles can't be bundled")?;
    let styles = fs::read_to_string(&sheet).context("cannot read the bundled styles")?;
    Ok(styles.trim_end().into())
}

/// The height of each variant's first screen, if it isn't the card's.
fn heights() -> Result<BTreeMap<String, String>> {
    let folder = repo::root().join("style/variants");
    let mut heights = BTreeMap::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let file: toml::Table = text.parse().with_context(|| format!("{} is not TOML", path.display()))?;
        if let (Some(name), Some(height)) =
            (path.file_stem(), file.get("height").and_then(toml::Value::as_str))
        {
            heights.insert(name.to_string_lossy().into_owned(), height.to_owned());
        }
    }
    Ok(heights)
}

fn outfile(path: &Path) -> String {
    format!("--outfile={}", path.display())
}

/// A command that bundles and minifies.
pub(super) fn esbuild() -> Result<Command> {
    let found = tools::ensure(&tools::ESBUILD)?;
    let mut command = process::command("esbuild");
    command.env("PATH", tools::path(&[&found])?).current_dir(repo::root());
    command.args(["--bundle", "--minify", "--log-level=warning", "--allow-overwrite"]);
    Ok(command)
}
