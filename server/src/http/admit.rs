//! Admits a request: checks the rate limits, reads the body within its time and memory limits, and waits for a turn.
use super::Api;
use super::origin::{Asks, origin_of};
use crate::abuse::Excess;
use crate::admission::{Connection, Full, Lane};
use crate::error::Error;
use crate::fault_injection::{Guard, enabled};
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt;
use hyper::body::Body as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

/// The largest request body, in bytes; more than any of Stripe's events.
const BODY_LIMIT: usize = 512 * 1024;
/// Bodies up to this size take nothing of the budget.
const SMALL: usize = 16 * 1024;
/// How much beyond the limit is read and discarded, and for how long.
const NOISE_LIMIT: usize = 8 * 1024 * 1024;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest time that a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a body may take whatever its size, and the bytes that must arrive in each second after that.
const BODY_START: Duration = Duration::from_secs(10);
const LEAST_RATE: u32 = 512;
/// The longest time that a handler may take: long polls, and waits for Stripe and for the database, end before.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) async fn admit(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Result<Response, Error> {
    let peer = request.extensions().get::<ConnectInfo<std::net::SocketAddr>>();
    let origin = peer.and_then(|ConnectInfo(peer)| origin_of(*peer, request.headers(), &api));
    let lane = Lane::of(request.uri().path(), request.uri().query());
    // Stripe may send as many webhooks as it needs to.
    if !matches!(lane, Lane::Webhook | Lane::Health) {
        api.checkout.admit(origin)?;
    }
    request.extensions_mut().insert(Asks(origin));
    let request = with_whole_body(&api, lane, request).await?;
    let turn = api.admission.turn(lane, Asks(origin).as_one()).await.map_err(busy)?;
    let response = tokio::time::timeout(HANDLER_TIMEOUT, next.run(request)).await;
    drop(turn);
    response.map_err(|_| Error::TookTooLong)
}

/// The same request, with its whole body read.
async fn with_whole_body(api: &Api, lane: Lane, request: Request) -> Result<Request, Error> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let connection = request.extensions().get::<Arc<Connection>>().cloned();
    if let Some(connection) = &connection {
        connection.reads_body();
    }
    let (parts, body) = request.into_parts();
    let body = read(api, lane, &parts.headers, body.into_data_stream()).await?;
    if let Some(connection) = &connection {
        connection.answers();
    }
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Reads the whole body, or fails with the reason.
async fn read(
    api: &Api,
    lane: Lane,
    headers: &HeaderMap,
    mut chunks: BodyDataStream,
) -> Result<Bytes, Error> {
    let begun = Instant::now();
    let mut body = Held { bytes: Vec::with_capacity(expected(headers)), room: None };
    loop {
        let rate = Duration::from_secs(body.bytes.len() as u64) / LEAST_RATE;
        let due = begun + BODY_TIMEOUT.min(BODY_START + rate);
        let chunk = match timeout_at(due, chunks.next()).await {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(Some(Err(error))) if enabled(Guard::RequestIsWhole) => {
                return Err(Error::MalformedJson(format!("The body broke off: {error}.")));
            }
            Ok(None | Some(Err(_))) => return Ok(Bytes::from_owner(body)),
            Err(_) => return Err(Error::BodyTooSlow),
        };
        if body.bytes.len() + chunk.len() > BODY_LIMIT {
            let _late = tokio::time::timeout(DRAIN_TIMEOUT, drain(chunks)).await;
            return Err(Error::BodyTooLarge);
        }
        let before = body.bytes.len().max(SMALL);
        body.bytes.extend_from_slice(&chunk);
        // Small bodies always find room: large ones can't keep them out.
        if let Some(more @ 1..) = body.bytes.len().checked_sub(before) {
            let room = api.admission.room(lane, more).map_err(busy)?;
            match &mut body.room {
                Some(all) => all.merge(room),
                None => body.room = Some(room),
            }
        }
    }
}

/// The length that the client announces, up to a usual one.
fn expected(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or(0).min(4096)
}

/// A body, and its reservation of memory.
struct Held {
    bytes: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads what is still being sent: a client whose connection closes while it sends never reads our answer.
async fn drain(mut chunks: BodyDataStream) {
    let mut read = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
        read += chunk.len();
        if read > NOISE_LIMIT {
            return;
        }
    }
}

/// The error for a budget that is used up.
pub(super) fn busy(full: Full) -> Error {
    match full {
        Full::All => Error::Busy,
        Full::Client => {
            Error::TooMany { excess: Excess::AtOnce, wait: Duration::from_secs(5), challenge: None }
        }
    }
}
