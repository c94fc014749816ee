//! Whom a request counts against.
use super::Api;
use crate::abuse::{Client, Origin, network};
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

/// The origin against which a request counts; `None` if it has no limits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asks(pub(super) Option<Origin>);

impl Asks {
    /// The client that budgets count the request for.
    pub(super) fn as_one(self) -> Option<IpAddr> {
        self.0.map(|origin| network(origin.address))
    }
}

impl FromRequestParts<Api> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        let Asks(origin) = Asks::from_request_parts(parts, api).await?;
        Ok(api.checkout.abuse.pseudonyms.client(origin))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asks {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // A request made within this process has no origin.
        Ok(parts.extensions.get().copied().unwrap_or(Self(None)))
    }
}

/// The origin against which a request counts that `peer` has sent or forwarded; `None` if it has no limits.
pub(super) fn origin_of(peer: SocketAddr, headers: &HeaderMap, api: &Api) -> Option<Origin> {
    let address = api.site.proxies.origin(peer.ip(), headers);
    if api.site.strangers.as_ref().is_some_and(|strangers| strangers.are_missing(address)) {
        tracing::warn!(
            alert = true,
            "all requests so far come from this machine, so all visitors share one client's limits: set \
             TRUSTED_PROXIES to the address of your reverse proxy"
        );
    }
    api.site.networks.limited(address)
}
