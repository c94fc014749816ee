//! The bare route: the same bytes, and nothing done for them.
use axum::Router;
use axum::http::header;
use axum::routing::get;
use std::path::Path;

/// Serves until killed, and prints the address.
#[expect(clippy::print_stdout, reason = "whoever starts it reads the address")]
pub(crate) async fn serve(body: &Path) -> anyhow::Result<()> {
    let body: &'static [u8] = std::fs::read(body)?.leak();
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body) };
    let routes =
        Router::new().route("/v1/offerings/ru-live", get(answer)).route("/readyz", get(async || "ready"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, routes).await?;
    Ok(())
}
