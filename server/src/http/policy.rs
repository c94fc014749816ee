//! Headers of every answer, and the Content Security Policy of our own pages.
use super::Site;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use shared::policy::{LINK, STRIPE_SCRIPTS};
use url::Url;

pub(super) async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The address of a purchase's page contains its secret id.
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    response
}

/// The policy of our own pages: what the embed needs, and nothing more.
pub(super) fn page_policy(site: &Site) -> String {
    let embed: String =
        directives(site).iter().map(|(name, sources)| format!("{name} {sources}; ")).collect();
    // Browsers apply `form-action` to redirects of a form as well.
    let checkout = origin(&site.public_url);
    let pay_pages = site.stripe_pages.iter().map(|page| origin(page)).collect::<Vec<_>>().join(" ");
    format!(
        "default-src 'none'; {embed}base-uri 'none'; form-action {checkout} {pay_pages}; frame-ancestors 'none'"
    )
}

/// The sources that any page's policy must allow for the embed, by directive.
pub(super) fn directives(site: &Site) -> [(&'static str, String); 5] {
    let own_stripe = site.stripe_js.starts_with("https://js.stripe.com/");
    let scripts = if own_stripe { STRIPE_SCRIPTS.to_owned() } else { origin(&site.stripe_js) };
    let link = if own_stripe { [" ", LINK].concat() } else { String::new() };
    let (checkout, api) = (origin(&site.public_url), origin(&site.stripe_api));
    let humans = match site.challenge_origins.as_str() {
        "" => String::new(),
        origins => format!(" {origins}"),
    };
    [
        ("script-src", format!("{checkout} {scripts}{humans} 'wasm-unsafe-eval'")),
        ("style-src", checkout.clone()),
        ("connect-src", format!("{checkout} {api}{link}{humans}")),
        ("frame-src", format!("{scripts}{link}{humans}")),
        ("img-src", format!("{checkout} data:{link}")),
    ]
}

pub(crate) fn origin(address: &str) -> String {
    Url::parse(address).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}
