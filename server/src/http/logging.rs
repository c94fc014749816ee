//! One log line per request: route, status and time. Paths are never logged, since the id of a purchase gives access to
//! it.
use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use std::time::Instant;

pub(super) async fn log_requests(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let start = Instant::now();
    let response = next.run(request).await;
    macro_rules! log {
        ($level:ident) => {
            tracing::$level!(
                http.method = %method,
                http.route = route.as_ref().map_or("unmatched", MatchedPath::as_str),
                http.status = response.status().as_u16(),
                http.millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
                "request",
            )
        };
    }
    // Reads come by the thousand, and a successful one isn't worth an info line.
    if method == Method::GET && !response.status().is_client_error() && !response.status().is_server_error() {
        log!(debug);
    } else {
        log!(info);
    }
    response
}
