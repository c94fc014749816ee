//! The offering is what a crowd asks for, so what the routes have answered is kept ahead of them, whole: until a seat
//! moves, the catalogue or a pause changes, or a quarter of a second has passed, all readers get the same bytes.
use super::extract::origin_of;
use super::{Api, Site, offerings};
use crate::abuse::network;
use crate::admission::{Connection, Connections};
use crate::checkout::Moment;
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

/// The routes, and what they have answered.
#[derive(Clone)]
pub struct Front(Arc<Parts>);

struct Parts {
    api: Api,
    routes: Router,
    /// The pages that may read answers, by their `Origin`.
    origins: Vec<HeaderValue>,
    /// By SKU.
    kept: RwLock<HashMap<String, Kept>>,
}

/// Answers of one moment.
struct Kept {
    moment: Moment,
    answers: Vec<Answer>,
}

#[derive(Clone)]
struct Answer {
    /// Of the page that asked.
    origin: Option<HeaderValue>,
    headers: HeaderMap,
    body: Bytes,
}

impl Front {
    #[must_use]
    pub fn new(api: Api) -> Self {
        let origins = api.site.allowed_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
        let (origins, routes) = (origins.collect(), super::router(api.clone()));
        Self(Arc::new(Parts { api, routes, origins, kept: RwLock::default() }))
    }

    /// The connections that there are.
    #[must_use]
    pub fn connections(&self) -> &Connections {
        &self.0.api.admission.connections
    }

    /// One more connection, unless there is no room for it.
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
        let moment = self.0.api.checkout.moment();
        match self.find(sku, self.origin_of(&request), moment) {
            // Who asks too often is refused by the routes.
            Some(answer)
                if self.0.api.checkout.admit(origin_of(peer, request.headers(), &self.0.api)).is_ok() =>
            {
                answer.to(request.headers().get(header::IF_NONE_MATCH))
            }
            _ => self.route_and_keep(peer, request, moment).await,
        }
    }

    /// The SKU, as it stands in the path.
    fn offering_asked_for(request: &Request<Incoming>) -> Option<&str> {
        let sku = request.uri().path().strip_prefix("/v1/offerings/")?;
        (request.method() == Method::GET && !sku.contains(['/', '%'])).then_some(sku)
    }

    /// The page that asks; one that may not read the answer is answered as if there were none.
    fn origin_of<'r>(&self, request: &'r Request<Incoming>) -> Option<&'r HeaderValue> {
        request.headers().get(header::ORIGIN).filter(|origin| self.0.origins.contains(origin))
    }

    async fn route(&self, peer: SocketAddr, request: Request<Incoming>) -> Response {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        match self.0.routes.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    async fn route_and_keep(
        &self,
        peer: SocketAddr,
        mut request: Request<Incoming>,
        moment: Moment,
    ) -> Response {
        let sku = Self::offering_asked_for(&request).unwrap_or_default().to_owned();
        let origin = self.origin_of(&request).cloned();
        // All of it is wanted, whatever this client has.
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
        self.keep(sku, moment, answer.clone());
        answer.to(has.as_ref())
    }

    fn find(&self, sku: &str, origin: Option<&HeaderValue>, now: Moment) -> Option<Answer> {
        let all = self.0.kept.read().unwrap_or_else(PoisonError::into_inner);
        let kept = all.get(sku).filter(|kept| kept.moment == now)?;
        kept.answers.iter().find(|answer| answer.origin.as_ref() == origin).cloned()
    }

    /// There are as many SKUs as were answered with 200, and as many answers of each as pages may ask.
    fn keep(&self, sku: String, moment: Moment, answer: Answer) {
        let mut all = self.0.kept.write().unwrap_or_else(PoisonError::into_inner);
        let kept = all.entry(sku).or_insert_with(|| Kept { moment, answers: Vec::new() });
        if kept.moment != moment {
            *kept = Kept { moment, answers: Vec::new() };
        }
        if kept.answers.iter().all(|other| other.origin != answer.origin) {
            kept.answers.push(answer);
        }
    }
}

impl Answer {
    /// To a client that has what these tags name.
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
