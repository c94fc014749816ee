//! Service tokens: random, shown once, and kept as hashes.
use rand::Rng as _;
use sha2::{Digest, Sha256};

/// The scope of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `GET /v1/purchases`, the feed of changes.
    Feed,
    /// `GET /v1/learners/purchases`, what a learner has bought.
    Learners,
    /// `GET /v1/funnel`, counts without personal data.
    Funnel,
}

impl Scope {
    pub const ALL: [Self; 3] = [Self::Feed, Self::Learners, Self::Funnel];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Learners => "learners",
            Self::Funnel => "funnel",
        }
    }

    /// Parses a name; `None` if there is no such scope.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// A token that nobody can guess: 256 random bits.
#[must_use]
pub fn new_token() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    ["st_", &hex::encode(bytes)].concat()
}

/// The hash under which a token is stored. A slow hash isn't needed, since tokens can't be guessed.
#[must_use]
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}
