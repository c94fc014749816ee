//! Decides when a cached offering is stale.
use super::Checkout;
use std::sync::Arc;

/// How many milliseconds a version lasts if nothing changes in this process: the clock and other instances may change
/// offerings, too.
const LENGTH: i64 = 250;

/// Everything that an offering may depend on here: an answer may be shown again as long as the version stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferingsVersion {
    catalog: usize,
    seat_moves: u64,
    pauses: u64,
    time: i64,
}

impl Checkout {
    /// The current version.
    #[must_use]
    pub fn offerings_version(&self) -> OfferingsVersion {
        OfferingsVersion {
            catalog: Arc::as_ptr(&self.catalog.get()).addr(),
            seat_moves: self.store.seat_moves(),
            pauses: self.pauses.changes(),
            time: self.now().as_millis() / LENGTH,
        }
    }
}
