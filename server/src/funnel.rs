//! How many see an offer, and how many of them come how far: counts by day, SKU and variant, of nobody in particular.
use serde::Serialize;
use shared::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use widget::variants::DEFAULT;

/// In milliseconds.
pub(crate) const DAY: i64 = 86_400_000;

/// What is counted apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shelf {
    /// Days since 1970, in UTC.
    pub day: i64,
    pub sku: String,
    pub variant: String,
}

/// First screens seen and not stored yet. A crash loses a few seconds of them, so that no view costs a write.
#[derive(Debug, Default)]
pub struct Views(Mutex<HashMap<Shelf, i64>>);

/// How many came how far. Steps after `seen` count on the day on which the purchase was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Counts {
    pub seen: i64,
    pub opened: i64,
    pub paying: i64,
    pub paid: i64,
    pub granted: i64,
}

/// One line of the funnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Line {
    /// Such as `2026-12-09`.
    pub day: String,
    pub sku: String,
    pub variant: String,
    #[serde(flatten)]
    pub counts: Counts,
}

impl Shelf {
    #[must_use]
    pub fn new(at: Timestamp, sku: &str, variant: Option<&str>) -> Self {
        let variant = variant.filter(|variant| !variant.is_empty()).unwrap_or(DEFAULT);
        Self { day: at.as_millis().div_euclid(DAY), sku: sku.to_owned(), variant: variant.to_owned() }
    }
}

impl Views {
    /// Counts `seen` more.
    pub fn add(&self, shelf: Shelf, seen: i64) {
        *self.lock().entry(shelf).or_default() += seen;
    }

    /// All that was counted since, which is the caller's to store, or to add again.
    #[must_use]
    pub fn take(&self) -> HashMap<Shelf, i64> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Shelf, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The midnight in UTC with which the last `days` days begin, today's included.
#[must_use]
pub fn beginning(now: Timestamp, days: u32) -> Timestamp {
    let today = now.as_millis().div_euclid(DAY);
    Timestamp::from_millis((today - i64::from(days) + 1) * DAY)
}

/// The funnel from what was seen and how far those came who opened a purchase, by day, SKU and variant.
#[must_use]
pub fn funnel(seen: HashMap<Shelf, i64>, steps: HashMap<Shelf, Counts>) -> Vec<Line> {
    let mut all: BTreeMap<Shelf, Counts> = steps.into_iter().collect();
    for (shelf, seen) in seen {
        all.entry(shelf).or_default().seen += seen;
    }
    all.into_iter()
        .map(|(Shelf { day, sku, variant }, counts)| Line { day: date(day), sku, variant, counts })
        .collect()
}

fn date(day: i64) -> String {
    Timestamp::from_millis(day * DAY).to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_counted_until_they_are_taken() {
        let views = Views::default();
        let shelf = Shelf::new(Timestamp::from_millis(86_400_001), "course", None);
        views.add(shelf.clone(), 2);
        views.add(shelf.clone(), 1);
        assert_eq!(views.take(), HashMap::from([(shelf.clone(), 3)]));
        assert!(views.take().is_empty());
        let lines = funnel(HashMap::from([(shelf, 3)]), HashMap::new());
        assert_eq!((lines[0].day.as_str(), lines[0].variant.as_str()), ("1970-01-02", "default"));
    }
}
