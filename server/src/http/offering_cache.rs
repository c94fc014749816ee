//! Caches the routes' whole answers for offerings, since these are what a crowd asks for. All readers get the same
//! bytes until a seat moves, the catalogue or a pause changes, or a quarter of a second has passed.
//!
//! It buys 97 % of what a bare axum route answers per second, instead of 41 % (`docs/performance.md`). To remove it, let
//! `answer` always call `route`.
use super::origin::origin_of;
use super::unread::Unread;
use super::{Api, Site, offerings};
use crate::abuse::network;
use crate::admission::{Connection, Connections};
use crate::checkout::OfferingsVersion;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use tower::ServiceExt;

/// The routes, and their cached answers.
#[derive(Clone)]
pub struct OfferingCache(Arc<Parts>);

struct Parts {
    api: Api,
    routes: Router,
    /// The pages that may read answers, by their `Origin`.
    origins: Vec<HeaderValue>,
    /// Cached answers by SKU.
    kept: RwLock<HashMap<String, Kept>>,
}

/// Answers of one version.
struct Kept {
    version: OfferingsVersion,
    answers: Vec<Answer>,
}

#[derive(Clone)]
struct Answer {
    /// Origin of the page that asked.
    origin: Option<HeaderValue>,
    headers: HeaderMap,
    body: Bytes,
}

impl OfferingCache {
    #[must_use]
    pub fn new(api: Api) -> Self {
        let origins = api.site.allowed_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
        let (origins, routes) = (origins.collect(), super::router(api.clone()));
        Self(Arc::new(Parts { api, routes, origins, kept: RwLock::default() }))
    }

    /// All connections of the process.
    #[must_use]
    pub fn connections(&self) -> &Connections {
        &self.0.api.admission.connections
    }

    /// Admits one more connection, unless there is no room for it.
    #[must_use]
    pub fn take_connection(&self, peer: IpAddr) -> Option<Connection> {
        let Site { proxies, networks, .. } = &self.0.api.site;
        let shares = proxies.speaks_for_many(peer) || networks.limited(peer.to_canonical()).is_none();
        self.connections().take(network(peer.to_canonical()), shares)
    }

    /// Answers a request that came from `peer` through `connection`.
    pub async fn answer(
        &self,
        peer: SocketAddr,
        connection: &Arc<Connection>,
        mut request: Request<Incoming>,
    ) -> Response {
        let Some(sku) = Self::offering_asked_for(&request) else {
            request.extensions_mut().insert(connection.clone());
            return self.route(peer, request).await;
        };
        let version = self.0.api.checkout.offerings_version();
        match self.find(sku, self.origin_of(&request), version) {
            // The routes refuse a client that asks too often.
            Some(answer)
                if self.0.api.checkout.admit(origin_of(peer, request.headers(), &self.0.api)).is_ok() =>
            {
                answer.to(request.headers().get(header::IF_NONE_MATCH))
            }
            _ => self.route_and_keep(peer, request, version).await,
        }
    }

    /// The SKU as written in the path, if the request is for an offering.
    fn offering_asked_for(request: &Request<Incoming>) -> Option<&str> {
        let sku = request.uri().path().strip_prefix("/v1/offerings/")?;
        (request.method() == Method::GET && !sku.contains(['/', '%'])).then_some(sku)
    }

    /// The origin of the page that asks; a page that may not read the answer is treated as no page.
    fn origin_of<'r>(&self, request: &'r Request<Incoming>) -> Option<&'r HeaderValue> {
        request.headers().get(header::ORIGIN).filter(|origin| self.0.origins.contains(origin))
    }

    async fn route(&self, peer: SocketAddr, request: Request<Incoming>) -> Response {
        let (parts, body) = request.into_parts();
        let (body, unread) = Unread::watch(body);
        let mut request = Request::from_parts(parts, Body::new(body));
        request.extensions_mut().insert(ConnectInfo(peer));
        match self.0.routes.clone().oneshot(request).await {
            Ok(response) => unread.close(response),
            Err(never) => match never {},
        }
    }

    async fn route_and_keep(
        &self,
        peer: SocketAddr,
        mut request: Request<Incoming>,
        version: OfferingsVersion,
    ) -> Response {
        let sku = Self::offering_asked_for(&request).unwrap_or_default().to_owned();
        let origin = self.origin_of(&request).cloned();
        // The whole answer is needed, whatever this client already has.
        let has = request.headers_mut().remove(header::IF_NONE_MATCH);
        let response = self.route(peer, request).await;
        if response.status() != StatusCode::OK {
            return response;
        }
        let (parts, body) = response.into_parts();
        let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let answer = Answer { origin, headers: parts.headers, body };
        self.keep(sku, version, answer.clone());
        answer.to(has.as_ref())
    }

    fn find(&self, sku: &str, origin: Option<&HeaderValue>, now: OfferingsVersion) -> Option<Answer> {
        let all = self.0.kept.read().unwrap_or_else(PoisonError::into_inner);
        let kept = all.get(sku).filter(|kept| kept.version == now)?;
        kept.answers.iter().find(|answer| answer.origin.as_ref() == origin).cloned()
    }

    /// The cache is bounded: it has only SKUs that were answered with 200, and for each one answer per allowed origin.
    fn keep(&self, sku: String, version: OfferingsVersion, answer: Answer) {
        let mut all = self.0.kept.write().unwrap_or_else(PoisonError::into_inner);
        let kept = all.entry(sku).or_insert_with(|| Kept { version, answers: Vec::new() });
        if kept.version != version {
            *kept = Kept { version, answers: Vec::new() };
        }
        if kept.answers.iter().all(|other| other.origin != answer.origin) {
            kept.answers.push(answer);
        }
    }
}

impl Answer {
    /// The response to a client that already has what these tags name.
    fn to(self, has: Option<&HeaderValue>) -> Response {
        let Self { mut headers, body, .. } = self;
        let is_current = headers.get(header::ETAG).is_some_and(|tag| offerings::names(has, tag));
        let (status, body) = if is_current {
            headers.remove(header::CONTENT_TYPE);
            headers.remove(header::CONTENT_LENGTH);
            (StatusCode::NOT_MODIFIED, Body::empty())
        } else {
            (StatusCode::OK, Body::from(body))
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}
