//! The public keys of a sign-in service, cached for a while, and fetched again if a token names a new one.
use super::config::KeysAt;
use crate::outbound::{self, is_private};
use anyhow::Context;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::TokenRefusal;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use url::Url;

/// Keys are fetched again after this time, so that a withdrawn one stops counting.
const FRESH: Duration = Duration::from_secs(3600);
/// If the service is down, known keys count for this long.
const STALE: Duration = Duration::from_secs(86_400);
/// For one fetch: a learner waits for it.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
/// Pause after a failed fetch.
const REST: Duration = Duration::from_secs(1);
/// Made-up key ids must not make us ask the service for each.
const ASKS_A_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("more than none");

pub(super) struct Keys {
    place: KeysAt,
    /// The address that the issuer last named.
    found: RwLock<Option<Url>>,
    client: reqwest::Client,
    known: RwLock<Option<Arc<Known>>>,
    /// When a fetch last failed.
    failed: RwLock<Option<Instant>>,
    /// Requests that need newer keys wait for one fetch; requests that find their key don't wait.
    turn: Mutex<()>,
    asks: DefaultDirectRateLimiter,
}

struct Known {
    keys: JwkSet,
    since: Instant,
}

impl Keys {
    pub(super) fn new(place: KeysAt) -> anyhow::Result<Self> {
        let client = outbound::client(FETCH_TIMEOUT)?;
        let asks = RateLimiter::direct(Quota::per_minute(ASKS_A_MINUTE));
        Ok(Self {
            place,
            found: RwLock::default(),
            client,
            known: RwLock::default(),
            failed: RwLock::default(),
            turn: Mutex::default(),
            asks,
        })
    }

    pub(super) async fn prepare(&self) {
        let _turn = self.turn.lock().await;
        self.refresh().await;
    }

    /// The key with the id `kid`; if a token names none, the only key that fits `algorithm`.
    pub(super) async fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<DecodingKey, TokenRefusal> {
        if let Some(key) = self.known(kid, algorithm, FRESH)? {
            return Ok(key);
        }
        let _turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            // Another request is already fetching.
            Err(_) => match self.known(kid, algorithm, STALE)? {
                Some(key) => return Ok(key),
                None => self.turn.lock().await,
            },
        };
        // The fetch before this one may have brought it.
        if let Some(key) = self.known(kid, algorithm, FRESH)? {
            return Ok(key);
        }
        self.refresh().await;
        match self.known(kid, algorithm, STALE)? {
            Some(key) => Ok(key),
            None if self.current().is_none_or(|known| known.since.elapsed() >= STALE) => {
                Err(TokenRefusal::Unavailable)
            }
            None => Err(TokenRefusal::Key),
        }
    }

    /// The key from the cache, if the cache is younger than `age`.
    fn known(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        age: Duration,
    ) -> Result<Option<DecodingKey>, TokenRefusal> {
        let Some(known) = self.current().filter(|known| known.since.elapsed() < age) else { return Ok(None) };
        let key = chosen(&known.keys, kid, algorithm).map(DecodingKey::from_jwk).transpose();
        key.map_err(|_| TokenRefusal::Key)
    }

    fn current(&self) -> Option<Arc<Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn refresh(&self) {
        let failed = *self.failed.read().unwrap_or_else(PoisonError::into_inner);
        // Requests that waited for a failed fetch don't each wait for another.
        if failed.is_some_and(|failed| failed.elapsed() < REST) || self.asks.check().is_err() {
            return;
        }
        match self.fetch().await {
            Ok(keys) => {
                let known = Some(Arc::new(Known { keys, since: Instant::now() }));
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
            }
            Err(error) => {
                *self.failed.write().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                let alert = self.current().is_none();
                tracing::warn!(alert, %error, "failed to fetch the sign-in service's keys");
            }
        }
    }

    async fn fetch(&self) -> anyhow::Result<JwkSet> {
        let url = match &self.place {
            KeysAt::Named(url) => url.clone(),
            KeysAt::Discovered { issuer, document, otherwise } => {
                match self.read::<Discovered>(document).await {
                    Ok(Some(discovered)) => self.remember(discovered.checked(issuer)?),
                    Ok(None) => otherwise.clone(),
                    // The keys may still be reachable.
                    Err(error) => {
                        tracing::warn!(%error, "failed to fetch the sign-in service's discovery document");
                        self.found().unwrap_or_else(|| otherwise.clone())
                    }
                }
            }
        };
        self.read(&url).await?.context("the JWKS URL returned 404 Not Found")
    }

    fn remember(&self, url: Url) -> Url {
        *self.found.write().unwrap_or_else(PoisonError::into_inner) = Some(url.clone());
        url
    }

    fn found(&self) -> Option<Url> {
        self.found.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads JSON from `url`; `None` if there is nothing.
    async fn read<T: DeserializeOwned>(&self, url: &Url) -> anyhow::Result<Option<T>> {
        let answer = self.client.get(url.clone()).send().await.map_err(reqwest::Error::without_url)?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = answer.error_for_status().map_err(reqwest::Error::without_url)?;
        Ok(Some(answer.json().await.map_err(reqwest::Error::without_url)?))
    }
}

/// The fields of a discovery document that we read.
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: Url,
}

impl Discovered {
    /// The address of the keys. Fails if the document is another issuer's, since that could be anybody's.
    fn checked(self, issuer: &str) -> anyhow::Result<Url> {
        anyhow::ensure!(
            self.issuer == issuer,
            "LEARNER_ISSUER is {issuer}, but its discovery document says {}: set it exactly as there",
            self.issuer
        );
        anyhow::ensure!(is_private(&self.jwks_uri), "the issuer's jwks_uri must begin with https://");
        Ok(self.jwks_uri)
    }
}

fn chosen<'a>(keys: &'a JwkSet, kid: Option<&str>, algorithm: Algorithm) -> Option<&'a Jwk> {
    let verifies = |key: &&Jwk| {
        let common = &key.common;
        let named = common.key_algorithm.is_none_or(|named| named.to_string() == format!("{algorithm:?}"));
        let signs = common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
        let may = common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        named && signs && may
    };
    let mut keys = keys.keys.iter().filter(verifies);
    match kid {
        Some(kid) => keys.find(|key| key.common.key_id.as_deref() == Some(kid)),
        None => keys.next().filter(|_| keys.next().is_none()),
    }
}
