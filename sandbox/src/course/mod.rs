//! A course page on its own origin, with the strict content security policy that the checkout promises to work under.

mod courses;

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    extract::{Path, Query, State},
    http::header,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use shared::policy::{LINK, STRIPE_API, STRIPE_SCRIPTS};
use tokio::sync::watch;

use self::courses::{Course, DEFAULT_SKU};
use crate::{html::escape, sign_in::SignIn};

/// Attributes that the page's query may set on the element.
const PASSED_ON: &[&str] = &["variant", "theme", "lang", "coupon"];

/// The page's knowledge of the other services.
#[derive(Clone, Debug)]
pub(crate) struct CoursePage {
    /// URL of the checkout; empty until it is known.
    pub(crate) checkout: watch::Receiver<String>,
    pub(crate) stripe: Arc<StripeOrigins>,
    /// Signs a token for the learner in `?signed-in=`.
    pub(crate) sign_in: SignIn,
}

/// Stripe's sources in the page's content security policy.
#[derive(Debug)]
pub(crate) struct StripeOrigins {
    /// Sources of Stripe.js and of its frames.
    pub(crate) js: String,
    /// Sources that Stripe.js connects to.
    pub(crate) api: String,
    /// Sources of Link after a space; empty for the stand-in.
    pub(crate) link: String,
}

impl StripeOrigins {
    /// The sources that Stripe documents for a content security policy.
    pub(crate) fn real() -> Self {
        Self { js: STRIPE_SCRIPTS.to_owned(), api: STRIPE_API.to_owned(), link: [" ", LINK].concat() }
    }
}

type Parameters = Query<HashMap<String, String>>;

pub(crate) fn routes(page: CoursePage) -> Router {
    Router::new()
        .route("/", get(course_of_query))
        .route("/courses/{sku}", get(course_of_path))
        .route("/two", get(two))
        .route("/course.css", get(css))
        .route("/trusted.js", get(trusted))
        .with_state(page)
}

async fn css() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../assets/course.css"))
}

/// A default Trusted Types policy that lets Stripe.js load its later scripts, and nothing else.
async fn trusted(State(page): State<CoursePage>) -> impl IntoResponse {
    let origins: Vec<_> = page.stripe.js.split(' ').collect();
    let script = format!(
        "self.trustedTypes?.createPolicy('default', {{ createScriptURL: (address) => \
         {origins:?}.includes(new URL(address, document.baseURI).origin) ? address : undefined }});\n"
    );
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], script)
}

/// Whether the page's query allows a Trusted Types policy of this name.
fn trusts(query: &HashMap<String, String>, name: &str) -> bool {
    query.get("trusted-types").is_some_and(|names| names.split(' ').any(|known| known == name))
}

async fn course_of_query(State(page): State<CoursePage>, Query(query): Parameters) -> Response {
    let sku = query.get("sku").cloned().unwrap_or_else(|| DEFAULT_SKU.to_owned());
    page.course(&sku, &query)
}

async fn course_of_path(
    State(page): State<CoursePage>,
    Path(sku): Path<String>,
    Query(query): Parameters,
) -> Response {
    page.course(&sku, &query)
}

async fn two(State(page): State<CoursePage>, Query(query): Parameters) -> Response {
    let cards: String = [("a", DEFAULT_SKU), ("b", "ru-vector-search-live")]
        .into_iter()
        .map(|(name, sku)| {
            let sku = query.get(name).map_or(sku, String::as_str);
            let course = Course::find(sku);
            format!("<section><h2>{}</h2>{}</section>", escape(&course.title), page.element(sku, &query))
        })
        .collect();
    page.html("Two at once", &query, &format!("<main class=\"two\">{cards}</main>"))
}

/// Query of the loader's URL that also requests an offering's first screen, if the page's query has `along`.
fn along(query: &HashMap<String, String>) -> String {
    let Some(sku) = query.get("along") else { return String::new() };
    let mut asked = url::form_urlencoded::Serializer::new(String::new());
    asked.append_pair("sku", sku);
    for name in ["lang", "variant"] {
        if let Some(value) = query.get(name) {
            asked.append_pair(name, value);
        }
    }
    escape(&format!("?{}", asked.finish()))
}

impl CoursePage {
    fn course(&self, sku: &str, query: &HashMap<String, String>) -> Response {
        let course = Course::find(sku);
        let body = course.html(&self.element(sku, query));
        self.html(&course.title, query, &body)
    }

    fn element(&self, sku: &str, query: &HashMap<String, String>) -> String {
        let attributes: String = PASSED_ON
            .iter()
            .filter_map(|name| {
                // The page itself follows the visitor's preference, so its element does too by default.
                let usual = (*name == "theme").then_some("auto");
                let value = query.get(*name).map(String::as_str).or(usual)?;
                Some(format!(" {name}=\"{}\"", escape(value)))
            })
            .collect();
        let signed_in = query.get("signed-in").map(|email| {
            format!(" learner-token=\"{}\"", self.sign_in.token(email, &format!("okta-{email}")))
        });
        let attributes = attributes + &signed_in.unwrap_or_default();
        let checkout = escape(&self.checkout.borrow());
        let path: String = url::form_urlencoded::byte_serialize(sku.as_bytes()).collect();
        format!(
            "<redis-checkout sku=\"{}\"{attributes}><a href=\"{checkout}/buy/{path}\">Enroll</a></redis-checkout>",
            escape(sku)
        )
    }

    fn html(&self, title: &str, query: &HashMap<String, String>, body: &str) -> Response {
        let checkout = self.checkout.borrow().clone();
        let lang = query.get("lang").map_or("en", String::as_str);
        let html = format!(
            include_str!("../../assets/course.html"),
            lang = escape(lang),
            dir = if ["ar", "he", "fa", "ur"].contains(&lang) { "rtl" } else { "ltr" },
            title = escape(title),
            checkout = escape(&checkout),
            along = along(query),
            trusted = if trusts(query, "default") { "<script src=\"/trusted.js\"></script>\n" } else { "" },
            body = body,
        );
        ([(header::CONTENT_SECURITY_POLICY, self.policy(&checkout, query))], Html(html)).into_response()
    }

    fn policy(&self, checkout: &str, query: &HashMap<String, String>) -> String {
        let origin = url::Url::parse(checkout)
            .map_or_else(|_| "'none'".to_owned(), |url| url.origin().ascii_serialization());
        let StripeOrigins { js, api, link } = self.stripe.as_ref();
        let refused = |what: &str| query.get(what).is_some_and(|wish| wish == "no");
        // A page that forbids WebAssembly simulates a browser that refuses it.
        let wasm = if refused("wasm") { "" } else { " 'wasm-unsafe-eval'" };
        let (scripts, js) =
            if refused("stripe") { (String::new(), "'none'") } else { (format!(" {js}"), js.as_str()) };
        // A page that requires Trusted Types names the policies that it allows.
        let trusted = match query.get("trusted-types") {
            Some(names) => format!("; require-trusted-types-for 'script'; trusted-types {names}"),
            None => String::new(),
        };
        let own = if trusts(query, "default") { " 'self'" } else { "" };
        format!(
            "default-src 'none'; script-src {origin}{own}{scripts}{wasm}; style-src {origin} 'self'; \
             connect-src {origin} {api}{link}; frame-src {js}{link}; img-src 'self' data:{link}; base-uri 'none'; form-action 'self'{trusted}"
        )
    }
}
