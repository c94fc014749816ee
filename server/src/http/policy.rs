//! Headers that every answer carries, and the page policy of our own pages.
use super::Site;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use url::Url;

/// Stripe's origins for scripts and frames (<https://docs.stripe.com/security/guide#content-security-policy>).
const STRIPE_ORIGINS: &str = "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com";

pub(super) async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A purchase's page has its id in its address.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    response
}

/// The policy that the embed works under, and nothing more.
pub(super) fn page_policy(site: &Site) -> String {
    let own_stripe = site.stripe_js.starts_with("https://js.stripe.com/");
    let scripts = if own_stripe { STRIPE_ORIGINS.to_owned() } else { origin(&site.stripe_js) };
    let checkout = origin(&site.public_url);
    let humans = &site.challenge_origins;
    format!(
        "default-src 'none'; script-src {checkout} {scripts} {humans} 'wasm-unsafe-eval'; style-src {checkout}; \
         connect-src {checkout} {} {humans}; frame-src {scripts} {humans}; img-src {checkout} data:; base-uri 'none'; \
         form-action {checkout}; frame-ancestors 'none'",
        origin(&site.stripe_api)
    )
}

pub(crate) fn origin(address: &str) -> String {
    Url::parse(address).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}
