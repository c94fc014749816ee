//! Marketing's preview: a browser app that shows variants and takes no money.
use super::Api;
use super::assets::{Assets, encoded};
use super::pages::is_person;
use crate::error::Error;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use shared::Problem;
use std::borrow::Cow;

/// Shows the preview.
#[utoipa::path(
    get,
    path = "/preview",
    responses(
        (status = 200, description = "The page", content_type = "text/html"),
        (
            status = 503,
            description = "`embed_unavailable`: the preview is not built; a browser gets a page that loads itself again",
            body = Problem, content_type = "application/problem+json"
        ),
    )
)]
pub(super) async fn page(headers: HeaderMap) -> Result<Response, Error> {
    answer(Assets::preview("index.html"), &headers)
}

fn answer(page: Option<Cow<'_, [u8]>>, headers: &HeaderMap) -> Result<Response, Error> {
    let Some(page) = page else {
        return if is_person(headers) { Ok(not_built()) } else { Err(Error::EmbedUnavailable) };
    };
    let html = String::from_utf8_lossy(&page).into_owned();
    let policy = format!(
        "default-src 'none'; script-src 'self' {} 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        inline_scripts(&html)
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    Ok((headers, html).into_response())
}

/// The demo serves the course page first and builds the preview afterwards, so the preview may appear any moment.
fn not_built() -> Response {
    const PAGE: &str = concat!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
        "<meta name=\"robots\" content=\"noindex\"><meta name=\"color-scheme\" content=\"light dark\">",
        "<meta http-equiv=\"refresh\" content=\"3\"><title>Preview – Redis University</title>",
        "<link rel=\"stylesheet\" href=\"/page.css\"></head><body><main><article class=\"card\">",
        "<h1>The preview isn’t built yet</h1>",
        "<p>The demo builds it after the course page, which takes about a minute. This page shows it once it’s ready.</p>",
        "<p>On any other server, run <code>cargo xtask build-widget</code> and build the server again.</p>",
        "</article></main></body></html>",
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
        (header::RETRY_AFTER, "3"),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, PAGE).into_response()
}

/// Serves a file that the preview loads.
#[utoipa::path(
    get,
    path = "/preview/{name}",
    params(("name" = String, Path, description = "The file's name")),
    responses(
        (status = 200, description = "The file"),
        (status = 404, description = "`unknown_route`"),
    )
)]
pub(super) async fn file(
    State(api): State<Api>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let Path(name) = name.map_err(|_| Error::UnknownRoute)?;
    let kind = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("css") => "text/css; charset=utf-8",
        _ => return Err(Error::UnknownRoute),
    };
    let assets = api.assets.as_ref().ok_or(Error::UnknownRoute)?;
    let (encoding, bytes) = assets.get(&format!("preview/{name}"), &headers).ok_or(Error::UnknownRoute)?;
    let for_good = "public, max-age=31536000, immutable";
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, for_good)];
    Ok(encoded((headers, bytes.into_owned()).into_response(), encoding))
}

/// Hashes of the inline scripts that start the app, in the syntax of a Content Security Policy.
fn inline_scripts(html: &str) -> String {
    let scripts = html.split("<script").skip(1).filter_map(|part| {
        let (_, rest) = part.split_once('>')?;
        Some(rest.split_once("</script>")?.0)
    });
    let hashes = scripts.map(|script| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script))));
    hashes.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(response: Response) -> String {
        let body = axum::body::to_bytes(response.into_body(), 100_000).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn until_it_is_built_people_get_a_page_that_loads_itself_again_and_programs_a_problem() {
        let person = HeaderMap::from_iter([(header::ACCEPT, "text/html,*/*;q=0.8".parse().unwrap())]);
        let page = answer(None, &person).unwrap();
        assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(page.headers()[header::RETRY_AFTER], "3");
        assert!(text(page).await.contains("<meta http-equiv=\"refresh\" content=\"3\">"));
        assert!(matches!(answer(None, &HeaderMap::new()), Err(Error::EmbedUnavailable)));
        let built = answer(Some(b"<p>The variants</p>".into()), &person).unwrap();
        assert_eq!(built.status(), StatusCode::OK);
        assert_eq!(text(built).await, "<p>The variants</p>");
    }
}
