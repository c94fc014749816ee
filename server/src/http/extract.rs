//! Extractors for handlers, which reject with our own errors.
use super::Api;
use crate::account::{Scope, token_hash};
use crate::checkout::IdempotencyKey;
use crate::error::Error;
use crate::purchase::PurchaseId;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

/// A JSON body, and the `Idempotency-Key` that came with it.
pub(super) struct Body<T>(pub(super) T, pub(super) Option<IdempotencyKey>);

/// The id of a purchase in the path. A malformed id is reported as an unknown one.
pub(super) struct Id(pub(super) PurchaseId);

/// The SKU in the path.
pub(super) struct Sku(pub(super) String);

/// One of our other systems, authenticated by a token that operators have created, or by one of `SERVICE_TOKENS`.
pub(super) struct ServiceToken(Scopes);

enum Scopes {
    /// Of tokens in the settings.
    All,
    These(Vec<String>),
}

impl ServiceToken {
    /// Fails if the token lacks `scope`.
    pub(super) fn may(&self, scope: Scope) -> Result<(), Error> {
        match &self.0 {
            Scopes::These(scopes) if !scopes.iter().any(|known| known == scope.name()) => {
                Err(Error::Forbidden(scope.name()))
            }
            Scopes::All | Scopes::These(_) => Ok(()),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let headers = request.headers().clone();
        let bytes = read(request).await?;
        if !is_json(&headers) {
            return Err(Error::UnsupportedMediaType);
        }
        let key = idempotency_key(&headers, &bytes)?;
        Ok(Self(parse(&bytes)?, key))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| Error::UnknownPurchase)?;
        PurchaseId::parse(&text).map(Self).ok_or(Error::UnknownPurchase)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Sku {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(sku)) => Ok(Self(sku)),
            Err(_) => {
                Err(Error::UnknownSku(parts.uri.path().rsplit('/').next().unwrap_or_default().to_owned()))
            }
        }
    }
}

impl FromRequestParts<Api> for ServiceToken {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Error> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bearer "));
        let token = token.ok_or(Error::Unauthorized)?;
        if api.site.service_tokens.admit(token) {
            return Ok(Self(Scopes::All));
        }
        let scopes = api.checkout.store.scopes_of(&token_hash(token)).await?;
        scopes.map(|scopes| Self(Scopes::These(scopes))).ok_or(Error::Unauthorized)
    }
}

/// The body, which was read in full before the handler was called.
pub(super) async fn read(request: Request) -> Result<Bytes, Error> {
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await;
    body.map_err(|error| Error::MalformedJson(format!("The body broke off: {error}.")))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// A JSON object. Malformed JSON is 400; JSON that doesn't fit names its field with 422.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    // Serde would also accept a list, by the order of the fields, but that is not part of the API.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Error::Invalid { field: "body".to_owned(), detail: "must be a JSON object".to_owned() });
    }
    deserialize(bytes)
}

/// A JSON list, with the same errors.
pub(super) fn parse_list<T: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>, Error> {
    deserialize(bytes)
}

fn deserialize<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() {
            let detail = inner.to_string();
            // Unknown and missing fields are named by the message, not by the path.
            let named = detail.split('`').nth(1).unwrap_or("body").to_owned();
            Error::Invalid { field: if path == "." { named } else { path }, detail }
        } else {
            Error::MalformedJson(format!("The body is not JSON: {inner}."))
        }
    })?;
    deserializer.end().map_err(|error| Error::MalformedJson(format!("The body is not JSON: {error}.")))?;
    Ok(parsed)
}

fn idempotency_key(headers: &HeaderMap, body: &[u8]) -> Result<Option<IdempotencyKey>, Error> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    match key.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(IdempotencyKey::new(key, body))),
        _ => Err(Error::Invalid {
            field: "Idempotency-Key".to_owned(),
            detail: "must be 1 to 255 characters of ASCII, best a random UUID".to_owned(),
        }),
    }
}
