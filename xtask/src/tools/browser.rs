//! Chromium and its driver, for the tests that need a browser.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::progress;
use crate::process::{command, on_path};

pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) driver: PathBuf,
}

/// Finds both, or installs Debian's packages where that needs no password.
pub(crate) fn ensure() -> Result<Browser> {
    if let Some(browser) = find() {
        return Ok(browser);
    }
    install()?;
    find().with_context(|| format!("the packages brought no browser: {ADVICE}"))
}

const ADVICE: &str = "install Chromium (or Google Chrome) and the chromedriver of the same version so that both are on \
     PATH, or leave the browser out with `cargo xtask test --fast`";

fn find() -> Option<Browser> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    Some(Browser { chromium: names.into_iter().find_map(on_path)?, driver: on_path("chromedriver")? })
}

fn install() -> Result<()> {
    let prefix = privilege().with_context(|| format!("no browser to test with: {ADVICE}"))?;
    let line = progress::Line::start(
        "installing chromium and chromium-driver with apt-get (about 1 min)".to_owned(),
    );
    for arguments in
        [&["update"][..], &["install", "--yes", "--no-install-recommends", "chromium", "chromium-driver"]]
    {
        let (program, rest) = prefix.split_first().context("no program")?;
        let mut apt = command(program);
        apt.args(rest).args(arguments).stdin(Stdio::null());
        let output = apt.output().context("cannot run apt-get")?;
        if !output.status.success() {
            line.finish("failed");
            bail!("{} ({ADVICE})", String::from_utf8_lossy(&output.stderr).trim());
        }
    }
    line.finish("done");
    Ok(())
}

/// How apt-get may be run without asking anybody, if at all.
fn privilege() -> Option<Vec<&'static str>> {
    const APT: [&str; 3] = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    on_path("apt-get")?;
    if rustix::process::geteuid().is_root() {
        return Some(APT.to_vec());
    }
    let sudo = command("sudo").args(["-n", "true"]).stdin(Stdio::null()).output();
    sudo.is_ok_and(|output| output.status.success()).then(|| ["sudo", "-n"].into_iter().chain(APT).collect())
}
