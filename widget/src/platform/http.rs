//! Requests to our own server: always with a deadline, always with a typed failure.
use super::{
    json::{self, FromJson, Refusal},
    page::window,
};
use crate::model::Trouble;
use gloo_net::{
    Error,
    http::{Method, RequestBuilder},
};
use shared::{Challenge, Code, OpenPurchase, Opened, Pay, PayAnswer, PurchaseView};
use web_sys::{AbortSignal, RequestCredentials};

/// Milliseconds for an answer that takes no waiting.
const SOON: u32 = 15_000;
/// Seconds that the server is asked to hold a long poll, and the milliseconds after which it is taken for dead.
const WAIT: &str = "20";
const WAITED: u32 = 35_000;

/// Purchases of one server.
#[derive(Clone)]
pub(crate) struct Api(String);

/// Why there is no answer, and what would bring one.
pub(crate) struct Refused {
    pub(crate) trouble: Trouble,
    pub(crate) challenge: Option<Challenge>,
}

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, challenge: None }
    }
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        refused.trouble
    }
}

impl Api {
    /// `base` has no trailing slash.
    pub(crate) const fn new(base: String) -> Self {
        Self(base)
    }

    /// The address where a purchase can be resumed.
    pub(crate) fn status_page(&self, id: &str) -> String {
        [&self.0, "/p/", id].concat()
    }

    pub(crate) async fn open(&self, key: &str, request: &OpenPurchase) -> Result<Opened, Trouble> {
        read(
            &self
                .send(
                    Method::POST,
                    "",
                    "",
                    Some((json::opening_body(request), Some(("idempotency-key", key)))),
                    SOON,
                )
                .await?,
        )
    }

    /// `answer` is that of a challenge.
    pub(crate) async fn pay(
        &self,
        id: &str,
        request: &Pay,
        answer: Option<&str>,
    ) -> Result<PayAnswer, Refused> {
        let header = answer.map(|answer| ("challenge-response", answer));
        let text = self.send(Method::POST, id, "/pay", Some((json::pay_body(request), header)), SOON).await?;
        Ok(read(&text)?)
    }

    pub(crate) async fn refresh(&self, id: &str) -> Result<(), Trouble> {
        Ok(self.send(Method::POST, id, "/refresh", None, SOON).await.map(drop)?)
    }

    pub(crate) async fn close(&self, id: &str) -> Result<(), Trouble> {
        Ok(self.send(Method::DELETE, id, "", None, SOON).await.map(drop)?)
    }

    /// Looks at once, or waits for a version after `after`.
    pub(crate) async fn look(&self, id: &str, after: Option<i64>) -> Result<PurchaseView, Trouble> {
        let (query, deadline) = match after {
            Some(after) => (["?wait=", WAIT, "&after=", &after.to_string()].concat(), WAITED),
            None => (String::new(), SOON),
        };
        read(&self.send(Method::GET, id, &query, None, deadline).await?)
    }

    /// The answer's text. `body` comes with the header that goes with it, if any.
    async fn send(
        &self,
        method: Method,
        id: &str,
        rest: &str,
        body: Option<(String, Option<(&str, &str)>)>,
        deadline: u32,
    ) -> Result<String, Refused> {
        let slash = if id.is_empty() { "" } else { "/" };
        let address = [&self.0, "/v1/purchases", slash, id, rest].concat();
        let mut request = RequestBuilder::new(&address)
            .method(method)
            // No cookies: the purchase's id is all the authority there is.
            .credentials(RequestCredentials::Omit)
            .abort_signal(Some(&AbortSignal::timeout_with_u32(deadline)));
        let request = match body {
            None => request.build(),
            Some((body, header)) => {
                if let Some((name, value)) = header {
                    request = request.header(name, value);
                }
                request.header("content-type", "application/json").body(body)
            }
        };
        let answer = request.map_err(trouble)?.send().await.map_err(trouble)?;
        let text = answer.text().await.map_err(trouble)?;
        if answer.ok() {
            return Ok(text);
        }
        let Some(refusal) = json::parse::<Refusal>(&text) else { return Err(Trouble::Unreadable.into()) };
        let seconds = answer.headers().get("retry-after").and_then(|seconds| seconds.parse().ok());
        let trouble = match (refusal.code, seconds) {
            (Code::RateLimited, Some(seconds)) => Trouble::TooMany { seconds },
            (code, _) => Trouble::Refused(code),
        };
        Err(Refused { trouble, challenge: refusal.challenge })
    }
}

fn read<T: FromJson>(text: &str) -> Result<T, Trouble> {
    json::parse(text).ok_or(Trouble::Unreadable)
}

fn trouble(error: Error) -> Trouble {
    match error {
        Error::JsError(error) if matches!(error.name.as_str(), "TimeoutError" | "AbortError") => {
            Trouble::Timeout
        }
        // A browser that has a network blames our server.
        Error::JsError(_) | Error::GlooError(_) if window().navigator().on_line() => Trouble::Unreadable,
        Error::JsError(_) | Error::GlooError(_) => Trouble::Offline,
    }
}
