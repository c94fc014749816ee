//! Our own pages: the hosted checkout, and the status of one purchase.
use super::Api;
use super::extract::{Id, Sku};
use super::policy::page_policy;
use crate::abuse::Client;
use crate::error::Error;
use crate::purchase::Purchase;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use shared::{Problem, State as PurchaseState, Step, StepState, TimelineEntry};

const STYLE: &str = include_str!("../../../style/page.css");

/// The hosted page: the same widget, full-page.
#[utoipa::path(
    get,
    path = "/buy/{sku}",
    params(("sku" = String, Path, description = "The offering's code")),
    responses(
        (status = 200, description = "The page", content_type = "text/html"),
        (status = 404, body = Problem, description = "`unknown_sku`", content_type = "application/problem+json"),
    )
)]
pub(super) async fn buy(State(api): State<Api>, Sku(sku): Sku) -> Result<Response, Error> {
    let offering = api.checkout.offering(&sku).await?;
    let body = format!(
        "<script async src=\"{base}/embed/v1.js\"></script><h1>Redis University</h1>\
         <redis-checkout sku=\"{sku}\"><p>{title}: {price}</p>\
         <p>This page needs JavaScript and WebAssembly to take your payment. Please try another browser.</p></redis-checkout>",
        base = escape(&api.site.public_url),
        sku = escape(&sku),
        title = escape(&offering.title),
        price = offering.price,
    );
    Ok(page(&api, &escape(&offering.title), "", &body))
}

/// Where one purchase stands, for whoever has its address. Asks Stripe, and grants nothing by itself.
#[utoipa::path(
    get,
    path = "/p/{id}",
    params(("id" = String, Path, description = "The purchase")),
    responses(
        (status = 200, description = "The page", content_type = "text/html"),
        (status = 404, body = Problem, description = "`unknown_purchase`", content_type = "application/problem+json"),
    )
)]
pub(super) async fn purchase(State(api): State<Api>, Id(id): Id, client: Client) -> Result<Response, Error> {
    let purchase = match api.checkout.refresh(&id, &client).await {
        // The page still tells what we know.
        Err(Error::Payments(_) | Error::TooMany { .. }) => {
            api.checkout.status(&id, None, std::time::Duration::ZERO).await?
        }
        outcome => outcome?,
    };
    let waits = matches!(
        purchase.state(),
        PurchaseState::Paying | PurchaseState::Processing | PurchaseState::Paid | PurchaseState::Refunding
    );
    let head = if waits { "<meta http-equiv=\"refresh\" content=\"3\">" } else { "" };
    Ok(page(&api, "Your purchase", head, &status_body(&purchase, &api.site.public_url)))
}

/// The stylesheet of both.
pub(super) fn style_route() -> axum::Router<Api> {
    axum::Router::new().route(
        "/page.css",
        get(async || {
            (
                [
                    (header::CONTENT_TYPE, "text/css; charset=utf-8"),
                    (header::CACHE_CONTROL, "public, max-age=3600"),
                ],
                STYLE,
            )
        }),
    )
}

fn status_body(purchase: &Purchase, base: &str) -> String {
    let view = purchase.view();
    let (title, text) = headline(purchase.state());
    let timeline: String = view.timeline.iter().map(step_line).collect();
    let next = match (&view.access_url, purchase.state().is_over()) {
        (Some(address), _) => format!("<a class=\"button\" href=\"{}\">Start learning</a>", escape(address)),
        (None, true) => {
            format!("<a class=\"button\" href=\"{}/buy/{}\">Buy again</a>", escape(base), escape(&view.sku))
        }
        (None, false) => String::new(),
    };
    format!(
        "<article><h1>{title}</h1><p>{text}</p><ol class=\"timeline\">{timeline}</ol>{next}\
         <p class=\"reference\">Reference {} · {}</p></article>",
        escape(&view.reference),
        view.price.due(),
    )
}

fn headline(state: PurchaseState) -> (&'static str, &'static str) {
    match state {
        PurchaseState::Held => ("Not paid yet", "Go back to the course page to pay."),
        PurchaseState::Paying => {
            ("Payment not finished", "If you have just paid, this page will say so in a moment.")
        }
        PurchaseState::Processing => {
            ("Payment on its way", "Your bank is still working on it. You can come back to this page.")
        }
        PurchaseState::Paid => ("Thank you", "Your payment is in, and access is on its way."),
        PurchaseState::Granted => ("You're in", "Your payment is in and the course is open."),
        PurchaseState::Expired => ("Time ran out", "Nothing was charged."),
        PurchaseState::Canceled => ("Cancelled", "Nothing was charged."),
        PurchaseState::Refunding => ("Refund on its way", "Your money is on its way back to you."),
        PurchaseState::Refunded => ("Refunded", "Your money has been given back, and access has ended."),
    }
}

fn step_line(entry: &TimelineEntry) -> String {
    let step = match entry.step {
        Step::Seat => "Seat",
        Step::Payment => "Payment",
        Step::Access => "Access",
        Step::Account => "Account",
    };
    let state = match entry.state {
        StepState::Pending => "waiting",
        StepState::Done => "done",
        StepState::Failed => "not done",
        StepState::Undone => "taken back",
    };
    format!("<li class=\"{}\"><b>{step}</b> {state}</li>", entry.state)
}

fn page(api: &Api, title: &str, head: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title} – Redis University</title>{head}\
         <link rel=\"stylesheet\" href=\"{}/page.css\"></head><body><main>{body}</main></body></html>",
        escape(&api.site.public_url),
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, page_policy(&api.site)),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, html).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
