//! The one mapping from errors to answers: `application/problem+json`.
mod build;
mod coupon;
mod describe;

pub(super) use build::problem;
pub(super) use describe::describe;

use crate::error::Error;
use crate::quiet::Quiet;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use build::internal;
use shared::{Code, Problem};
use std::any::Any;
use std::time::Duration;

/// Seconds after which a client may retry, if waiting helps.
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

/// How long a learner whose purchase was declined too often waits before opening another.
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
    // So that a page can show it to a person.
    response.extensions_mut().insert(problem.clone());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn log(error: &Error, problem: &Problem) {
    if matches!(error, Error::Store(_) | Error::Busy) {
        // If the database is gone, every request would log it.
        static FAILED: Quiet = Quiet::new();
        if let Some(more) = FAILED.speak() {
            tracing::error!(problem.code = problem.code.as_str(), %error, more, "requests are failing");
        }
    } else if matches!(problem.code, Code::PaymentRefused | Code::AmountTooSmall) {
        // Nobody can buy until a person has changed something.
        static REFUSED: Quiet = Quiet::new();
        if let Some(more) = REFUSED.speak() {
            tracing::error!(alert = true, problem.code = problem.code.as_str(), %error, more, "Stripe permanently refused a payment");
        }
    } else if problem.status >= 500 {
        tracing::error!(problem.code = problem.code.as_str(), %error, "request failed");
    } else {
        tracing::debug!(problem.code = problem.code.as_str(), %error, "request refused");
    }
}
