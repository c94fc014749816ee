//! Serves a router over HTTP/1.1, and closes the connection without an answer if a fault demands it.

use std::net::SocketAddr;

use anyhow::Context;
use axum::{Router, body::Body, response::Response};
use hyper::service::Service as _;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Binds `address`; an error names the flag that sets another one.
pub(crate) async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another address with {flag}"))
}

/// Serves `router` until `stop` is cancelled, then closes every connection at once.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve_connection(stream, router.clone()));
                }
                Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
            },
        }
    }
    connections.shutdown().await;
}

/// A response that [`serve`] never sends: it closes the connection instead.
pub(crate) fn hang_up() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(HungUp);
    response
}

/// Whether `response` came from [`hang_up`].
pub(crate) fn is_hung_up(response: &Response) -> bool {
    response.extensions().get::<HungUp>().is_some()
}

#[derive(Clone, Copy, Debug)]
struct HungUp;

impl std::fmt::Display for HungUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection was closed on purpose")
    }
}

impl std::error::Error for HungUp {}

async fn serve_connection(stream: tokio::net::TcpStream, router: Router) {
    let routes = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |request| {
        let answer = routes.call(request);
        async move {
            let response = match answer.await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            if is_hung_up(&response) { Err(HungUp) } else { Ok(response) }
        }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}
