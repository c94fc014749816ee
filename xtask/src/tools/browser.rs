//! The browsers that the tests need, and their drivers.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use super::{GECKODRIVER, apt, ensure as ensure_tool, version};
use crate::process::on_path;

/// A browser and the driver of its version.
pub(crate) struct Browser {
    pub(crate) program: PathBuf,
    pub(crate) driver: PathBuf,
}

/// Finds Chromium, or installs Debian's packages if that needs no password; so do the functions for other browsers.
pub(crate) fn chromium() -> Result<Browser> {
    const ADVICE: &str = "install Chromium (or Google Chrome) and the chromedriver of the same version so that both are \
        on PATH, or leave the browser out with `cargo xtask test --fast`";
    let find = || {
        let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
        Some(Browser { program: names.into_iter().find_map(on_path)?, driver: on_path("chromedriver")? })
    };
    let browser = found_or_installed(find, &["chromium", "chromium-driver"], ADVICE)?;
    of_one_version(&browser).context(ADVICE)?;
    Ok(browser)
}

/// Fails if the versions differ: a driver refuses a browser of another version, in words that name neither.
fn of_one_version(browser: &Browser) -> Result<()> {
    let major = |program: &Path| {
        let version =
            version::of(program).with_context(|| format!("{} does not run here", program.display()))?;
        Ok::<_, anyhow::Error>(version.split('.').next().unwrap_or_default().to_owned())
    };
    let (program, driver) = (major(&browser.program)?, major(&browser.driver)?);
    if program != driver {
        bail!(
            "{} is version {program}, and {} is version {driver}",
            browser.program.display(),
            browser.driver.display()
        );
    }
    Ok(())
}

/// Firefox without its driver, which may have to be compiled.
pub(crate) fn firefox_itself() -> Result<PathBuf> {
    let find = || ["firefox", "firefox-esr"].into_iter().find_map(on_path);
    found_or_installed(find, &["firefox-esr"], "install Firefox so that it is on PATH")
}

pub(crate) fn firefox() -> Result<Browser> {
    let program = firefox_itself()?;
    Ok(Browser { program, driver: ensure_tool(&GECKODRIVER)?.bin.join("geckodriver") })
}

/// WebKit for GTK, which runs only on a display, so `xvfb-run` comes with it.
pub(crate) fn webkit() -> Result<Browser> {
    let find = || {
        on_path("xvfb-run")?;
        Some(Browser { program: mini_browser()?, driver: on_path("WebKitWebDriver")? })
    };
    let advice = "install WebKitGTK's MiniBrowser and WebKitWebDriver, and xvfb-run";
    found_or_installed(find, &["webkit2gtk-driver", "xvfb", "xauth"], advice)
}

pub(super) fn found_or_installed<T>(
    find: impl Fn() -> Option<T>,
    packages: &[&str],
    advice: &str,
) -> Result<T> {
    // Several steps may want the same packages.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = find() {
        return Ok(found);
    }
    apt::install(packages, advice)?;
    find()
        .with_context(|| format!("{} brought nothing that was looked for: {advice}", packages.join(" and ")))
}

/// Finds `MiniBrowser` beside WebKit's library, where Debian and Fedora put it, and not on PATH.
fn mini_browser() -> Option<PathBuf> {
    let libraries = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = libraries.chain([PathBuf::from("/usr/libexec")]);
    let mut files = folders.map(|folder| folder.join("webkit2gtk-4.1/MiniBrowser"));
    files.find(|file| file.is_file())
}
