//! Requests to our own server, always with a timeout and with typed failures.
use super::{
    json::{self, FromJson, Refusal, object},
    page::{set_clock, window},
};
use crate::text::concat;
use crate::{dates::decimal, model::Trouble};
use gloo_net::{Error, http};
use shared::{Challenge, Code, OpenPurchase, Pay};
use wasm_bindgen::JsCast;
use web_sys::{AbortSignal, Request};

/// Timeout in milliseconds for requests that don't wait for a change.
const SOON: u32 = 15_000;
/// Seconds that the server is asked to hold a long poll, and the milliseconds after which it counts as dead.
const WAIT: &str = "20";
const WAITED: u32 = 35_000;

/// One request about a purchase.
pub(crate) struct Call {
    method: &'static str,
    /// The part of the path after `/v1/purchases`.
    path: String,
    body: Option<String>,
    header: Option<(&'static str, String)>,
    /// Timeout in milliseconds.
    deadline: u32,
}

/// Why a request failed, and the challenge that would let it succeed.
pub(crate) struct Refused {
    pub(crate) trouble: Trouble,
    pub(crate) challenge: Option<Challenge>,
}

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, challenge: None }
    }
}

impl Call {
    /// The same `key` means the same attempt.
    pub(crate) fn open(key: String, request: &OpenPurchase) -> Self {
        let body = Some(json::opening_body(request));
        Self { body, header: Some(("idempotency-key", key)), ..Self::new("POST", "", "") }
    }

    /// Only the SKU and the token of `request` count.
    pub(crate) fn mine(request: &OpenPurchase) -> Self {
        Self { body: Some(json::opening_body(request)), ..Self::new("POST", "mine", "") }
    }

    /// `answer` is the answer to a challenge.
    pub(crate) fn pay(id: &str, request: &Pay, answer: Option<String>) -> Self {
        let body = Some(json::pay_body(request));
        let header = answer.map(|answer| ("challenge-response", answer));
        Self { body, header, ..Self::new("POST", id, "/pay") }
    }

    pub(crate) fn refresh(id: &str) -> Self {
        Self::new("POST", id, "/refresh")
    }

    pub(crate) fn extend(id: &str) -> Self {
        Self::new("POST", id, "/extend")
    }

    pub(crate) fn change(id: &str, coupon: Option<String>) -> Self {
        Self { body: Some(json::change_body(coupon)), ..Self::new("PATCH", id, "") }
    }

    pub(crate) fn close(id: &str) -> Self {
        Self::new("DELETE", id, "")
    }

    /// Fetches the purchase at once, or waits for a version after `after`.
    pub(crate) fn look(id: &str, after: Option<i64>) -> Self {
        let Some(after) = after else { return Self::new("GET", id, "") };
        let query = concat(&["?wait=", WAIT, "&after=", &decimal(after)]);
        Self { deadline: WAITED, ..Self::new("GET", id, &query) }
    }

    fn new(method: &'static str, id: &str, rest: &str) -> Self {
        let slash = if id.is_empty() { "" } else { "/" };
        Self { method, path: concat(&[slash, id, rest]), body: None, header: None, deadline: SOON }
    }

    /// Returns the text of the answer. `api` has no trailing slash.
    pub(crate) async fn send(self, api: &str) -> Result<String, Refused> {
        let mut headers = Vec::new();
        headers.extend(self.header.map(|(name, value)| (name, value.into())));
        headers.extend(self.body.is_some().then(|| ("content-type", "application/json".into())));
        // Not with gloo's builder, which parses and rewrites every URL: 2 KB for nothing.
        let options = object(&[
            ("method", self.method.into()),
            ("headers", object(&headers)),
            ("body", self.body.into()),
            // No cookies: the purchase's id is the only authority.
            ("credentials", "omit".into()),
            ("signal", AbortSignal::timeout_with_u32(self.deadline).into()),
        ]);
        let address = concat(&[api, "/v1/purchases", &self.path]);
        let request = Request::new_with_str_and_init(&address, options.unchecked_ref());
        let request = request.map_err(|_| Trouble::Unreadable)?;
        let answer = http::Request::from(request).send().await.map_err(trouble)?;
        if let Some(date) = answer.headers().get("date") {
            set_clock(&date);
        }
        let text = answer.text().await.map_err(trouble)?;
        if answer.ok() {
            return Ok(text);
        }
        let Some(refusal) = json::parse::<Refusal>(&text) else { return Err(Trouble::Unreadable.into()) };
        let seconds = answer.headers().get("retry-after").and_then(|seconds| seconds.parse().ok());
        let trouble = match (refusal.code, seconds, refusal.reason) {
            (Code::RateLimited, Some(seconds), _) => Trouble::TooMany { seconds },
            (code, _, Some(reason)) => Trouble::RefusedFor(code, reason),
            (code, ..) => Trouble::Refused(code),
        };
        Err(Refused { trouble, challenge: refusal.challenge })
    }
}

/// Parses an answer.
pub(crate) fn read<T: FromJson>(answer: Result<String, Refused>) -> Result<T, Trouble> {
    json::parse(&answer.map_err(|refused| refused.trouble)?).ok_or(Trouble::Unreadable)
}

fn trouble(error: Error) -> Trouble {
    match error {
        Error::JsError(error) if matches!(error.name.as_str(), "TimeoutError" | "AbortError") => {
            Trouble::Timeout
        }
        // If the browser is online, our server is at fault.
        Error::JsError(_) | Error::GlooError(_) if window().navigator().on_line() => Trouble::Unreadable,
        Error::JsError(_) | Error::GlooError(_) => Trouble::Offline,
    }
}
