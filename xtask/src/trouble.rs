//! Reads from what a program printed what is wrong with the machine rather than with the code, and says what to do.

/// What a person can do about it, or only wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing answers, or not in time.
    Network,
    /// No space is left.
    Disk,
}

const DISK: &[&str] =
    &["No space left on device", "os error 28", "ENOSPC", "disk quota exceeded", "Disk quota exceeded"];

/// As cargo, npm, pip, apt-get and curl say it.
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
    /// What `output` tells of, if anything.
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

    /// One sentence for the person.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Network => {
                "the network or a package registry can't be reached: run the same command again when it can, and it goes \
                 on where it stopped"
            }
            Self::Disk => {
                "the disk is full: free some space (a demo needs 3 GB, all tests 12 GB; `df -h .` shows what is left) and \
                 run the same command again, and it goes on where it stopped"
            }
        }
    }
}

/// `failure` of what speaks to a registry, with what to do about it, where `output` tells.
pub(crate) fn explain(failure: anyhow::Error, output: &str) -> anyhow::Error {
    match Trouble::of(output) {
        Some(trouble) => failure.context(trouble.advice()),
        None => failure,
    }
}

/// The same of what needs no network: tests say "connection refused" for reasons of their own.
pub(crate) fn explain_offline(failure: anyhow::Error, output: &str) -> anyhow::Error {
    match Trouble::of(output) {
        Some(trouble @ Trouble::Disk) => failure.context(trouble.advice()),
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
    fn a_test_that_is_refused_is_no_trouble_of_the_network() {
        let failure = || anyhow::anyhow!("api ended");
        assert_eq!(explain_offline(failure(), "Connection refused (os error 111)").to_string(), "api ended");
        assert_eq!(explain_offline(failure(), "No space left on device").to_string(), Trouble::Disk.advice());
    }
}
