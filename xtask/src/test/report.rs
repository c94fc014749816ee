//! How each step went, as a table with a plain last line.

use std::fmt;
use std::time::Duration;

use crate::elapsed;

#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Outcome {
    Passed,
    /// It could not be done here, for this reason, which isn't the code's fault.
    Skipped(String),
    Failed(String),
}

#[derive(Default)]
pub(crate) struct Report {
    steps: Vec<(&'static str, Outcome, Duration)>,
}

impl Report {
    pub(crate) fn add(&mut self, name: &'static str, outcome: Outcome, took: Duration) {
        self.steps.push((name, outcome, took));
    }

    pub(crate) fn all_passed(&self) -> bool {
        self.count(|outcome| matches!(outcome, Outcome::Failed(_))) == 0
    }

    fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.steps.iter().filter(|(_, outcome, _)| is(outcome)).count()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => write!(f, "passed"),
            Self::Skipped(why) => write!(f, "skipped: {why}"),
            Self::Failed(why) => write!(f, "FAILED: {why}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, outcome, took) in &self.steps {
            let took = elapsed::words(*took);
            match outcome {
                Outcome::Passed => writeln!(f, "passed   {name} ({took})")?,
                Outcome::Skipped(why) => writeln!(f, "skipped  {name}: {why}")?,
                Outcome::Failed(why) => writeln!(f, "FAILED   {name} ({took}): {why}")?,
            }
        }
        let passed = self.count(|outcome| *outcome == Outcome::Passed);
        let failed = self.count(|outcome| matches!(outcome, Outcome::Failed(_)));
        // Other programs read this line, so nothing may follow it.
        write!(f, "summary: {passed} passed, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_with_the_plain_line() {
        let mut report = Report::default();
        report.add("rustfmt", Outcome::Passed, Duration::from_secs(1));
        assert!(report.all_passed());
        report.add("clippy", Outcome::Failed("`cargo clippy` ended".to_owned()), Duration::from_secs(61));
        report.add("advisories", Outcome::Skipped("offline".to_owned()), Duration::ZERO);
        assert!(!report.all_passed());
        assert_eq!(
            report.to_string(),
            "passed   rustfmt (1.0 s)\n\
             FAILED   clippy (1 min 1 s): `cargo clippy` ended\n\
             skipped  advisories: offline\n\
             summary: 1 passed, 1 failed"
        );
    }
}
