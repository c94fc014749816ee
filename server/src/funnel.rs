//! The funnel: how many learners see an offer and how far they get, counted by day, SKU and variant, without personal
//! data.
use serde::Serialize;
use shared::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use widget::variants::DEFAULT;

/// One day, in milliseconds.
pub(crate) const DAY: i64 = 86_400_000;

/// The key by which views and steps are counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunnelKey {
    /// Days since 1970, in UTC.
    pub day: i64,
    pub sku: String,
    pub variant: String,
}

/// First screens seen but not stored yet. They are stored in batches, so that no view costs a write; a crash loses a
/// few seconds of them.
#[derive(Debug, Default)]
pub struct Views(Mutex<HashMap<FunnelKey, i64>>);

/// How many learners reached each step. Steps after `seen` count on the day on which the purchase was opened.
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

impl FunnelKey {
    #[must_use]
    pub fn new(at: Timestamp, sku: &str, variant: Option<&str>) -> Self {
        let variant = variant.filter(|variant| !variant.is_empty()).unwrap_or(DEFAULT);
        Self { day: at.as_millis().div_euclid(DAY), sku: sku.to_owned(), variant: variant.to_owned() }
    }
}

impl Views {
    /// Adds `seen` views.
    pub fn add(&self, key: FunnelKey, seen: i64) {
        *self.lock().entry(key).or_default() += seen;
    }

    /// Takes everything counted since the last call. The caller must store it, or add it again.
    #[must_use]
    pub fn take(&self) -> HashMap<FunnelKey, i64> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<FunnelKey, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The UTC midnight at which the last `days` days begin, including today.
#[must_use]
pub fn beginning(now: Timestamp, days: u32) -> Timestamp {
    let today = now.as_millis().div_euclid(DAY);
    Timestamp::from_millis((today - i64::from(days) + 1) * DAY)
}

/// Combines views and the steps of purchases into the funnel, by day, SKU and variant.
#[must_use]
pub fn funnel(seen: HashMap<FunnelKey, i64>, steps: HashMap<FunnelKey, Counts>) -> Vec<Line> {
    let mut all: BTreeMap<FunnelKey, Counts> = steps.into_iter().collect();
    for (key, seen) in seen {
        all.entry(key).or_default().seen += seen;
    }
    all.into_iter()
        .map(|(FunnelKey { day, sku, variant }, counts)| Line { day: date(day), sku, variant, counts })
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
        let key = FunnelKey::new(Timestamp::from_millis(86_400_001), "course", None);
        views.add(key.clone(), 2);
        views.add(key.clone(), 1);
        assert_eq!(views.take(), HashMap::from([(key.clone(), 3)]));
        assert!(views.take().is_empty());
        let lines = funnel(HashMap::from([(key, 3)]), HashMap::new());
        assert_eq!((lines[0].day.as_str(), lines[0].variant.as_str()), ("1970-01-02", "default"));
    }
}
