//! Debian's packages, where installing them needs no password.

use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::progress;
use crate::process::{command, on_path};

/// Installs `packages`, or fails with `advice` on what the person can do instead.
pub(crate) fn install(packages: &[&str], advice: &str) -> Result<()> {
    let prefix = privilege().with_context(|| advice.to_owned())?;
    let line =
        progress::Line::start(format!("installing {} with apt-get (about 1 min)", packages.join(" and ")));
    let install = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    for arguments in [&["update"][..], &install] {
        let (program, rest) = prefix.split_first().context("no program")?;
        let mut apt = command(program);
        apt.args(rest).args(arguments).stdin(Stdio::null());
        let output = apt.output().context("cannot run apt-get")?;
        if !output.status.success() {
            line.finish("failed");
            bail!("{} ({advice})", String::from_utf8_lossy(&output.stderr).trim());
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
