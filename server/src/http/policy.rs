//! Headers that every answer carries, and the page policy of our own pages.
use super::Site;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use url::Url;

/// Stripe's origins for scripts and frames (<https://docs.stripe.com/security/guide#content-security-policy>).
const STRIPE_ORIGINS: &str = "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com";

const STRIPE_API: &str = "https://api.stripe.com";
/// Where Stripe's own pages are.
const STRIPE_PAGE: &str = "https://checkout.stripe.com";

pub(super) async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A purchase's page has its id in its address.
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

/// The policy that the embed works under, and nothing more, on a page of ours.
pub(super) fn page_policy(site: &Site) -> String {
    let embed: String =
        directives(site).iter().map(|(name, sources)| format!("{name} {sources}; ")).collect();
    let checkout = origin(&site.public_url);
    let api = origin(&site.stripe_api);
    // Browsers hold a form to this even where its answer sends it elsewhere.
    let pay_page = if api == STRIPE_API { STRIPE_PAGE } else { &api };
    format!(
        "default-src 'none'; {embed}img-src {checkout} data:; base-uri 'none'; form-action {checkout} {pay_page}; \
         frame-ancestors 'none'"
    )
}

/// What any page's policy must allow for the embed, by directive.
pub(super) fn directives(site: &Site) -> [(&'static str, String); 4] {
    let own_stripe = site.stripe_js.starts_with("https://js.stripe.com/");
    let scripts = if own_stripe { STRIPE_ORIGINS.to_owned() } else { origin(&site.stripe_js) };
    let (checkout, api) = (origin(&site.public_url), origin(&site.stripe_api));
    let humans = match site.challenge_origins.as_str() {
        "" => String::new(),
        origins => format!(" {origins}"),
    };
    [
        ("script-src", format!("{checkout} {scripts}{humans} 'wasm-unsafe-eval'")),
        ("style-src", checkout.clone()),
        ("connect-src", format!("{checkout} {api}{humans}")),
        ("frame-src", format!("{scripts}{humans}")),
    ]
}

pub(crate) fn origin(address: &str) -> String {
    Url::parse(address).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}
