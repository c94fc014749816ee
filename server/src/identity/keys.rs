//! The public keys of a sign-in service: kept for a while, and asked for again where a token names one that is new.
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

/// Keys are asked for again after so long, so that one that was withdrawn counts no longer.
const FRESH: Duration = Duration::from_secs(3600);
/// Where the service is away, those that were known count for so long.
const STALE: Duration = Duration::from_secs(86_400);
/// For one answer: a learner waits for it.
const PATIENCE: Duration = Duration::from_secs(3);
/// After a try that came to nothing.
const REST: Duration = Duration::from_secs(1);
/// Whoever makes key names up must not have us ask the service for each.
const ASKS_A_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("more than none");

pub(super) struct Keys {
    place: KeysAt,
    /// Where the issuer said last that they are.
    found: RwLock<Option<Url>>,
    client: reqwest::Client,
    known: RwLock<Option<Arc<Known>>>,
    /// When a try last came to nothing.
    failed: RwLock<Option<Instant>>,
    /// Those who need newer keys wait for one answer; whoever finds theirs waits for nobody.
    turn: Mutex<()>,
    asks: DefaultDirectRateLimiter,
}

struct Known {
    keys: JwkSet,
    since: Instant,
}

impl Keys {
    pub(super) fn new(place: KeysAt) -> anyhow::Result<Self> {
        let client = outbound::client(PATIENCE)?;
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

    /// The key called `kid`, or the only one that `algorithm` takes where a token names none.
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
            // Somebody asks already.
            Err(_) => match self.known(kid, algorithm, STALE)? {
                Some(key) => return Ok(key),
                None => self.turn.lock().await,
            },
        };
        // Whoever had the turn before may have brought it.
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

    /// What we have of it without asking, as long as it is not older than `age`.
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
        // Those who waited for a try that failed don't wait for as many more.
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
                tracing::warn!(alert, %error, "the keys of the sign-in service can't be read");
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
                    // The keys may be there all the same.
                    Err(error) => {
                        tracing::warn!(%error, "the sign-in service does not say where its keys are");
                        self.found().unwrap_or_else(|| otherwise.clone())
                    }
                }
            }
        };
        self.read(&url).await?.context("there are none at the address that is named for them")
    }

    fn remember(&self, url: Url) -> Url {
        *self.found.write().unwrap_or_else(PoisonError::into_inner) = Some(url.clone());
        url
    }

    fn found(&self) -> Option<Url> {
        self.found.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is at `url`; nothing where it is not there.
    async fn read<T: DeserializeOwned>(&self, url: &Url) -> anyhow::Result<Option<T>> {
        let answer = self.client.get(url.clone()).send().await.map_err(reqwest::Error::without_url)?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = answer.error_for_status().map_err(reqwest::Error::without_url)?;
        Ok(Some(answer.json().await.map_err(reqwest::Error::without_url)?))
    }
}

/// What we read of it.
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: Url,
}

impl Discovered {
    /// Where the keys are. Of another issuer, anybody's document would do.
    fn checked(self, issuer: &str) -> anyhow::Result<Url> {
        anyhow::ensure!(
            self.issuer == issuer,
            "LEARNER_ISSUER is {issuer}, and calls itself {}: set it as it is written there",
            self.issuer
        );
        anyhow::ensure!(is_private(&self.jwks_uri), "the address of its keys must begin with https://");
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
