//! The measured figures, one per line.
use std::fmt;

#[derive(Default)]
pub(crate) struct Report(Vec<(String, String)>);

impl Report {
    pub(crate) fn line(&mut self, what: &str, figure: String) {
        self.0.push((what.to_owned(), figure));
    }

    /// Adds a line with one rate as a share of another.
    pub(crate) fn share(&mut self, what: &str, ours: f64, best: f64, of: &str, goal: f64) {
        let share = ours / best * 100.0;
        self.line(what, format!("{ours:.0}, {share:.0} % of {of} ({best:.0}; goal: {:.0} %)", goal * 100.0));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, figure)| writeln!(f, "{what:<52} {figure}"))
    }
}

/// The median; of an even number, the higher of the two in the middle.
pub(crate) fn median<T: PartialOrd + Copy>(all: &[T]) -> T {
    let mut sorted = all.to_vec();
    sorted.sort_by(|one, other| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal));
    sorted[sorted.len() / 2]
}
