//! The terms of a coupon: the discount, and the offerings it applies to.
use super::{CouponCode, CouponRefusal};
use crate::catalog::Item;
use crate::email::{normalized, normalized_domain};
use serde::{Deserialize, Serialize};
use shared::{Email, Kind, Money, Price, Timestamp, Unfit};
use std::collections::BTreeSet;

/// A coupon in its current state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coupon {
    pub code: CouponCode,
    pub terms: Terms,
    pub valid_until: Option<Timestamp>,
    /// Maximum uses in total; `None` if there is no limit.
    pub limit: Option<i64>,
    /// Uses by purchases that are in effect or may still be.
    pub used: i64,
    /// The only email that may use it, in lower case.
    pub email: Option<String>,
    /// The pack that it belongs to.
    pub pack: Option<String>,
    /// A seat is reserved for it, so that its holder takes none of those on sale.
    pub brings_seat: bool,
    pub revoked: bool,
}

/// The part of a coupon that never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The code as people write it.
    pub shown: String,
    pub discount: Discount,
    pub scope: Scope,
    pub valid_from: Option<Timestamp>,
    /// Maximum uses by one learner; `None` if there is no limit.
    pub per_learner: Option<i64>,
    /// Domains of emails that may use it, in lower case; empty means all.
    pub domains: BTreeSet<String>,
    /// A note for operators.
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discount {
    /// 1 to 100.
    Percent(i64),
    Amount(Money),
}

/// The offerings it applies to. An empty set excludes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub skus: BTreeSet<String>,
    pub kinds: Vec<Kind>,
}

impl Coupon {
    /// The price of `item` with it at `now`.
    pub fn price(&self, item: &Item, now: Timestamp) -> Result<Price, CouponRefusal> {
        if let Some(from) = self.terms.valid_from
            && now < from
        {
            return Err(CouponRefusal::NotYet { from });
        }
        if self.revoked || self.valid_until.is_some_and(|until| now >= until) {
            return Err(CouponRefusal::Expired);
        }
        self.terms.price(item)
    }

    /// Whether `email` may use it.
    pub fn admit(&self, email: &Email) -> Result<(), CouponRefusal> {
        let email = normalized(email);
        if self.email.as_ref().is_some_and(|only| *only != email) {
            return Err(CouponRefusal::OtherEmail);
        }
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        let is_it = |admitted: &String| normalized_domain(admitted) == domain;
        let admitted = self.terms.domains.is_empty() || self.terms.domains.iter().any(is_it);
        if admitted { Ok(()) } else { Err(CouponRefusal::EmailDomain) }
    }
}

impl Terms {
    /// The price of `item` with it.
    pub fn price(&self, item: &Item) -> Result<Price, CouponRefusal> {
        if !self.scope.includes(item) {
            return Err(CouponRefusal::NotForThis);
        }
        let list = item.price;
        let discount = match self.discount {
            // Half a minor unit is rounded in the learner's favour.
            Discount::Percent(percent) => (list.amount * percent + 50) / 100,
            Discount::Amount(off) if off.currency == list.currency => off.amount.min(list.amount),
            Discount::Amount(_) => return Err(CouponRefusal::NotForThis),
        };
        // Amounts that can't be charged exactly are rounded down, in the learner's favour as well.
        let step = list.currency.charges().map_or(1, |charges| charges.step);
        let total = (list.amount - discount) / step * step;
        let left = Money { amount: total, currency: list.currency };
        if total > 0
            && let Err(Unfit::Below { least }) = left.fits()
        {
            return Err(CouponRefusal::BelowMinimum { least });
        }
        Ok(Price {
            discount: list.amount - total,
            total,
            coupon: Some(self.shown.clone()),
            ..Price::of(list)
        })
    }
}

impl Scope {
    #[must_use]
    pub fn includes(&self, item: &Item) -> bool {
        (self.skus.is_empty() || self.skus.contains(&item.sku))
            && (self.kinds.is_empty() || self.kinds.contains(&item.kind))
    }
}
