//! Recognises from a program's output what is wrong with the machine rather than with the code, and says what to do.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Result;

use crate::{interrupt, progress};

/// How long to wait each time the network is down, and how many times in all in this process.
const NETWORK_INTERVAL: Duration = Duration::from_secs(10);
const NETWORK_WAITS: u32 = 30;

/// Failures that a person can fix, or only wait out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing answers, or not in time.
    Network,
    /// No space is left.
    Disk,
}

const DISK: &[&str] =
    &["No space left on device", "os error 28", "ENOSPC", "disk quota exceeded", "Disk quota exceeded"];

/// The words of cargo, npm, pip, apt-get and curl.
const NETWORK: &[&str] = &[
    "Could not resolve",
    "Couldn't resolve",
    "Couldn't connect",
    "Could not connect",
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "Temporary failure in name resolution",
    "Temporary failure resolving",
    "Network is unreachable",
    "spurious network error",
    "failed to download from",
    "download of config.json failed",
    "Timeout was reached",
    "Operation too slow",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "NewConnectionError",
    "Read timed out",
];

impl Trouble {
    /// The trouble that `output` reports, if any.
    pub(crate) fn of(output: &str) -> Option<Self> {
        let says = |words: &[&str]| words.iter().any(|words| output.contains(words));
        if says(DISK) {
            Some(Self::Disk)
        } else if says(NETWORK) {
            Some(Self::Network)
        } else {
            None
        }
    }

    /// The trouble that [`explain`] has found behind `failure`.
    pub(crate) fn behind(failure: &anyhow::Error) -> Option<Self> {
        failure.downcast_ref().copied()
    }
}

/// One sentence for the person.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => {
                "the network or a package registry can't be reached: run the same command again when it can, and it goes \
                 on where it stopped"
            }
            Self::Disk => {
                "the disk is full: free some space (`df -h .` shows what is left) and \
                 run the same command again, and it goes on where it stopped"
            }
        })
    }
}

/// Waits for a while if `failure` is the network's. Returns false if it isn't, or once this process has waited long
/// enough.
pub(crate) fn may_pass(failure: &anyhow::Error) -> Result<bool> {
    static WAITS: AtomicU32 = AtomicU32::new(0);
    if Trouble::behind(failure) != Some(Trouble::Network) {
        return Ok(false);
    }
    let waits = WAITS.fetch_add(1, Ordering::Relaxed);
    if waits >= NETWORK_WAITS {
        return Ok(false);
    }
    if waits == 0 {
        progress::say("the package registry can't be reached: trying again every 10 s (Ctrl-C stops)");
    }
    interrupt::pause(NETWORK_INTERVAL)?;
    Ok(true)
}

/// Adds to the `failure` of a program that talks to a registry what to do about it, if `output` tells.
pub(crate) fn explain(failure: anyhow::Error, output: &str) -> anyhow::Error {
    match Trouble::of(output) {
        Some(trouble) => failure.context(trouble),
        None => failure,
    }
}

/// The same for programs that need no network: tests say "connection refused" for reasons of their own.
pub(crate) fn explain_offline(failure: anyhow::Error, output: &str) -> anyhow::Error {
    match Trouble::of(output) {
        Some(trouble @ Trouble::Disk) => failure.context(trouble),
        Some(Trouble::Network) | None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_each_program_says() {
        for (output, trouble) in [
            ("error: failed to write `/t/a.rmeta`: No space left on device (os error 28)", Trouble::Disk),
            ("npm error code ENOSPC", Trouble::Disk),
            (
                "warning: spurious network error (3 tries remaining): [6] Couldn't resolve host name",
                Trouble::Network,
            ),
            ("npm error network request to … failed, reason: getaddrinfo EAI_AGAIN", Trouble::Network),
            ("Temporary failure resolving 'deb'", Trouble::Network),
        ] {
            assert_eq!(Trouble::of(output), Some(trouble), "{output}");
        }
        assert_eq!(Trouble::of("error[E0308]: mismatched types"), None);
    }

    #[test]
    fn what_is_behind_a_failure_is_told_through_what_is_said_about_it() {
        let failure =
            explain(anyhow::anyhow!("curl: (6)"), "Could not resolve host").context("no typos here");
        assert_eq!(Trouble::behind(&failure), Some(Trouble::Network));
        assert_eq!(Trouble::behind(&anyhow::anyhow!("it does not compile")), None);
    }

    #[test]
    fn a_test_that_is_refused_is_no_trouble_of_the_network() {
        let failure = || anyhow::anyhow!("api ended");
        assert_eq!(explain_offline(failure(), "Connection refused (os error 111)").to_string(), "api ended");
        assert_eq!(
            explain_offline(failure(), "No space left on device").to_string(),
            Trouble::Disk.to_string()
        );
    }
}
