//! The one mapping from errors to answers: `application/problem+json`.
use super::coupons;
use crate::abuse::Excess;
use crate::checkout::explain;
use crate::error::Error;
use crate::payments::PaymentsError;
use crate::purchase::Refusal;
use crate::quiet::Quiet;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use shared::{Code, Problem, Sale, TokenRefusal};
use std::any::Any;
use std::time::Duration;

/// Seconds after which a client may try again where waiting helps.
const RETRY_AFTER: u64 = 5;

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let problem = describe(&self);
        log(&self, &problem);
        let mut response = answer(&problem);
        if matches!(problem.code, Code::Unavailable | Code::PaymentsUnavailable) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
        } else if problem.code == Code::RateLimited {
            let wait = if let Self::TooMany { wait, .. } = &self { *wait } else { CLOSED_FOR };
            let wait = wait.as_secs_f64().ceil() as u64;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.max(1)));
        }
        response
    }
}

/// When a learner whose purchase was declined too often may open another.
const CLOSED_FOR: Duration = Duration::from_secs(3600);

/// A handler panicked: its transaction was rolled back.
pub(super) fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("no message");
    tracing::error!(alert = true, panic = text, "a handler panicked");
    answer(&internal())
}

fn answer(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(problem)).into_response();
    // For a page to tell it to a person.
    response.extensions_mut().insert(problem.clone());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What the API says of `error`.
pub(super) fn describe(error: &Error) -> Problem {
    match error {
        Error::UnknownSku(sku) => problem(
            404,
            Code::UnknownSku,
            "Unknown SKU",
            format!("No offering has the SKU {sku:?}. Check it against the catalogue."),
        )
        .at("sku"),
        Error::UnknownPurchase => problem(
            404,
            Code::UnknownPurchase,
            "Unknown purchase",
            "No purchase has this id. Use the id that POST /v1/purchases answered.",
        ),
        Error::UnknownPack => problem(
            404,
            Code::UnknownRoute,
            "Nothing here",
            "No codes are at this address. Whoever sold them can tell the address that holds now.",
        ),
        Error::UnknownRoute => problem(
            404,
            Code::UnknownRoute,
            "Nothing here",
            "Nothing is at this address. GET /openapi.json lists every route.",
        ),
        Error::MethodNotAllowed => problem(
            405,
            Code::MethodNotAllowed,
            "Method not allowed",
            "This address doesn't take that method. GET /openapi.json lists every route.",
        ),
        Error::NotForSale(sale) => not_for_sale(*sale),
        Error::Coupon(refusal) => coupons::describe(refusal),
        Error::Refused(refusal) => refused(refusal),
        Error::InvalidEmail => problem(
            422,
            Code::InvalidEmail,
            "Invalid email",
            "This is not an email address. Write it like name@example.com.",
        )
        .at("email"),
        Error::Token(TokenRefusal::Unavailable) => problem(
            503,
            Code::Unavailable,
            "Unavailable",
            "The keys of the sign-in service can't be fetched at the moment. Go on as a guest, or try again.",
        ),
        Error::Token(refusal) => problem(
            422,
            Code::InvalidRequest,
            "Token refused",
            format!("learner_token: {}. Leave it out to go on as a guest.", explain(*refusal)),
        )
        .at("learner_token"),
        Error::Invalid { field, detail } => {
            problem(422, Code::InvalidRequest, "Invalid request", format!("{field}: {detail}.")).at(field)
        }
        Error::MalformedJson(detail) => problem(400, Code::MalformedJson, "Malformed JSON", detail.clone()),
        Error::UnsupportedMediaType => problem(
            415,
            Code::UnsupportedMediaType,
            "Unsupported media type",
            "Send the body as JSON, with the header `Content-Type: application/json`.",
        ),
        Error::NotAForm => problem(
            415,
            Code::UnsupportedMediaType,
            "Unsupported media type",
            "Send the form as application/x-www-form-urlencoded, as a page does.",
        ),
        Error::CrossSite => problem(
            403,
            Code::InvalidRequest,
            "Sent from another site",
            "Only the page at this address sends this form. Nothing was done.",
        ),
        Error::BodyTooLarge => {
            problem(413, Code::BodyTooLarge, "Body too large", "Send a body of at most 512 KiB.")
        }
        Error::BodyTooSlow => problem(
            408,
            Code::RequestTimeout,
            "Request timeout",
            "The body did not come in time. Send it again; nothing was done.",
        ),
        Error::Busy => problem(
            503,
            Code::Unavailable,
            "Busy",
            "Too much is asked for at the moment. Nothing was done. Try again in a few seconds.",
        ),
        Error::TookTooLong => problem(
            503,
            Code::Unavailable,
            "Took too long",
            "There was no answer in time. GET the purchase to see where it stands, and try again.",
        ),
        Error::IdempotencyKeyReused => problem(
            409,
            Code::IdempotencyKeyReused,
            "Idempotency key reused",
            "This Idempotency-Key was sent before with another body. Use a new key for a new request.",
        ),
        Error::Unauthorized => problem(
            401,
            Code::Unauthorized,
            "Unauthorized",
            "Send Authorization: Bearer with a token that `redis-checkout tokens create` has made.",
        ),
        Error::Forbidden(scope) => problem(
            403,
            Code::Forbidden,
            "Forbidden",
            format!(
                "This token lacks the scope {scope}. Operators make another with `redis-checkout tokens create`."
            ),
        ),
        Error::BadSignature(why) => problem(
            400,
            Code::BadSignature,
            "Bad signature",
            format!("{why}. Check STRIPE_WEBHOOK_SECRETS, and that nothing changes the body on its way."),
        ),
        Error::Payments(error) => payments_failed(error, Charged::Unknown),
        Error::NotCharged(error) => payments_failed(error, Charged::Nothing),
        Error::Grants(_) => problem(
            503,
            Code::Unavailable,
            "Unavailable",
            "The learning platform can't be reached at the moment. Try again in a few seconds.",
        ),
        Error::TooMany { excess, challenge, .. } => Problem {
            challenge: challenge.as_deref().cloned(),
            ..problem(429, Code::RateLimited, "Too many", too_many(*excess, challenge.is_some()))
        },
        Error::EmbedUnavailable => problem(
            503,
            Code::EmbedUnavailable,
            "Widget not built",
            "The widget's assets are missing. Build them with `cargo xtask build-widget` and restart.",
        ),
        Error::Store(error) if error.is_passing() => {
            let detail = "The database can't be reached or is busy. Try again in a few seconds.";
            problem(503, Code::Unavailable, "Unavailable", detail)
        }
        Error::Store(_) => internal(),
    }
}

/// `charged` says what is known of the learner's money.
fn payments_failed(error: &PaymentsError, charged: Charged) -> Problem {
    let known = match charged {
        Charged::Nothing => "Nothing was charged.",
        Charged::Unknown => {
            "Whether anything was charged is not known. GET the purchase before anybody pays again."
        }
    };
    match error {
        PaymentsError::EmailRefused => describe(&Error::InvalidEmail),
        PaymentsError::Permanent { code } if code == "amount_too_small" => problem(
            422,
            Code::AmountTooSmall,
            "Amount too small",
            format!(
                "Our payment provider charges no amount as small as this, converted to the currency that our account \
                 settles in. {known} The same request will be refused again: the price must change."
            ),
        ),
        PaymentsError::Missing | PaymentsError::Permanent { .. } => problem(
            422,
            Code::PaymentRefused,
            "Payment refused",
            format!(
                "Our payment provider refused the request for good ({error}). {known} The same request will be refused \
                 again: tell whoever runs this checkout."
            ),
        ),
        PaymentsError::Transient { .. } | PaymentsError::Spent { .. } | PaymentsError::OtherState => {
            let again = if charged == Charged::Nothing { " Try again in a few seconds." } else { "" };
            let detail = format!("Our payment provider can't be reached at the moment. {known}{again}");
            problem(502, Code::PaymentsUnavailable, "Payments unavailable", detail)
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Charged {
    Nothing,
    Unknown,
}

fn not_for_sale(sale: Sale) -> Problem {
    match sale {
        Sale::Open | Sale::SoldOut => problem(
            409,
            Code::SoldOut,
            "Sold out",
            "Every seat is taken. A seat may come free when a hold runs out.",
        ),
        Sale::NotOpen => problem(409, Code::SaleNotOpen, "Sale not open", "The sale has not opened yet."),
        Sale::Closed => problem(409, Code::SaleClosed, "Sale closed", "The sale has closed."),
        Sale::Paused => problem(409, Code::SalePaused, "Sale paused", "The sale is paused. Try again later."),
    }
}

fn refused(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::HoldExpired => {
            problem(409, Code::HoldExpired, "Hold expired", "The time to pay ran out. Open a new purchase.")
        }
        Refusal::Ended => problem(
            409,
            Code::PurchaseEnded,
            "Purchase ended",
            "This purchase is paid, being paid, cancelled or refunded. GET it to see which.",
        ),
        Refusal::PaidOtherwise => problem(
            409,
            Code::PurchaseEnded,
            "Paid another way",
            "This purchase is being paid on Stripe's page. Continue there, or give it up and open a new one.",
        ),
        Refusal::PriceChanged { total } => problem(
            409,
            Code::PriceChanged,
            "Price changed",
            format!("The total is {total} now. Show it, and send it as expected_total."),
        )
        .at("expected_total"),
        Refusal::TooManyDeclines => problem(
            429,
            Code::RateLimited,
            "Too many declines",
            "This purchase was declined too often and is closed. Open a new one later, or use another way to pay.",
        ),
        Refusal::RefundTooLarge { left } => {
            problem(409, Code::InvalidRequest, "Refund too large", format!("{left} is left to refund."))
                .at("amount")
        }
        Refusal::NotPaid => problem(
            409,
            Code::InvalidRequest,
            "Not paid",
            "Nothing was paid, so that nothing can be refunded.",
        ),
        Refusal::UnderWay => problem(
            409,
            Code::InvalidRequest,
            "Under way",
            "This purchase is not over. Wait until it is, or give it up.",
        ),
        Refusal::Disputed => problem(
            409,
            Code::InvalidRequest,
            "Disputed",
            "The learner's bank has asked for this money. Answer the dispute at Stripe first.",
        ),
    }
}

fn too_many(excess: Excess, challenged: bool) -> &'static str {
    match excess {
        Excess::Requests => "Too many requests come from this address. Wait as long as Retry-After says.",
        Excess::AtOnce => "Too many requests from this address are under way. Wait until some are answered.",
        Excess::Purchase => "Too many requests about this purchase. Wait as long as Retry-After says.",
        Excess::Offering => {
            "Many people buy this at the moment. Wait as long as Retry-After says, and try again."
        }
        Excess::Opens => {
            "Too many purchases were opened from this address and not paid. Pay for one, or wait as long as Retry-After \
             says. An office that buys for many can ask for more."
        }
        Excess::Holds => {
            "Too many purchases from this address are waiting to be paid. Pay or give one up first."
        }
        Excess::Share => {
            "Too many seats of this training are held from this address and not paid. Pay for some first, then hold more."
        }
        Excess::Pays => "Pay was pressed too often for this email. Wait as long as Retry-After says.",
        Excess::Declines => {
            "Too many payments were declined. Wait as long as Retry-After says, or use another way to pay."
        }
        Excess::Emails => {
            "Too many email addresses were tried with this code. Use the first one, or wait as long as Retry-After says."
        }
        Excess::Coupons => "Too many codes were tried that there are not. Wait as long as Retry-After says.",
        Excess::Letters => {
            "Too many letters were sent for these codes today. Send the others tomorrow, or yourselves."
        }
        Excess::DeclineRun if challenged => {
            "Show that you are human: pass the challenge, and send its answer as Challenge-Response."
        }
        Excess::DeclineRun => {
            "Payments are closed to new customers for a while. Wait as long as Retry-After says."
        }
    }
}

fn internal() -> Problem {
    problem(
        500,
        Code::InternalError,
        "Internal error",
        "Something went wrong here, and was logged. Nothing is lost.",
    )
}

pub(super) fn problem(status: u16, code: Code, title: &str, detail: impl Into<String>) -> Problem {
    Problem {
        kind: format!("https://redis.io/university/checkout/problems#{code}"),
        title: title.to_owned(),
        status,
        code,
        detail: detail.into(),
        field: None,
        challenge: None,
        reason: None,
    }
}

pub(super) trait At {
    fn at(self, field: &str) -> Self;
}

impl At for Problem {
    fn at(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }
}

fn log(error: &Error, problem: &Problem) {
    if matches!(error, Error::Store(_) | Error::Busy) {
        // Of a database that is gone each request would tell.
        static FAILED: Quiet = Quiet::new();
        if let Some(more) = FAILED.speak() {
            tracing::error!(problem.code = problem.code.as_str(), %error, more, "requests fail");
        }
    } else if matches!(problem.code, Code::PaymentRefused | Code::AmountTooSmall) {
        // Nobody buys until a person has changed something.
        static REFUSED: Quiet = Quiet::new();
        if let Some(more) = REFUSED.speak() {
            tracing::error!(alert = true, problem.code = problem.code.as_str(), %error, more, "Stripe refuses a payment for good");
        }
    } else if problem.status >= 500 {
        tracing::error!(problem.code = problem.code.as_str(), %error, "request failed");
    } else {
        tracing::debug!(problem.code = problem.code.as_str(), %error, "request refused");
    }
}
