//! Describes refused coupons as problems.
use super::build::{At, problem};
use crate::coupons::CouponRefusal;
use shared::{Code, Problem, Reason};

/// The problem that the API returns for a refused coupon.
pub(super) fn describe(refusal: &CouponRefusal) -> Problem {
    Problem { reason: reason(refusal), ..named(refusal) }
}

fn named(refusal: &CouponRefusal) -> Problem {
    let (code, title, detail) = match refusal {
        CouponRefusal::Unknown => {
            (Code::CouponUnknown, "Unknown coupon", "No coupon has this code. Check it, or leave it out.".to_owned())
        }
        CouponRefusal::Typo => (
            Code::CouponUnknown,
            "Mistyped coupon",
            "This code has a typo: no coupon can have it. Compare it letter by letter.".to_owned(),
        ),
        CouponRefusal::NotYet { from } => {
            (Code::CouponNotForThis, "Coupon not valid yet", format!("This coupon is valid from {from}."))
        }
        CouponRefusal::Expired => (Code::CouponExpired, "Coupon expired", "This coupon has expired.".to_owned()),
        CouponRefusal::UsedUp => {
            (Code::CouponUsedUp, "Coupon used up", "This coupon is used up, or an unpaid purchase holds its last use. Try again in ten minutes.".to_owned())
        }
        CouponRefusal::UsedByLearner => (
            Code::CouponUsedUp,
            "Coupon used by this learner",
            "This email has already used the coupon as often as one learner may. Unpaid purchases count.".to_owned(),
        ),
        CouponRefusal::NotForThis => {
            (Code::CouponNotForThis, "Coupon for something else", "This coupon is not for this offering.".to_owned())
        }
        CouponRefusal::BelowMinimum { least } => (
            Code::CouponNotForThis,
            "Coupon leaves too little",
            format!("The discounted total would be below {least}, the least that can be charged."),
        ),
        CouponRefusal::EmailDomain => (
            Code::CouponEmailDomain,
            "Coupon for other addresses",
            "This coupon is for one company's email addresses. Use your address there, or leave the coupon out."
                .to_owned(),
        ),
        CouponRefusal::OtherEmail => (
            Code::CouponEmailDomain,
            "Coupon for someone else",
            "This code is for another email address. Use that one, or leave the code out.".to_owned(),
        ),
        CouponRefusal::Team => (
            Code::CouponNotForThis,
            "Coupon for one place",
            "Coupons are for one place. Buy for the team without it.".to_owned(),
        ),
    };
    problem(422, code, title, detail).at("coupon")
}

/// The detail that the code alone does not tell.
fn reason(refusal: &CouponRefusal) -> Option<Reason> {
    match refusal {
        CouponRefusal::Typo => Some(Reason::Typo),
        CouponRefusal::NotYet { .. } => Some(Reason::NotYet),
        CouponRefusal::UsedByLearner => Some(Reason::Learner),
        CouponRefusal::BelowMinimum { .. } => Some(Reason::Minimum),
        CouponRefusal::OtherEmail => Some(Reason::OtherEmail),
        CouponRefusal::Team => Some(Reason::Team),
        CouponRefusal::Unknown
        | CouponRefusal::Expired
        | CouponRefusal::UsedUp
        | CouponRefusal::NotForThis
        | CouponRefusal::EmailDomain => None,
    }
}
