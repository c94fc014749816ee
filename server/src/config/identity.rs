//! Settings of the tokens by which learners are signed in.
use super::check::Checker;
use crate::identity::{IdentityConfig, RawIdentity};

impl Checker {
    pub(super) fn identity(&mut self, raw: RawIdentity<'_>) -> Option<IdentityConfig> {
        raw.check().unwrap_or_else(|mistakes| {
            for (name, mistake) in mistakes {
                self.mistake(name, mistake);
            }
            None
        })
    }
}
