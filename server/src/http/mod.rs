//! The HTTP API: one route table, thin handlers, one mapping from errors to answers.

mod accounts;
mod admit;
mod assets;
mod diagnosis;
mod document;
mod embed;
mod extract;
mod funnel;
mod health;
mod listen;
mod logging;
mod metrics;
mod offering_cache;
mod offerings;
mod origin;
mod pages;
mod policy;
mod preview;
mod problem;
mod purchases;
mod query;
mod unread;
mod webhook;

pub use assets::Assets;
pub use listen::serve;
pub use metrics::metrics_router;
pub use offering_cache::OfferingCache;
pub(crate) use policy::origin;

use crate::abuse::{Networks, Proxies, Strangers};
use crate::admission::Admission;
use crate::checkout::Checkout;
use crate::config::ServiceTokens;
use crate::error::Error;
use crate::funnel::Views;
use crate::links::Links;
use crate::purchase::PaymentMethods;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{any, get};
use shared::{Problem, SeatsNews};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::cors::{Any, CorsLayer};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// State shared by all handlers. Every request clones it several times, so it is one pointer.
#[derive(Clone)]
pub struct Api(Arc<Parts>);

/// The fields behind [`Api`].
pub struct Parts {
    pub checkout: Checkout,
    pub admission: Admission,
    /// `None` if the widget is not built.
    pub assets: Option<Assets>,
    pub site: Site,
    /// First screens seen but not stored yet.
    pub views: Arc<Views>,
}

impl Api {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Addresses and settings for pages and for the first screen.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where browsers reach this server, without a trailing slash.
    pub public_url: String,
    pub publishable_key: String,
    pub stripe_js: String,
    /// Stripe's API as browsers reach it.
    pub stripe_api: String,
    /// Origins of Stripe's own pages.
    pub stripe_pages: Vec<String>,
    pub methods: PaymentMethods,
    pub allowed_origins: Vec<String>,
    /// Tokens by which other systems authenticate.
    pub service_tokens: ServiceTokens,
    pub proxies: Proxies,
    /// `None` if this server is for this machine alone.
    pub strangers: Option<Arc<Strangers>>,
    pub networks: Networks,
    /// Whether a mail server is configured.
    pub sends_mail: bool,
    /// Origins of the challenge; empty if there is none.
    pub challenge_origins: String,
}

impl Site {
    /// The addresses of our own pages.
    pub(crate) fn links(&self) -> Links<'_> {
        Links::new(&self.public_url)
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Redis University Checkout",
        version = "1",
        description = "Money is integer minor units plus lower-case ISO currency; times are RFC 3339 UTC. Errors are \
                       `application/problem+json` with a stable `code`: branch on it, never on text.",
        license(name = "Proprietary")
    ),
    components(schemas(Problem, SeatsNews))
)]
struct Description;

/// The router with every route.
pub fn router(api: Api) -> Router {
    // Public and never personal: any page may read it.
    let for_all = CorsLayer::new().allow_origin(Any).allow_methods([Method::GET]);

    // For responses that are made for each request; the rest is compressed beforehand.
    let compress = CompressionLayer::new().quality(CompressionLevel::Precise(5));

    let mut description = Description::openapi();
    let mut document = |routes: OpenApiRouter<Api>| {
        let (router, part) = routes.split_for_parts();
        description.merge(part);
        // Added before the layers, since a page can't read an answer without CORS headers.
        router.method_not_allowed_fallback(async || Error::MethodNotAllowed)
    };
    let v1 = OpenApiRouter::new()
        .routes(routes!(offerings::show_offering))
        .routes(routes!(offerings::stream_seats))
        .routes(routes!(purchases::open_purchase, accounts::changed_purchases))
        .routes(routes!(accounts::learners_purchases))
        .routes(routes!(purchases::show_purchase, purchases::change_purchase, purchases::give_up_purchase))
        .routes(routes!(purchases::my_purchase))
        .routes(routes!(purchases::pay_purchase))
        .routes(routes!(purchases::refresh_purchase))
        .routes(routes!(purchases::extend_purchase))
        .routes(routes!(funnel::count_views, funnel::show_funnel));
    let embed = OpenApiRouter::new()
        .routes(routes!(embed::loader))
        .routes(routes!(embed::card))
        .routes(routes!(embed::asset))
        .routes(routes!(diagnosis::program))
        .routes(routes!(diagnosis::diagnose));
    let pages = OpenApiRouter::new()
        .routes(routes!(pages::root))
        .routes(routes!(pages::buy, pages::buy_by_form))
        .routes(routes!(pages::purchase))
        .routes(routes!(pages::back_from_pay, pages::pay_on_page))
        .routes(routes!(pages::back_from_cancel, pages::cancel_purchase))
        .routes(routes!(pages::team, pages::hand_out))
        .routes(routes!(pages::download));
    let rest = OpenApiRouter::new()
        .routes(routes!(webhook::take_stripe_webhook))
        .routes(routes!(preview::page))
        .routes(routes!(preview::file))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz));
    let catch_panics = CatchPanicLayer::custom(problem::panicked as fn(_) -> _);
    let admit = axum::middleware::from_fn_with_state(api.clone(), admit::admit);
    let tell_persons = axum::middleware::from_fn_with_state(api.clone(), pages::tell_persons);
    let pages = document(pages)
        .route("/buy/{sku}/{*unknown}", any(async || Error::UnknownRoute))
        .route("/p/{id}/{*unknown}", any(async || Error::UnknownRoute))
        .route("/buy/{sku}/", any(without_slash))
        .route("/p/{id}/", any(without_slash))
        .route("/team/{key}/", any(without_slash))
        .layer(catch_panics)
        .layer(admit.clone())
        .layer(tell_persons);
    let (v1, embed, rest) = (document(v1), document(embed), document(rest));
    document::complete(&mut description);
    let description: Arc<str> = description.to_pretty_json().unwrap_or_default().into();
    let describe = async move || ([(header::CONTENT_TYPE, "application/json")], description.to_string());
    let routes = v1
        .route("/v1/{*unknown}", any(async || Error::UnknownRoute))
        .layer(catch_panics)
        .layer(admit.clone())
        .layer(cross_origin(&api.site))
        .merge(embed.layer(admit.clone()).layer(for_all).layer(compress))
        .merge(pages)
        .merge(rest.merge(pages::style_route()).route("/openapi.json", get(describe)).layer(admit));
    routes
        .fallback(async || Error::UnknownRoute)
        .layer(catch_panics)
        .layer(axum::middleware::from_fn(logging::log_requests))
        .layer(axum::middleware::from_fn(policy::add_headers))
        .with_state(api)
}

/// Redirects to the page that was meant, even if a proxy serves this server under a path of its own.
async fn without_slash(address: Uri) -> impl IntoResponse {
    let page = address.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let query = address.query().map(|query| ["?", query].concat()).unwrap_or_default();
    Redirect::permanent(&["../", page, &query].concat())
}

/// CORS: the pages that may read the API's answers.
fn cross_origin(site: &Site) -> CorsLayer {
    let origins = site.allowed_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            HeaderName::from_static("idempotency-key"),
            purchases::CHALLENGE_RESPONSE,
        ])
        .expose_headers([header::DATE, header::ETAG, header::RETRY_AFTER])
        .max_age(Duration::from_secs(7200))
}
