//! Identifies learners by a token that a trusted issuer has signed: an OIDC ID token, or a FlockJay launch link.
mod config;
mod keys;

pub(crate) use config::RawIdentity;
pub use config::{IdentityConfig, KeysAt, LaunchConfig, OidcConfig};

use crate::purchase::Learner;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use keys::Keys;
use serde::Deserialize;
use serde_json::Value;
use shared::{Email, TokenRefusal};

/// Seconds by which an issuer's clock may differ from ours.
const LEEWAY: u64 = 60;
/// Algorithms that a sign-in service may sign with. A symmetric one would let its public key pass for a secret.
const SIGNED: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
/// Longer tokens are rejected.
const LONGEST: usize = 8192;

/// Reads learners' tokens. Without settings it accepts none.
#[derive(Default)]
pub struct Identity {
    audience: String,
    oidc: Option<Oidc>,
    launch: Option<LaunchConfig>,
}

struct Oidc {
    issuer: String,
    keys: Keys,
    verifies_all: bool,
}

/// The claims that we read ourselves. The library checks expiry, `nbf`, issuer and audience.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    email: Option<String>,
    name: Option<String>,
    /// A boolean; some issuers send it as a string.
    email_verified: Option<Value>,
    aud: Value,
    /// The party that the token was made for, if it has several audiences.
    azp: Option<String>,
    /// Seconds since 1970.
    iat: Option<f64>,
}

impl Identity {
    pub fn new(config: IdentityConfig) -> anyhow::Result<Self> {
        let oidc = |OidcConfig { issuer, keys, verifies_all }| {
            anyhow::Ok(Oidc { issuer, keys: Keys::new(keys)?, verifies_all })
        };
        Ok(Self {
            audience: config.audience,
            oidc: config.oidc.map(oidc).transpose()?,
            launch: config.launch,
        })
    }

    /// Fetches the keys that tokens are signed with, so that no learner waits for them.
    pub async fn prepare(&self) {
        if let Some(oidc) = &self.oidc {
            oidc.keys.prepare().await;
        }
    }

    /// The learner whom `token` names. It is trusted only if its signature, issuer, audience and times are valid.
    pub async fn learner(&self, token: &str) -> Result<Learner, TokenRefusal> {
        if self.oidc.is_none() && self.launch.is_none() {
            return Err(TokenRefusal::NotConfigured);
        }
        if token.len() > LONGEST {
            return Err(TokenRefusal::Malformed);
        }
        let header = decode_header(token).map_err(|error| refusal(error.kind()))?;
        // An access token doesn't prove who is there (<https://www.rfc-editor.org/rfc/rfc9068#section-2.1>).
        let kind = header.typ.as_deref().unwrap_or_default().to_ascii_lowercase();
        if kind.trim_start_matches("application/") == "at+jwt" {
            return Err(TokenRefusal::Malformed);
        }
        match (&self.oidc, &self.launch) {
            (Some(oidc), _) if SIGNED.contains(&header.alg) => {
                let key = oidc.keys.find(header.kid.as_deref(), header.alg).await?;
                self.read(token, header.alg, &oidc.issuer, &key, oidc.verifies_all)
            }
            (_, Some(launch)) if header.alg == Algorithm::HS256 => {
                let mut read = Err(TokenRefusal::Signature);
                for secret in &launch.secrets {
                    let key = DecodingKey::from_secret(secret);
                    // FlockJay knows the learners that its launch links name, so their emails count as verified.
                    read = self.read(token, Algorithm::HS256, &launch.issuer, &key, true);
                    if !matches!(read, Err(TokenRefusal::Signature)) {
                        break;
                    }
                }
                read
            }
            _ => Err(TokenRefusal::Algorithm),
        }
    }

    fn read(
        &self,
        token: &str,
        algorithm: Algorithm,
        issuer: &str,
        key: &DecodingKey,
        verifies_all: bool,
    ) -> Result<Learner, TokenRefusal> {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let claims = decode::<Claims>(token, key, &validation).map_err(|error| refusal(error.kind()))?.claims;
        let fits = |text: &str, most: usize| {
            !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
        };
        if !fits(&claims.sub, 255) {
            return Err(TokenRefusal::Malformed);
        }
        let audiences = claims.aud.as_array().map_or(1, Vec::len);
        if audiences > 1 && claims.azp.as_ref().is_some_and(|party| *party != self.audience) {
            return Err(TokenRefusal::Audience);
        }
        let latest = (jsonwebtoken::get_current_timestamp() + LEEWAY) as f64;
        if claims.iat.is_some_and(|made_at| made_at > latest) {
            return Err(TokenRefusal::NotYet);
        }
        // Someone who can choose their address freely could see what another learner has bought.
        let verified = match &claims.email_verified {
            Some(verified) => *verified == true || *verified == "true",
            None => verifies_all,
        };
        if !verified {
            return Err(TokenRefusal::Email);
        }
        let email = claims.email.as_deref().and_then(|email| Email::parse(email).ok());
        Ok(Learner {
            email: email.ok_or(TokenRefusal::Email)?,
            name: claims.name.filter(|name| fits(name, 200)),
            external_id: Some(claims.sub),
            issuer: Some(issuer.to_owned()),
        })
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "another's, with more to come")]
fn refusal(kind: &ErrorKind) -> TokenRefusal {
    match kind {
        ErrorKind::ExpiredSignature => TokenRefusal::Expired,
        ErrorKind::ImmatureSignature => TokenRefusal::NotYet,
        ErrorKind::InvalidIssuer => TokenRefusal::Issuer,
        ErrorKind::InvalidAudience => TokenRefusal::Audience,
        ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidAlgorithmName
        | ErrorKind::MissingAlgorithm
        | ErrorKind::UnsupportedAlgorithm => TokenRefusal::Algorithm,
        ErrorKind::InvalidSignature => TokenRefusal::Signature,
        _ => TokenRefusal::Malformed,
    }
}
