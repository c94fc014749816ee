//! Packs: single-use codes that a company hands out.
use super::{Coupon, CouponCode, Discount, Scope, Terms};
use crate::purchase::{PurchaseId, Reference, is_secret, secret, shortened};
use shared::Timestamp;
use std::fmt;

/// A batch of codes, each good for one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// For people, such as `PK-7K3M-92QF`; not a secret.
    pub id: String,
    pub key: PackKey,
    pub sku: String,
    pub company: String,
    /// The company's purchase order, or the reference of the purchase that paid for it.
    pub order: String,
    /// The purchase that paid for it, if one did.
    pub purchase: Option<PurchaseId>,
    pub created_at: Timestamp,
}

/// A code of a pack, and who uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackCode {
    pub coupon: Coupon,
    pub state: CodeState,
    /// The reference and the learner of the purchase that uses it.
    pub used_by: Option<(String, Option<String>)>,
    /// How far the email to the learner that it is assigned to has come, if one was requested.
    pub mail: Option<MailState>,
}

/// The secret in the address of the company's page: 160 random bits. Its `Debug` is shortened, so that a log can't give
/// access to a pack.
#[derive(Clone, PartialEq, Eq)]
pub struct PackKey(String);

/// The state of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeState {
    /// Nobody uses it.
    Free,
    /// A purchase has applied it, but is not paid yet.
    Held,
    Used,
    /// Nobody used it in time.
    Expired,
    Revoked,
}

/// The state of an email.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    Pending,
    /// A mail server has accepted it.
    Sent,
    /// The mail server refuses the address, or retries were given up.
    Failed,
}

impl Pack {
    /// A new pack, from random bytes that the caller draws.
    #[must_use]
    pub fn new(sku: &str, company: &str, order: &str, random: ([u8; 8], [u8; 20]), now: Timestamp) -> Self {
        let id = Reference::from_random(random.0).as_str().replacen("RU", "PK", 1);
        Self {
            id,
            key: PackKey::from_random(random.1),
            sku: sku.to_owned(),
            company: company.to_owned(),
            order: order.to_owned(),
            purchase: None,
            created_at: now,
        }
    }

    /// One of its codes. If it `brings_seat`, a seat is reserved for it.
    #[must_use]
    pub fn coupon(&self, random: [u8; 15], valid_until: Option<Timestamp>, brings_seat: bool) -> Coupon {
        let code = CouponCode::from_random(random);
        let terms = Terms {
            shown: code.to_string(),
            discount: Discount::Percent(100),
            scope: Scope { skus: [self.sku.clone()].into(), kinds: Vec::new() },
            valid_from: None,
            per_learner: None,
            domains: Default::default(),
            note: self.company.clone(),
        };
        Coupon {
            code,
            terms,
            valid_until,
            limit: Some(1),
            used: 0,
            email: None,
            pack: Some(self.id.clone()),
            brings_seat,
            revoked: false,
        }
    }
}

/// When the last of the codes expires; `None` if they never do, or none is left.
#[must_use]
pub fn usable_until(codes: &[PackCode]) -> Option<Timestamp> {
    let usable = codes.iter().filter(|code| !code.coupon.revoked);
    let until = usable.map(|code| code.coupon.valid_until).collect::<Option<Vec<_>>>()?;
    until.into_iter().max()
}

impl PackKey {
    const PREFIX: &str = "tm_";

    #[must_use]
    pub fn from_random(bytes: [u8; 20]) -> Self {
        Self(secret(Self::PREFIX, bytes))
    }

    /// Parses a key from an address; `None` if it can't be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_secret(Self::PREFIX, text).then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shortened(&self.0))
    }
}

impl MailState {
    /// Parses its name in the store; `None` for an email that was dropped.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "pending" => Some(Self::Pending),
            "sent" => Some(Self::Sent),
            "failed" => Some(Self::Failed),
            _ => None,
        }
    }
}

impl CodeState {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Held => "held",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}
