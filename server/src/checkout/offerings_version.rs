//! When what is shown of offerings may be another.
use super::Checkout;
use crate::grants::Grants;
use crate::payments::Payments;
use std::sync::Arc;

/// For how many milliseconds what nothing in this process has changed is taken to be the same: the clock and other
/// instances may have changed it.
const LENGTH: i64 = 250;

/// All that an offering may depend on here: what was shown at a moment may be shown again as long as it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    catalog: usize,
    seat_moves: u64,
    pauses: u64,
    time: i64,
}

impl<P: Payments, G: Grants> Checkout<P, G> {
    /// The moment that it is.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment {
            catalog: Arc::as_ptr(&self.catalog.get()).addr(),
            seat_moves: self.store.seat_moves(),
            pauses: self.pauses.changes(),
            time: self.now().as_millis() / LENGTH,
        }
    }
}
