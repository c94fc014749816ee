//! `GET /v1/offerings/{sku}`, and its seats as they change.
use super::Api;
use super::admit::busy;
use super::extract::Sku;
use super::origin::Asks;
use crate::admission::{Connection, Share};
use crate::error::Error;
use crate::store::StoreError;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use sha2::{Digest, Sha256};
use shared::{Offering, SeatsNews, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One event of the stream.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the document's alone")]
struct SeatsEvent {
    /// `seats`; absent in a line that only keeps the connection alive.
    event: Option<String>,
    /// `SeatsNews` as JSON.
    data: Option<String>,
}

/// How shared caches may keep the offering and the first screen.
pub(super) const BRIEFLY: &str = "public, max-age=2, stale-while-revalidate=30";
/// Keep-alive interval, below the idle timeouts of common proxies.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The longest time that a stream may last.
const OLDEST: Duration = Duration::from_secs(900);

/// Shows an offering: its price, the seats left, and whether it is for sale.
#[utoipa::path(
    get,
    path = "/v1/offerings/{sku}",
    params(("sku" = String, Path, description = "The offering's code")),
    responses(
        (status = 200, body = Offering, description = "The offering", headers(("ETag" = String), ("Cache-Control" = String))),
        (status = 304, description = "Not changed since the ETag in If-None-Match"),
        (status = 404, description = "`unknown_sku`"),
    )
)]
pub(super) async fn show_offering(
    State(api): State<Api>,
    Sku(sku): Sku,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let offering = api.checkout.offering(&sku).await?;
    // The tag leaves out `now`: an offering that hasn't changed is the same a moment later.
    let same = serde_json::to_vec(&offering).map_err(StoreError::from)?;
    let told = Offering { now: Some(seconds(api.checkout.now())), ..offering };
    let body = serde_json::to_vec(&told).map_err(StoreError::from)?;
    Ok(weak(tagged(&headers, "application/json", tag_of(&same), body)))
}

fn seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis() / 1000 * 1000)
}

/// Streams seats and sale state as server-sent events named `seats`: at once, and at every change.
#[utoipa::path(
    get,
    path = "/v1/offerings/{sku}/seats",
    params(("sku" = String, Path, description = "The offering's code")),
    responses(
        (status = 200, body = SeatsEvent, description = "Events until the stream is 15 minutes old; connect again then", content_type = "text/event-stream"),
        (status = 404, description = "`unknown_sku`"),
        (status = 429, description = "`rate_limited`: this client has too many streams"),
        (status = 503, description = "`unavailable`: there are too many streams"),
    )
)]
pub(super) async fn stream_seats(
    State(api): State<Api>,
    method: Method,
    asks: Asks,
    connection: Option<Extension<Arc<Connection>>>,
    Sku(sku): Sku,
) -> Result<Response, Error> {
    let seats = api.checkout.watch_seats(&sku).await?;
    let share = api.admission.streams.take(asks.as_one()).map_err(busy)?;
    // A HEAD request has no stream.
    if let Some(Extension(connection)) = connection
        && method == Method::GET
    {
        connection.streams(OLDEST + HEARTBEAT);
    }
    let stream =
        Stream { seats, stop: api.checkout.stop.clone(), end: Instant::now() + OLDEST, _share: share };
    let events = stream::unfold((stream, true), async |(mut stream, first)| {
        if !first {
            tokio::select! {
                changed = stream.seats.changed() => changed.ok()?,
                () = stream.stop.cancelled() => return None,
                // The browser reconnects by itself.
                () = tokio::time::sleep_until(stream.end) => return None,
            }
        }
        let news = *stream.seats.borrow_and_update();
        let event = Event::default().event("seats").json_data(news);
        Some((event, (stream, false)))
    });
    // A proxy that buffers would hold every change back.
    let headers = [("cache-control", "no-store"), ("x-accel-buffering", "no")];
    Ok((headers, Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT))).into_response())
}

/// One client's stream of seats.
struct Stream {
    seats: watch::Receiver<SeatsNews>,
    stop: CancellationToken,
    end: Instant,
    _share: Share,
}

/// An answer with a strong `ETag`; 304 if the client already has it.
pub(super) fn cached(request: &HeaderMap, content_type: &'static str, body: Vec<u8>) -> Response {
    tagged(request, content_type, tag_of(&body), body)
}

fn tag_of(bytes: &[u8]) -> HeaderValue {
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..12]));
    // Hexadecimal digits in quotes are a valid header value.
    HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The same with another tag than the body's own.
fn tagged(request: &HeaderMap, content_type: &'static str, tag: HeaderValue, body: Vec<u8>) -> Response {
    let is_current = names(request.get(header::IF_NONE_MATCH), &tag);
    let headers = [(header::ETAG, tag), (header::CACHE_CONTROL, HeaderValue::from_static(BRIEFLY))];
    if is_current {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// Makes the tag weak, for answers that are compressed on the way out: the text is the same, but not the bytes.
pub(super) fn weak(mut response: Response) -> Response {
    if let Some(tag) = response.headers().get(header::ETAG)
        && let Ok(tag) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Whether these tags, as sent by a client, include this one.
pub(super) fn names(tags: Option<&HeaderValue>, tag: &HeaderValue) -> bool {
    let tags = tags.and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    let strong = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_owned();
    let is_it = |candidate: &str| strong(candidate.trim().as_bytes()) == strong(tag.as_bytes());
    tags == "*" || tags.split(',').any(is_it)
}
