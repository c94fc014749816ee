//! Settings for learners' tokens: which issuers are trusted.
use crate::outbound::is_private;
use std::fmt;
use url::Url;

/// The shortest secret that gives HS256 its full strength, in bytes
/// (<https://www.rfc-editor.org/rfc/rfc7518#section-3.2>).
const SHORTEST: usize = 32;

/// The issuers that are trusted, and the audience that tokens must have.
#[derive(Clone, Debug)]
pub struct IdentityConfig {
    pub audience: String,
    pub oidc: Option<OidcConfig>,
    pub launch: Option<LaunchConfig>,
}

/// A sign-in service whose keys are public.
#[derive(Clone, Debug)]
pub struct OidcConfig {
    pub issuer: String,
    pub keys: KeysAt,
    /// All its emails count as verified, even if a token doesn't say so.
    pub verifies_all: bool,
}

/// Where the JSON Web Key Set is.
#[derive(Clone, Debug)]
pub enum KeysAt {
    Named(Url),
    /// The address in the issuer's discovery document (<https://openid.net/specs/openid-connect-discovery-1_0.html>);
    /// if there is none, Okta's path below the issuer.
    Discovered {
        issuer: String,
        document: Url,
        otherwise: Url,
    },
}

/// A system that shares a secret with us, such as FlockJay with its launch links.
#[derive(Clone)]
pub struct LaunchConfig {
    pub issuer: String,
    /// Two while one is rotated.
    pub secrets: Vec<Vec<u8>>,
}

/// The settings as given; an empty one counts as missing.
pub(crate) struct RawIdentity<'a> {
    pub(crate) issuer: Option<&'a str>,
    pub(crate) audience: Option<&'a str>,
    pub(crate) keys: Option<&'a str>,
    pub(crate) trusted_emails: &'a str,
    pub(crate) secrets: &'a str,
    pub(crate) secret_issuer: &'a str,
}

impl RawIdentity<'_> {
    /// Returns `None` if tokens are not read. Every mistake names its setting; none repeats a secret.
    pub(crate) fn check(self) -> Result<Option<IdentityConfig>, Vec<(&'static str, String)>> {
        let mut mistakes = Vec::new();
        let secrets: Vec<_> =
            self.secrets.split(',').map(str::trim).filter(|secret| !secret.is_empty()).collect();
        if secrets.iter().any(|secret| secret.len() < SHORTEST) {
            mistakes.push(("LEARNER_SECRETS", format!("each secret must have at least {SHORTEST} bytes")));
        }
        let secrets: Vec<_> = secrets.iter().map(|secret| secret.as_bytes().to_vec()).collect();
        if self.secret_issuer.trim().is_empty() {
            mistakes.push((
                "LEARNER_SECRETS_ISSUER",
                "must not be empty: set the iss of launch links, such as flockjay".to_owned(),
            ));
        }
        let launch = (!secrets.is_empty())
            .then(|| LaunchConfig { issuer: self.secret_issuer.trim().to_owned(), secrets });
        let mut secure = |name, text: String| match Url::parse(&text) {
            // Keys that could be changed in transit are worth nothing.
            Ok(url) if is_private(&url) => Some(url),
            _ => {
                mistakes.push((name, format!("{text:?} must begin with https://")));
                None
            }
        };
        let issuer = self.issuer.map(str::trim);
        let keys = match (self.keys, issuer) {
            (Some(keys), _) => secure("LEARNER_JWKS_URL", keys.trim().to_owned()).map(KeysAt::Named),
            (None, Some(issuer)) => {
                let below = |path: &str| [issuer.trim_end_matches('/'), path].concat();
                let otherwise = Url::parse(&below("/v1/keys")).ok();
                let document = secure("LEARNER_ISSUER", below("/.well-known/openid-configuration"));
                document.zip(otherwise).map(|(document, otherwise)| KeysAt::Discovered {
                    issuer: issuer.to_owned(),
                    document,
                    otherwise,
                })
            }
            (None, None) => None,
        };
        let mut verifies_all = false;
        for trusted in self.trusted_emails.split(',').map(str::trim).filter(|trusted| !trusted.is_empty()) {
            match issuer == Some(trusted) {
                true => verifies_all = true,
                // Launch links need not be listed: their emails always count as verified.
                false if launch.as_ref().is_some_and(|launch| launch.issuer == trusted) => {}
                false => {
                    let detail =
                        format!("{trusted:?} is not a configured issuer: it must equal LEARNER_ISSUER");
                    mistakes.push(("LEARNER_TRUSTED_EMAILS", detail));
                }
            }
        }
        if self.issuer.is_none() && self.keys.is_some() {
            mistakes.push(("LEARNER_ISSUER", "is required when LEARNER_JWKS_URL is set".to_owned()));
        }
        let oidc = issuer.zip(keys);
        let oidc = oidc.map(|(issuer, keys)| OidcConfig { issuer: issuer.to_owned(), keys, verifies_all });
        let reads = self.issuer.is_some() || launch.is_some();
        if !reads && self.audience.is_some() {
            mistakes.push((
                "LEARNER_AUDIENCE",
                "is set without an issuer: also set LEARNER_ISSUER or LEARNER_SECRETS".to_owned(),
            ));
        }
        let audience = match self.audience {
            None if reads => {
                mistakes.push((
                    "LEARNER_AUDIENCE",
                    "is required when LEARNER_ISSUER or LEARNER_SECRETS is set".to_owned(),
                ));
                String::new()
            }
            audience => audience.unwrap_or_default().trim().to_owned(),
        };
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        Ok(reads.then_some(IdentityConfig { audience, oidc, launch }))
    }
}

impl fmt::Debug for LaunchConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchConfig").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
