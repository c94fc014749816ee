//! An Okta-style sign-in service: publishes its keys, and signs tokens for learners named by a test or the course page.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};

use crate::keys;

/// Audience of its tokens (`LEARNER_AUDIENCE`).
pub const SIGN_IN_AUDIENCE: &str = "redis-university";

const ISSUER: &str = "/oauth2/default";
/// Okta's org authorization server publishes its keys under a different path.
const ORGANISATIONS_KEYS: &str = "/oauth2/v1/keys";
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Signs tokens, inspects the service and injects faults.
#[derive(Clone)]
pub struct SignIn(Arc<Mutex<Inner>>);

struct Inner {
    issuer: String,
    /// The newest key of each algorithm signs.
    keys: Vec<Key>,
    down: bool,
    asked: usize,
}

struct Key {
    name: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl SignIn {
    pub(crate) fn new(base: &str) -> Self {
        let keys = vec![
            Key { name: "rsa-1".to_owned(), algorithm: Algorithm::RS256, key: keys::rsa() },
            Key { name: "ec-1".to_owned(), algorithm: Algorithm::ES256, key: elliptic() },
            Key { name: "ed-1".to_owned(), algorithm: Algorithm::EdDSA, key: edwards() },
        ];
        let issuer = format!("{base}{ISSUER}");
        Self(Arc::new(Mutex::new(Inner { issuer, keys, down: false, asked: 0 })))
    }

    /// The `iss` claim of its tokens (`LEARNER_ISSUER`).
    #[must_use]
    pub fn issuer(&self) -> String {
        self.lock().issuer.clone()
    }

    /// Okta's claims about a learner who has just signed in.
    #[must_use]
    pub fn claims(&self, email: &str, external_id: &str) -> Value {
        let now = crate::stripe::now();
        json!({
            "iss": self.issuer(), "aud": SIGN_IN_AUDIENCE, "sub": external_id, "email": email,
            "email_verified": true, "name": "Ada Lovelace", "iat": now, "exp": now + 3600,
        })
    }

    /// A token with these claims, signed with the newest key of `algorithm`.
    #[must_use]
    pub fn sign(&self, algorithm: Algorithm, claims: &Value) -> String {
        let inner = self.lock();
        let key = inner.keys.iter().rfind(|key| key.algorithm == algorithm).expect("a key of this algorithm");
        let header = Header { kid: Some(key.name.clone()), ..Header::new(algorithm) };
        encode(&header, claims, &key.key).expect("a token")
    }

    /// A token for a learner who has just signed in.
    #[must_use]
    pub fn token(&self, email: &str, external_id: &str) -> String {
        self.sign(Algorithm::RS256, &self.claims(email, external_id))
    }

    /// Replaces the ES256 key: a new one signs from now on, and the old one is withdrawn.
    pub fn rotate(&self) {
        let mut inner = self.lock();
        let name = format!("ec-{}", inner.keys.len());
        inner.keys.retain(|key| key.algorithm != Algorithm::ES256);
        inner.keys.push(Key { name, algorithm: Algorithm::ES256, key: elliptic() });
    }

    /// While `down`, answers every request with 503.
    pub fn is_down(&self, down: bool) {
        self.lock().down = down;
    }

    /// How often its keys were requested.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.lock().asked
    }

    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route(&format!("{ISSUER}/v1/keys"), get(key_set))
            .route(ORGANISATIONS_KEYS, get(key_set))
            .route(&format!("{ISSUER}{DISCOVERY}"), get(custom_server))
            .route(DISCOVERY, get(organisations_server))
            .with_state(self.clone())
    }

    /// The `iss` claim of tokens from Okta's org authorization server.
    #[must_use]
    pub fn organisations_issuer(&self) -> String {
        self.lock().issuer.trim_end_matches(ISSUER).to_owned()
    }

    /// The claims of an ID token that Okta issues along with a code or an access token, unless configured to add more.
    #[must_use]
    pub fn thin_claims(&self, email: &str, external_id: &str) -> Value {
        let mut claims = self.claims(email, external_id);
        for left_out in ["email", "email_verified", "name"] {
            claims.as_object_mut().expect("an object").remove(left_out);
        }
        claims
    }

    fn describe(&self, issuer: &str, keys: &str) -> Response {
        if self.lock().down {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        Json(
            json!({ "issuer": issuer, "jwks_uri": keys, "id_token_signing_alg_values_supported": ["RS256"] }),
        )
        .into_response()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").finish_non_exhaustive()
    }
}

async fn custom_server(State(sign_in): State<SignIn>) -> Response {
    let issuer = sign_in.issuer();
    sign_in.describe(&issuer, &format!("{issuer}/v1/keys"))
}

async fn organisations_server(State(sign_in): State<SignIn>) -> Response {
    let issuer = sign_in.organisations_issuer();
    sign_in.describe(&issuer, &format!("{issuer}{ORGANISATIONS_KEYS}"))
}

async fn key_set(State(sign_in): State<SignIn>) -> Response {
    let mut inner = sign_in.lock();
    inner.asked += 1;
    if inner.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let public = |key: &Key| {
        let mut public = Jwk::from_encoding_key(&key.key, key.algorithm).expect("a public key");
        public.common.key_id = Some(key.name.clone());
        public.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Signature);
        public
    };
    Json(json!({ "keys": inner.keys.iter().map(public).collect::<Vec<_>>() })).into_response()
}

fn elliptic() -> EncodingKey {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    EncodingKey::from_ec_der(pair.as_ref())
}

fn edwards() -> EncodingKey {
    let pair = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).expect("a key");
    EncodingKey::from_ed_der(pair.as_ref())
}
