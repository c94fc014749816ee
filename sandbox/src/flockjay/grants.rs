//! The three operations of the contract.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{FlockJay, FlockJayCall, FlockJayOperation};
use crate::{
    fault::{ErrorBody, Misbehaviour, lock},
    serve::{hang_up, is_hung_up},
};

/// Something FlockJay can give access to.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Such as `course` or `live_session`.
    pub kind: String,
    /// FlockJay's id.
    pub id: String,
}

impl Resource {
    /// Names a resource.
    pub fn new(kind: &str, id: &str) -> Self {
        Self { kind: kind.to_owned(), id: id.to_owned() }
    }
}

/// The person who gets access.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Learner {
    /// Email address, which identifies the learner.
    pub email: String,
    /// Name, if given.
    #[serde(default)]
    pub name: Option<String>,
    /// The caller's id for the learner, if known.
    #[serde(default)]
    pub external_id: Option<String>,
}

/// One learner's access to one resource.
#[derive(Clone, Debug, Serialize)]
pub struct Grant {
    /// The person who has access.
    pub learner: Learner,
    /// The resource the learner can access.
    pub resource: Resource,
    /// The purchase's human-readable reference.
    pub reference: String,
    /// The URL that the learner opens.
    pub access_url: String,
    /// How often it was requested successfully.
    pub asked: u32,
    /// Whether it was revoked.
    pub revoked: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    learner: Learner,
    resource: Resource,
    reference: String,
}

pub(super) fn routes(flockjay: FlockJay) -> Router {
    Router::new()
        .route("/grants/{purchase}", put(put_grant).delete(delete_grant))
        .route("/resources/{kind}/{id}", get(get_resource))
        .with_state(flockjay)
}

async fn put_grant(
    State(flockjay): State<FlockJay>,
    Path(purchase): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let work = {
        let (flockjay, purchase, headers, body) =
            (flockjay.clone(), purchase.clone(), headers.clone(), body.clone());
        move || grant(&flockjay, &purchase, &headers, &body)
    };
    answer(&flockjay, FlockJayOperation::Grant, purchase, body, &headers, work).await
}

async fn delete_grant(
    State(flockjay): State<FlockJay>,
    Path(purchase): Path<String>,
    headers: HeaderMap,
) -> Response {
    let work = {
        let (flockjay, purchase) = (flockjay.clone(), purchase.clone());
        move || match lock(&flockjay.core.grants).get_mut(&purchase) {
            Some(grant) if !grant.revoked => {
                grant.revoked = true;
                Made::empty(204)
            }
            Some(_) | None => Made::not_found(),
        }
    };
    answer(&flockjay, FlockJayOperation::Revoke, purchase, String::new(), &headers, work).await
}

async fn get_resource(
    State(flockjay): State<FlockJay>,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let resource = Resource { kind, id };
    let subject = format!("{}/{}", resource.kind, resource.id);
    let work = {
        let flockjay = flockjay.clone();
        move || {
            if flockjay.exists(&resource) { Made::json(200, json!(resource)) } else { Made::not_found() }
        }
    };
    answer(&flockjay, FlockJayOperation::Lookup, subject, String::new(), &headers, work).await
}

fn grant(flockjay: &FlockJay, purchase: &str, headers: &HeaderMap, body: &str) -> Made {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.starts_with("application/json") {
        return Made::detail(415, &format!("Unsupported media type \"{content_type}\" in request."));
    }
    let wanted: Wanted = match serde_json::from_str(body) {
        Ok(wanted) => wanted,
        Err(error) => return Made::detail(400, &error.to_string()),
    };
    let (name, domain) = wanted.learner.email.split_once('@').unwrap_or_default();
    if name.is_empty() || domain.is_empty() || wanted.learner.email.contains(char::is_whitespace) {
        return Made::detail(400, "learner.email: Enter a valid email address.");
    }
    if wanted.reference.is_empty() || purchase.is_empty() {
        return Made::detail(400, "reference: This field may not be blank.");
    }
    if !flockjay.exists(&wanted.resource) {
        return Made::not_found();
    }
    let mut grants = lock(&flockjay.core.grants);
    if let Some(known) = grants.get_mut(purchase).filter(|known| !known.revoked) {
        if known.learner.email != wanted.learner.email {
            return Made::detail(409, "This purchase was granted to another learner.");
        }
        if known.resource != wanted.resource {
            return Made::detail(409, "This purchase was granted for another resource.");
        }
        known.asked += 1;
        return Made::json(200, json!({ "access_url": known.access_url }));
    }
    let mut access_url = match url::Url::parse(&flockjay.core.base_url) {
        Ok(url) => url,
        Err(error) => return Made::detail(500, &error.to_string()),
    };
    if let Ok(mut path) = access_url.path_segments_mut() {
        path.clear().extend(["learn", &wanted.resource.kind, &wanted.resource.id]);
    }
    access_url.query_pairs_mut().append_pair("grant", purchase);
    let access_url = String::from(access_url);
    let made = Made::json(201, json!({ "access_url": access_url }));
    let grant = Grant {
        learner: wanted.learner,
        resource: wanted.resource,
        reference: wanted.reference,
        access_url,
        asked: 1,
        revoked: false,
    };
    grants.insert(purchase.to_owned(), grant);
    made
}

/// An answer before any fault is applied.
struct Made {
    status: u16,
    body: MadeBody,
}

enum MadeBody {
    Json(Value),
    Html(&'static str),
    Empty,
}

impl Made {
    fn json(status: u16, body: Value) -> Self {
        Self { status, body: MadeBody::Json(body) }
    }

    fn detail(status: u16, detail: &str) -> Self {
        Self::json(status, json!({ "detail": detail }))
    }

    fn empty(status: u16) -> Self {
        Self { status, body: MadeBody::Empty }
    }

    /// The 404 page of a Django application.
    fn not_found() -> Self {
        Self::html(
            404,
            "<!doctype html>\n<html><head><title>Not Found</title></head><body><h1>Not Found</h1><p>The \
                         requested resource was not found on this server.</p></body></html>\n",
        )
    }

    fn html(status: u16, body: &'static str) -> Self {
        Self { status, body: MadeBody::Html(body) }
    }

    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (content_type, body) = match self.body {
            MadeBody::Json(json) => ("application/json", Body::from(json.to_string())),
            MadeBody::Html(html) => ("text/html; charset=utf-8", Body::from(html)),
            MadeBody::Empty => return status.into_response(),
        };
        (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
    }
}

async fn answer(
    flockjay: &FlockJay,
    operation: FlockJayOperation,
    subject: String,
    body: String,
    headers: &HeaderMap,
    work: impl FnOnce() -> Made + Send + 'static,
) -> Response {
    let place = {
        let mut calls = lock(&flockjay.core.calls);
        calls.push(FlockJayCall { operation, subject, body, status: None });
        calls.len() - 1
    };
    let response = spoiled(flockjay, operation, headers, work).await;
    if !is_hung_up(&response)
        && let Some(call) = lock(&flockjay.core.calls).get_mut(place)
    {
        call.status = Some(response.status().as_u16());
    }
    response
}

async fn spoiled(
    flockjay: &FlockJay,
    operation: FlockJayOperation,
    headers: &HeaderMap,
    work: impl FnOnce() -> Made + Send + 'static,
) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if token != Some(&format!("Token {}", flockjay.core.token)) {
        let detail = match token {
            None => "Authentication credentials were not provided.",
            Some(_) => "Invalid token.",
        };
        return Made::detail(401, detail).into_response();
    }
    let spoiled = flockjay.core.faults.take(&operation);
    let delay = Duration::from_millis(spoiled.delay_ms);
    if let Some(before) = &spoiled.before {
        tokio::time::sleep(delay).await;
        return spoil(before, None).await;
    }
    // Runs in its own task, so that the work continues even if the caller hangs up.
    let stop = flockjay.core.stop.clone();
    let worker = flockjay.core.tasks.spawn(async move {
        stop.run_until_cancelled(tokio::time::sleep(delay)).await?;
        Some(work())
    });
    let Ok(Some(made)) = worker.await else { return hang_up() };
    match &spoiled.after {
        Some(after) if made.status < 300 => spoil(after, Some(made)).await,
        Some(_) | None => made.into_response(),
    }
}

async fn spoil(misbehaviour: &Misbehaviour, made: Option<Made>) -> Response {
    match misbehaviour {
        Misbehaviour::Close { .. } => hang_up(),
        Misbehaviour::Hang { .. } => std::future::pending().await,
        Misbehaviour::Down => Made::empty(503).into_response(),
        Misbehaviour::Status { status, body, retry_after, .. } => {
            let made = match body {
                ErrorBody::Json => Made::detail(*status, "Made by the sandbox."),
                ErrorBody::Html => Made::html(*status, "<html><body><h1>Server Error</h1></body></html>\n"),
                ErrorBody::Empty => Made::empty(*status),
            };
            let mut response = made.into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            response
        }
        Misbehaviour::Garbage => {
            Made::html(200, "<html><body>Please sign in.</body></html>\n").into_response()
        }
        Misbehaviour::MissingField { field } => {
            let mut made = made.unwrap_or_else(|| Made::json(200, json!({})));
            if let MadeBody::Json(Value::Object(fields)) = &mut made.body {
                fields.remove(field);
            }
            made.into_response()
        }
        // Faults::take sums delays and never returns one.
        Misbehaviour::Delay { .. } => made.unwrap_or_else(|| Made::empty(204)).into_response(),
    }
}
