//! Handles one API request: authentication, injected faults, the idempotency key, the work and the answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Method, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Core, balance,
    error::ApiError,
    form::Params,
    idempotency::{Answer, Claim, Claimed, Fingerprint},
    ids, intents,
    ledger::Origin,
    list,
    operation::{Call, StripeOperation},
    payments, refunds, sessions,
};
use crate::{
    fault::{ErrorBody, Misbehaviour, lock},
    serve::hang_up,
};

/// A recorded API request, for tests to inspect.
#[derive(Clone, Debug, Serialize)]
pub struct RequestRecord {
    /// `GET` or `POST`.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The requested operation, if the path is known.
    pub operation: Option<StripeOperation>,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// When it was received.
    #[serde(skip)]
    pub received: Instant,
    /// Status of the answer; `None` if the connection was closed, or while the answer is pending.
    pub status: Option<u16>,
    /// Whether the answer was a stored one, replayed for its idempotency key.
    pub replayed: bool,
    /// Query and form parameters, as name and value.
    pub form: Vec<(String, String)>,
    /// Body of the answer, if the request did its work and no fault was set to replace the answer.
    pub answer: Option<Value>,
}

/// The caller of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Merchant,
    /// A page, with the publishable key.
    Page,
}

/// Answers every request under `/v1`.
pub(crate) async fn handle(
    State(core): State<Arc<Core>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let call = Call::parse(method.as_str(), uri.path());
    let place = core.record(RequestRecord {
        received: Instant::now(),
        method: method.to_string(),
        path: uri.path().to_owned(),
        operation: call.as_ref().map(|call| call.operation),
        idempotency_key: key.clone(),
        status: None,
        replayed: false,
        form: Vec::new(),
        answer: None,
    });
    let mut params = Params::parse(uri.query().unwrap_or_default().as_bytes());
    params.extend(Params::parse(&body));
    core.update_record(place, |record| record.form = params.pairs());
    let request = Request { call, method, path: uri.path().to_owned(), params, key, place };
    // Runs in its own task: Stripe finishes its work whether or not the caller still waits.
    let worker = core.tasks.spawn({
        let core = Arc::clone(&core);
        async move { core.stop.run_until_cancelled(request.answer(&core, &headers)).await }
    });
    let response = match worker.await {
        Ok(Some(Reply::Answer(response))) => response,
        Ok(Some(Reply::Never)) => std::future::pending().await,
        Ok(Some(Reply::HangUp) | None) | Err(_) => return hang_up(),
    };
    core.update_record(place, |record| {
        record.status = Some(response.status().as_u16());
        record.replayed = response.headers().contains_key("idempotent-replayed");
    });
    response
}

enum Reply {
    Answer(Response),
    HangUp,
    Never,
}

struct Request {
    call: Option<Call>,
    method: Method,
    path: String,
    params: Params,
    key: Option<String>,
    /// Index of its record.
    place: usize,
}

impl Request {
    async fn answer(mut self, core: &Arc<Core>, headers: &HeaderMap) -> Reply {
        let request_id = ids::new_id("req");
        let reply = match self.try_answer(core, headers, &request_id).await {
            Ok(reply) => reply,
            Err(error) => Reply::Answer(json_response(error.status(), &error.body())),
        };
        match reply {
            Reply::Answer(mut response) => {
                if let Ok(id) = HeaderValue::from_str(&request_id) {
                    response.headers_mut().insert("request-id", id);
                }
                response.headers_mut().insert("stripe-version", HeaderValue::from_static(super::API_VERSION));
                if let Some(Ok(key)) = self.key.as_deref().map(HeaderValue::from_str) {
                    response.headers_mut().insert("idempotency-key", key);
                }
                Reply::Answer(response)
            }
            other @ (Reply::HangUp | Reply::Never) => other,
        }
    }

    async fn try_answer(
        &mut self,
        core: &Arc<Core>,
        headers: &HeaderMap,
        request_id: &str,
    ) -> Result<Reply, ApiError> {
        let caller = self.authenticate(core, headers)?;
        let Some(call) = self.call.clone() else {
            return Err(ApiError::unknown_url(self.method.as_str(), &self.path));
        };
        let spoiled = core.faults.take(&call.operation);
        let delay = Duration::from_millis(spoiled.delay_ms);
        if let Some(before) = spoiled.before {
            tokio::time::sleep(delay).await;
            return Ok(spoil(&before, None));
        }
        let claim = match &self.key {
            Some(key) if self.method == Method::POST => {
                let fingerprint =
                    Fingerprint { path: self.path.clone(), params: self.params.clone().sorted() };
                match core.keys.claim(key, fingerprint)? {
                    Claimed::Work(claim) => Some(claim),
                    Claimed::Replay(answer) => {
                        let mut response = json_response(answer.status, &answer.body);
                        response
                            .headers_mut()
                            .insert("idempotent-replayed", HeaderValue::from_static("true"));
                        return Ok(Reply::Answer(response));
                    }
                }
            }
            Some(_) | None => None,
        };
        tokio::time::sleep(delay).await;
        let origin = Origin { request_id: Some(request_id.to_owned()), idempotency_key: self.key.clone() };
        let result = work(core, &call, &self.params, caller, origin);
        let answer = match &result {
            Ok(body) => Answer { status: 200, body: body.clone() },
            Err(error) => Answer { status: error.status(), body: error.body() },
        };
        if spoiled.after.is_none() {
            core.update_record(self.place, |record| record.answer = Some(answer.body.clone()));
        }
        keep(claim, &result, &answer, spoiled.after.as_ref());
        Ok(match &spoiled.after {
            Some(after) if result.is_ok() => spoil(after, Some(answer.body)),
            Some(_) | None => Reply::Answer(json_response(answer.status, &answer.body)),
        })
    }

    /// The secret key may do everything; the publishable key only what a page does with a client secret.
    fn authenticate(&mut self, core: &Core, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let in_header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).map(key_of);
        let key = match (in_header, self.params.take("key")) {
            (Some(key), _) => key,
            (None, Some(key)) => Some(key),
            (None, None) => {
                return Err(ApiError::unauthorized(
                    "You did not provide an API key. You need to provide your API key in the Authorization header, \
                     using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
                ));
            }
        };
        // A restricted key has the same suffix as the secret key; 403 faults simulate its missing permissions.
        let ending = |key: &str| key.strip_prefix("sk_").or(key.strip_prefix("rk_")).map(str::to_owned);
        if key.as_deref().and_then(ending).is_some_and(|given| ending(&core.secret_key) == Some(given)) {
            return Ok(Caller::Merchant);
        }
        if key.as_deref() != Some(core.publishable_key.as_str()) {
            let shown: String = key.unwrap_or_default().chars().take(8).collect();
            return Err(ApiError::unauthorized(format!("Invalid API Key provided: {shown}****")));
        }
        let call = self.call.as_ref().filter(|call| {
            matches!(call.operation, StripeOperation::RetrieveIntent | StripeOperation::ConfirmIntent)
        });
        let Some(call) = call else {
            return Err(ApiError::unauthorized(
                "This API call cannot be made with a publishable API key. Please use a secret API key.",
            ));
        };
        let secret =
            self.params.take("client_secret").ok_or_else(|| ApiError::missing_parameter("client_secret"))?;
        let is_right = lock(&core.ledger).intent(&call.id)?.client_secret == secret;
        if !is_right {
            return Err(ApiError::request(
                "payment_intent_invalid_parameter",
                "client_secret",
                "The client_secret provided does not match the client_secret associated with the PaymentIntent.",
            ));
        }
        Ok(Caller::Page)
    }
}

fn work(
    core: &Core,
    call: &Call,
    params: &Params,
    caller: Caller,
    origin: Origin,
) -> Result<Value, ApiError> {
    let mut ledger = lock(&core.ledger);
    ledger.origin = origin;
    let (ledger, id) = (&mut *ledger, call.id.as_str());
    let answer = match call.operation {
        StripeOperation::CreateIntent => intents::create(ledger, params),
        StripeOperation::UpdateIntent => intents::update(ledger, id, params),
        StripeOperation::RetrieveIntent => intents::retrieve(ledger, id, params),
        StripeOperation::ListIntents => intents::list(ledger, params),
        StripeOperation::CancelIntent => intents::cancel(ledger, id, params),
        StripeOperation::ConfirmIntent => payments::confirm(ledger, id, params),
        StripeOperation::CreateSession => sessions::create(ledger, params),
        StripeOperation::RetrieveSession => sessions::retrieve(ledger, id, params),
        StripeOperation::ListSessions => sessions::list(ledger, params),
        StripeOperation::ExpireSession => sessions::expire(ledger, id, params),
        StripeOperation::CreateRefund => refunds::create(ledger, params),
        StripeOperation::RetrieveRefund => refunds::retrieve(ledger, id, params),
        StripeOperation::ListRefunds => refunds::list(ledger, params),
        StripeOperation::ListDisputes => refunds::list_disputes(ledger, params),
        StripeOperation::ListBalance => balance::list(ledger, params),
        StripeOperation::RetrieveEvent => params.only(&[]).and_then(|()| {
            let event = ledger.events.get(id).ok_or_else(|| ApiError::missing("notification", "id", id))?;
            Ok(event.body.clone())
        }),
        StripeOperation::ListEvents => list_events(ledger, params),
        StripeOperation::RetrieveCharge => params.only(&["expand[]"]).and_then(|()| {
            let charge = ledger.charges.get(id).ok_or_else(|| ApiError::missing("charge", "id", id))?;
            Ok(charge.to_json())
        }),
    };
    if caller == Caller::Merchant {
        return answer;
    }
    let public = |ledger: &super::ledger::Ledger| ledger.intent(id).map(|intent| intent.to_public_json());
    match answer {
        Ok(_) => public(ledger),
        Err(error) if error.error().get("payment_intent").is_some() => {
            Err(error.with("payment_intent", public(ledger)?))
        }
        Err(error) => Err(error),
    }
}

fn list_events(ledger: &super::ledger::Ledger, params: &Params) -> Result<Value, ApiError> {
    params.only(&["type", "types[]", "limit", "starting_after", "ending_before", "created[*]"])?;
    let types = params.list("types");
    let rows = ledger
        .events
        .iter()
        .rev()
        .filter(|event| params.get("type").is_none_or(|wanted| wanted == event.kind))
        .filter(|event| types.is_empty() || types.contains(&event.kind))
        .map(|event| (event.id.as_str(), event.created, event.body.clone()));
    list::page(rows, params, "/v1/events")
}

/// Stripe stores an answer once the work has begun. A 500 injected after the work becomes the stored answer; an answer
/// from a proxy on the way (429, 502, 503, 504) or a lost connection leaves the true answer stored.
fn keep(
    claim: Option<Claim>,
    result: &Result<Value, ApiError>,
    answer: &Answer,
    after: Option<&Misbehaviour>,
) {
    let Some(claim) = claim else { return };
    let is_result = match result {
        Ok(_) => true,
        Err(error) => error.is_result(),
    };
    if !is_result {
        return;
    }
    match after {
        Some(Misbehaviour::Status { status: 500, .. }) if result.is_ok() => {
            claim.keep(Answer { status: 500, body: ApiError::of_fault(500).body() });
        }
        Some(_) | None => claim.keep(answer.clone()),
    }
}

fn spoil(misbehaviour: &Misbehaviour, body: Option<Value>) -> Reply {
    match misbehaviour {
        Misbehaviour::Close { .. } => Reply::HangUp,
        Misbehaviour::Hang { .. } => Reply::Never,
        Misbehaviour::Down => Reply::Answer(json_response(503, &ApiError::of_fault(503).body())),
        Misbehaviour::Status { status, body, retry_after, .. } => {
            let mut response = match body {
                ErrorBody::Json => json_response(*status, &ApiError::of_fault(*status).body()),
                ErrorBody::Html => html_response(*status),
                ErrorBody::Empty => with_status(*status, Body::empty()),
            };
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Reply::Answer(response)
        }
        Misbehaviour::Garbage => Reply::Answer(html_response(200)),
        Misbehaviour::MissingField { field } => {
            let mut body = body.unwrap_or_else(|| json!({}));
            if let Some(fields) = body.as_object_mut() {
                fields.remove(field);
            }
            Reply::Answer(json_response(200, &body))
        }
        // Faults::take sums delays and never returns one.
        Misbehaviour::Delay { .. } => Reply::Answer(json_response(200, &body.unwrap_or_default())),
    }
}

fn key_of(authorization: &str) -> Option<String> {
    match authorization.split_once(' ') {
        Some(("Bearer", key)) => Some(key.trim().to_owned()),
        Some(("Basic", encoded)) => {
            use base64::Engine as _;
            let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
            let pair = String::from_utf8(decoded).ok()?;
            Some(pair.split(':').next().unwrap_or_default().to_owned())
        }
        _ => None,
    }
}

fn json_response(status: u16, body: &Value) -> Response {
    let mut response = with_status(status, Body::from(format!("{body:#}\n")));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn html_response(status: u16) -> Response {
    let mut response = with_status(status, Body::from("<html><body><h1>Bad Gateway</h1></body></html>\n"));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

fn with_status(status: u16, body: Body) -> Response {
    let status =
        axum::http::StatusCode::from_u16(status).unwrap_or(axum::http::StatusCode::INTERNAL_SERVER_ERROR);
    (status, body).into_response()
}
