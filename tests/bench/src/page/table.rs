//! The medians of all rounds, one line per figure.
use super::browser::Seen;
use super::host::Kind;
use crate::report::median;
use std::collections::BTreeMap;
use std::fmt;

/// The measurements of one round, by page.
#[derive(Default)]
pub(crate) struct Round {
    looks: BTreeMap<Kind, Seen>,
    buys: BTreeMap<Kind, Seen>,
}

#[derive(Default)]
pub(crate) struct Table(Vec<Round>);

impl Round {
    /// Adds a visit that only looks, until the widget is ready.
    pub(crate) fn look(&mut self, kind: Kind, seen: Seen) {
        self.looks.insert(kind, seen);
    }

    /// Adds a visit that presses Purchase as soon as the button is visible, until the visitor can pay.
    pub(crate) fn buy(&mut self, kind: Kind, seen: Seen) {
        self.buys.insert(kind, seen);
    }
}

impl Table {
    pub(crate) fn add(&mut self, round: Round) {
        self.0.push(round);
    }

    /// Milliseconds until the price is visible.
    pub(crate) fn price(&self, kind: Kind) -> f64 {
        self.looked(kind, |seen| seen.price).unwrap_or(f64::NAN)
    }

    /// Layout shift before anything is pressed: a press may move the page.
    pub(crate) fn shift(&self, kind: Kind) -> f64 {
        self.looked(kind, |seen| seen.shift).unwrap_or(f64::NAN)
    }

    /// Milliseconds of the longest task of a visit, in the best round, since noise only adds. 0 if no task was longer
    /// than 50.
    pub(crate) fn longest(&self, kind: Kind) -> f64 {
        let rounds = self.0.iter().map(|round| {
            let visits = round.looks.get(&kind).into_iter().chain(round.buys.get(&kind));
            visits.map(|seen| seen.longest).fold(0.0, f64::max)
        });
        rounds.fold(f64::INFINITY, f64::min)
    }

    fn looked(&self, kind: Kind, of: impl Fn(&Seen) -> f64) -> Option<f64> {
        middle(self.0.iter().filter_map(|round| round.looks.get(&kind)).map(of))
    }

    fn bought(&self, kind: Kind, of: impl Fn(&Seen) -> Option<f64>) -> Option<f64> {
        middle(self.0.iter().filter_map(|round| round.buys.get(&kind)).filter_map(of))
    }

    /// Writes one line: a figure for each page, and the widget's figures as multiples of the plain page's.
    fn line(
        &self,
        f: &mut fmt::Formatter<'_>,
        what: &str,
        unit: &str,
        of: impl Fn(Kind) -> Option<f64>,
    ) -> fmt::Result {
        write!(f, "  {what:<34}")?;
        let plain = of(Kind::Plain).filter(|&plain| plain > 0.0);
        for kind in Kind::ALL {
            let Some(figure) = of(kind) else {
                write!(f, "{:>20}", "–")?;
                continue;
            };
            let ratio =
                plain.filter(|_| kind != Kind::Plain).map(|plain| format!(" ({:.2}×)", figure / plain));
            let digits = if unit.is_empty() { 3 } else { 0 };
            write!(f, "{:>20}", format!("{figure:.digits$}{unit}{}", ratio.unwrap_or_default()))?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:<34}{:>20}{:>20}{:>20}", "", "plain HTML", "widget", "widget, SKU named")?;
        self.line(f, "price visible", " ms", |kind| self.looked(kind, |seen| seen.price))?;
        self.line(f, "ready to type", " ms", |kind| self.bought(kind, |seen| seen.email))?;
        self.line(f, "ready to pay", " ms", |kind| self.bought(kind, |seen| seen.payment))?;
        self.line(f, "layout shift before a press", "", |kind| self.looked(kind, |seen| seen.shift))?;
        self.line(f, "layout shift until one can pay", "", |kind| {
            self.bought(kind, |seen| Some(seen.shift))
        })?;
        self.line(f, "longest task over 50 ms", " ms", |kind| Some(self.longest(kind)))?;
        self.line(f, "blocked in total, buying", " ms", |kind| self.bought(kind, |seen| Some(seen.blocked)))?;
        self.line(f, "bytes until seen and awake", " B", |kind| self.looked(kind, |seen| seen.bytes))?;
        self.line(f, "bytes until one can pay", " B", |kind| self.bought(kind, |seen| Some(seen.bytes)))
    }
}

fn middle(all: impl Iterator<Item = f64>) -> Option<f64> {
    let all: Vec<_> = all.collect();
    (!all.is_empty()).then(|| median(&all))
}
