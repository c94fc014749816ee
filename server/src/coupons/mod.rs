//! Coupons: what a code takes off, from what, and for whom. Pure logic: the store counts uses, and the checkout calls
//! it.
mod export;
mod pack;
mod terms;
#[cfg(test)]
mod tests;

pub use export::csv;
pub use pack::{CodeState, MailState, Pack, PackCode, PackKey, usable_until};
pub use terms::{Coupon, Discount, Scope, Terms};

pub use crate::catalog::MOST_CODES;
pub use crate::purchase::{CouponCode, InvalidCode};

use shared::{Money, Timestamp};

/// Why a code can't be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CouponRefusal {
    Unknown,
    /// Its check character doesn't match the others.
    Typo,
    NotYet {
        from: Timestamp,
    },
    /// It has expired, or was revoked.
    Expired,
    UsedUp,
    /// This learner has used it as often as allowed.
    UsedByLearner,
    NotForThis,
    /// The price that it leaves is below Stripe's minimum.
    BelowMinimum {
        least: Money,
    },
    EmailDomain,
    /// It is assigned to another learner.
    OtherEmail,
    /// A purchase for a team takes no coupons: its codes would be worth more than what was paid.
    Team,
}
