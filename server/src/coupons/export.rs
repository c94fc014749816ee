//! Exports a pack's codes as a table for spreadsheets.
use super::PackCode;
use crate::csv::{header, line};

/// The codes as CSV, with a header.
#[must_use]
pub fn csv(codes: &[PackCode]) -> String {
    let mut table = header(["code", "state", "email", "used by", "purchase", "valid until"]);
    for PackCode { coupon, state, used_by, .. } in codes {
        let (purchase, learner) = used_by.clone().unwrap_or_default();
        let until = coupon.valid_until.map(|until| until.to_string()).unwrap_or_default();
        let email = coupon.email.as_deref().unwrap_or_default();
        let learner = learner.unwrap_or_default();
        table.push_str(&line([&coupon.terms.shown, state.as_str(), email, &learner, &purchase, &until]));
    }
    table
}
