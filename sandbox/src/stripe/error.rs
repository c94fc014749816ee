//! Errors in Stripe's format and wording.

use serde_json::{Value, json};

/// An error response: the HTTP status and the `error` object.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: u16,
    error: Value,
}

impl ApiError {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Stripe's `code`, such as `card_declined`.
    pub fn code(&self) -> Option<&str> {
        self.error["code"].as_str()
    }

    /// Stripe's `decline_code`, such as `insufficient_funds`.
    pub fn decline_code(&self) -> Option<&str> {
        self.error["decline_code"].as_str()
    }

    /// The `error` object of the answer.
    pub fn error(&self) -> &Value {
        &self.error
    }

    pub(crate) fn body(&self) -> Value {
        json!({ "error": self.error })
    }

    /// Whether Stripe stores this answer under the idempotency key: it does so once the work has begun.
    pub(crate) fn is_result(&self) -> bool {
        self.error["type"] == "card_error" || self.status == 500
    }

    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.error[field] = value;
        self
    }

    pub(crate) fn new(status: u16, kind: &str, code: Option<&str>, message: impl Into<String>) -> Self {
        let mut error = json!({ "type": kind, "message": message.into() });
        if let Some(code) = code {
            error["code"] = json!(code);
            error["doc_url"] =
                json!(format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")));
        }
        Self { status, error }
    }

    pub(crate) fn request(code: &str, param: &str, message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", Some(code), message).with("param", json!(param))
    }

    pub(crate) fn invalid(param: &str, message: String) -> Self {
        Self::new(400, "invalid_request_error", None, message).with("param", json!(param))
    }

    pub(crate) fn unknown_parameter(param: &str) -> Self {
        Self::request("parameter_unknown", param, format!("Received unknown parameter: {param}"))
    }

    pub(crate) fn missing_parameter(param: &str) -> Self {
        Self::request("parameter_missing", param, format!("Missing required param: {param}."))
    }

    pub(crate) fn invalid_integer(param: &str, value: &str) -> Self {
        Self::request("parameter_invalid_integer", param, format!("Invalid integer: {value}"))
    }

    pub(crate) fn missing(what: &str, param: &str, id: &str) -> Self {
        let message = format!("No such {what}: '{id}'");
        Self::new(404, "invalid_request_error", Some("resource_missing"), message).with("param", json!(param))
    }

    pub(crate) fn unknown_url(method: &str, path: &str) -> Self {
        let message = format!(
            "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at \
             https://support.stripe.com/."
        );
        Self::new(404, "invalid_request_error", None, message)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, "invalid_request_error", None, message)
    }

    pub(crate) fn unexpected_state(message: impl Into<String>, intent: Value) -> Self {
        Self::new(400, "invalid_request_error", Some("payment_intent_unexpected_state"), message)
            .with("payment_intent", intent)
    }

    /// The error of an injected fault.
    pub(crate) fn of_fault(status: u16) -> Self {
        match status {
            429 => Self::new(
                429,
                "invalid_request_error",
                Some("rate_limit"),
                "Request rate limit exceeded. Learn more about rate limits here \
                 https://stripe.com/docs/rate-limits.",
            ),
            status => {
                Self::new(status, "api_error", None, "An unknown error occurred (made by the sandbox).")
            }
        }
    }
}
