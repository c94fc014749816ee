//! The bare route: serves the same bytes, and does nothing else.
use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::get;
use std::path::Path;

/// Serves the file's contents, head and body, until killed. Prints its address.
#[expect(clippy::print_stdout, reason = "whoever starts it reads the address")]
pub(crate) async fn serve(answer: &Path) -> anyhow::Result<()> {
    let answer: &'static str = std::fs::read_to_string(answer)?.leak();
    let (head, body) = answer.split_once("\r\n\r\n").context("a head and a body")?;
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").context("a header")?;
        // Every server adds these itself.
        if !["content-length", "date"].contains(&name) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    let answer = async move || {
        let mut response = Response::new(Body::from(body));
        response.headers_mut().clone_from(&headers);
        response
    };
    let routes =
        Router::new().route("/v1/offerings/ru-live", get(answer)).route("/readyz", get(async || "ready"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, routes).await?;
    Ok(())
}
