//! Service tokens, by which other systems authenticate.
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Minimum length of a token, since shorter ones can be guessed.
pub(super) const SHORTEST: usize = 24;

/// The tokens, as hashes.
#[derive(Clone, Default)]
pub struct ServiceTokens(Arc<[[u8; 32]]>);

impl ServiceTokens {
    pub(super) fn new<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Self {
        Self(tokens.into_iter().map(hash).collect())
    }

    /// Whether `token` is one of them. Hashes are compared, so that the time it takes reveals nothing.
    #[must_use]
    pub fn admit(&self, token: &str) -> bool {
        self.0.contains(&hash(token))
    }
}

impl std::fmt::Debug for ServiceTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServiceTokens({})", self.0.len())
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
