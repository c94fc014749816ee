//! Coupons: what a code takes off, from what, and for whom. Pure: the store counts uses, and the checkout asks.
mod code;
mod export;
mod pack;
mod terms;
#[cfg(test)]
mod tests;

pub use code::{CouponCode, InvalidCode};
pub use export::csv;
pub use pack::{CodeState, MOST_CODES, MailState, Pack, PackCode, PackKey, usable_until};
pub use terms::{Coupon, Discount, Scope, Terms};

use shared::{Money, Timestamp};

/// Why a code lowers no price here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CouponRefusal {
    Unknown,
    /// Its check character does not fit the others.
    Typo,
    NotYet {
        from: Timestamp,
    },
    /// It is over, or was taken back.
    Expired,
    UsedUp,
    /// This learner has used it as often as one may.
    UsedByLearner,
    NotForThis,
    /// What it leaves to be paid is less than Stripe takes.
    BelowMinimum {
        least: Money,
    },
    EmailDomain,
    /// It is kept for another learner.
    OtherEmail,
    /// A purchase for a team takes none: its codes would be worth more than what was paid.
    Team,
}
