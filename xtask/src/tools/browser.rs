//! Chromium and its driver, for the tests that need a browser.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::apt;
use crate::process::on_path;

pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) driver: PathBuf,
}

/// Finds both, or installs Debian's packages where that needs no password.
pub(crate) fn ensure() -> Result<Browser> {
    if let Some(browser) = find() {
        return Ok(browser);
    }
    apt::install(&["chromium", "chromium-driver"], ADVICE)?;
    find().with_context(|| format!("the packages brought no browser: {ADVICE}"))
}

const ADVICE: &str = "install Chromium (or Google Chrome) and the chromedriver of the same version so that both are on \
     PATH, or leave the browser out with `cargo xtask test --fast`";

fn find() -> Option<Browser> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    Some(Browser { chromium: names.into_iter().find_map(on_path)?, driver: on_path("chromedriver")? })
}
