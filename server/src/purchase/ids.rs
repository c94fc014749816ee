//! The identifiers of a purchase (a secret one that opens it, and one for people), and those that it has at Stripe.
use serde::{Deserialize, Serialize};
use std::fmt;

/// Crockford's base 32: no I, L, O or U, so that a code can be read aloud.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// 160 random bits: an unguessable capability. Its `Debug` is shortened, since a log must not open a purchase.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PurchaseId(String);

/// A name to say on the phone, such as `RU-7K3M-92QF`; opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reference(String);

/// Declares a type for one kind of identifier, so that no other kind can be passed in its place.
macro_rules! identifiers {
    ($($(#[$about:meta])* $name:ident),+ $(,)?) => {
        $($(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes an identifier as it came.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        })+
    };
}

identifiers! {
    /// A payment intent at Stripe, such as `pi_3N…`.
    IntentId,
    /// A checkout session at Stripe, such as `cs_live_…`.
    SessionId,
    /// Identifies a request to Stripe, so that a repeat has no second effect
    /// (<https://docs.stripe.com/api/idempotent_requests>).
    IdempotencyKey,
}

impl IdempotencyKey {
    /// The key of another request for the same purpose.
    #[must_use]
    pub(crate) fn followed_by(&self, what: impl fmt::Display) -> Self {
        Self(format!("{self}-{what}"))
    }
}

impl PurchaseId {
    const PREFIX: &str = "pu_";

    /// Made from random bytes that the caller draws.
    #[must_use]
    pub fn from_random(bytes: [u8; 20]) -> Self {
        Self(secret(Self::PREFIX, bytes))
    }

    /// Parses an id from a path; `None` if it can't be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_secret(Self::PREFIX, text).then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PurchaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shortened(&self.0))
    }
}

impl Reference {
    /// The length in bytes.
    pub const LENGTH: usize = "RU-7K3M-92QF".len();

    /// Made from random bytes that the caller draws.
    #[must_use]
    pub fn from_random(bytes: [u8; 8]) -> Self {
        let letters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        let (head, tail) = letters.split_at(4);
        Self(format!("RU-{}-{}", String::from_iter(head), String::from_iter(tail)))
    }

    /// Takes a reference that another system sent back.
    #[must_use]
    pub fn from_metadata(text: &str) -> Self {
        Self(text.to_owned())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A capability, which works for anyone who knows it: `prefix` and 160 random bits.
pub(crate) fn secret(prefix: &str, bytes: [u8; 20]) -> String {
    [prefix, &hex::encode(bytes)].concat()
}

pub(crate) fn is_secret(prefix: &str, text: &str) -> bool {
    let fits =
        |digits: &str| digits.len() == 40 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    text.strip_prefix(prefix).is_some_and(fits)
}

/// For logs, which must not open anything.
pub(crate) fn shortened(secret: &str) -> String {
    format!("{}…", secret.get(..9).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_is_not_shown_whole() {
        let id = PurchaseId::from_random([7; 20]);
        assert_eq!(PurchaseId::parse(id.as_str()), Some(id.clone()));
        assert_eq!(format!("{id:?}"), "pu_070707…");
        for wrong in ["", "pu_", "pu_07", "../etc", &["pu_", &"g".repeat(40)].concat()] {
            assert_eq!(PurchaseId::parse(wrong), None);
        }
    }

    #[test]
    fn a_reference_is_for_people() {
        assert_eq!(Reference::from_random([0, 1, 9, 10, 31, 32, 33, 255]).as_str(), "RU-019A-Z01Z");
    }
}
