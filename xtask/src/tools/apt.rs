//! Debian's packages, where installing them needs no password.

use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::process::{self, command, on_path};
use crate::progress::Step;
use crate::{interrupt, trouble};

/// Installs `packages`, or fails with `advice` on what the person can do instead.
pub(crate) fn install(packages: &[&str], advice: &str) -> Result<()> {
    // The package lists are updated once.
    static UPDATED: Mutex<bool> = Mutex::new(false);
    let prefix = privilege().with_context(|| advice.to_owned())?;
    let mut updated = UPDATED.lock().unwrap_or_else(PoisonError::into_inner);
    let step = Step::start(format!("installing {} with apt-get (about 1 min)", packages.join(" and ")));
    // Waits for another apt-get.
    let options = ["--yes", "-o", "DPkg::Lock::Timeout=300"];
    let update = [&["update"][..], &options].concat();
    let install = [&["install", "--no-install-recommends"][..], &options, packages].concat();
    // Finishes an interrupted installation, without which the next command could do nothing.
    mend(&prefix);
    let steps: &[&[&str]] = if *updated { &[&install] } else { &[&update, &install] };
    for arguments in steps {
        let (program, rest) = prefix.split_first().context("no program")?;
        loop {
            let mut apt = command(program);
            apt.args(rest).args(*arguments);
            let mut printed = String::new();
            let Err(failure) = process::run_captured(&mut apt, &mut printed) else { break };
            interrupt::check()?;
            let last = printed.lines().rfind(|line| line.starts_with("E:")).unwrap_or_default();
            let failure = trouble::explain(failure.context(last.to_owned()), &printed);
            if !trouble::may_pass(&failure)? {
                step.finish("failed");
                return Err(failure.context(advice.to_owned()));
            }
        }
        *updated = true;
    }
    step.finish("done");
    Ok(())
}

/// Configures half-installed packages. Whether it worked shows in what follows.
fn mend(prefix: &[&str]) {
    let before = &prefix[..prefix.len() - 1];
    if let Some((program, rest)) = before.split_first() {
        let _ = command(program).args(rest).args(["dpkg", "--configure", "-a"]).stdin(Stdio::null()).output();
    }
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
