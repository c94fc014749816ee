//! FlockJay, by the contract that we ask it to implement. The only file that knows its routes.
use super::{Grant, Granted, Grants, GrantsError, Resource};
use crate::outbound::{self, is_final, retry_after};
use crate::purchase::PurchaseId;
use async_trait::async_trait;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use url::Url;

/// FlockJay's API.
#[derive(Clone)]
pub struct FlockJay {
    client: reqwest::Client,
    base: Url,
    token: String,
}

#[derive(Serialize)]
struct GrantBody<'a> {
    learner: LearnerBody<'a>,
    resource: &'a Resource,
    reference: &'a str,
}

#[derive(Serialize)]
struct LearnerBody<'a> {
    email: &'a str,
    name: Option<&'a str>,
    external_id: Option<&'a str>,
}

#[derive(Deserialize)]
struct GrantAnswer {
    access_url: Url,
}

impl FlockJay {
    /// A client for the API at `base`; each request times out after `timeout`.
    pub fn new(base: Url, token: String, timeout: Duration) -> anyhow::Result<Self> {
        let client = outbound::client(timeout)?;
        Ok(Self { client, base, token })
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        self.client.request(method, url).header(header::AUTHORIZATION, format!("Token {}", self.token))
    }
}

#[async_trait]
impl Grants for FlockJay {
    async fn grant(&self, grant: Grant<'_>) -> Result<Granted, GrantsError> {
        let body = GrantBody {
            learner: LearnerBody {
                email: grant.learner.email.as_str(),
                name: grant.learner.name.as_deref(),
                external_id: grant.learner.external_id.as_deref(),
            },
            resource: grant.resource,
            reference: grant.reference.as_str(),
        };
        let answer =
            send(self.request(Method::PUT, &["grants", grant.purchase.as_str()]).json(&body)).await?;
        match answer.status() {
            status @ (StatusCode::OK | StatusCode::CREATED) => {
                let access_url = access_url(answer).await?;
                Ok(Granted { access_url, made: status == StatusCode::CREATED })
            }
            StatusCode::NOT_FOUND => {
                Err(permanent(format!("FlockJay has no {} {}", grant.resource.kind, grant.resource.id)))
            }
            StatusCode::CONFLICT => {
                Err(permanent("FlockJay granted this purchase to another learner".to_owned()))
            }
            _ => Err(refusal(&answer)),
        }
    }

    async fn revoke(&self, purchase: &PurchaseId) -> Result<bool, GrantsError> {
        let answer = send(self.request(Method::DELETE, &["grants", purchase.as_str()])).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(refusal(&answer)),
        }
    }

    async fn exists(&self, resource: &Resource) -> Result<bool, GrantsError> {
        let answer = send(self.request(Method::GET, &["resources", &resource.kind, &resource.id])).await?;
        match answer.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(refusal(&answer)),
        }
    }
}

async fn send(request: RequestBuilder) -> Result<Response, GrantsError> {
    // The URL is left out: it holds the purchase's id, which is a secret.
    request
        .send()
        .await
        .map_err(|error| transient(format!("FlockJay can't be reached: {}", error.without_url())))
}

/// A success that can't be read may be a proxy's page: the retry finds the grant, or makes it.
async fn access_url(answer: Response) -> Result<String, GrantsError> {
    let kind =
        answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.trim_start().to_ascii_lowercase().starts_with("application/json") {
        return Err(transient(format!(
            "FlockJay answered {} with {kind:?} instead of JSON",
            answer.status()
        )));
    }
    match answer.json::<GrantAnswer>().await {
        Ok(GrantAnswer { access_url }) if matches!(access_url.scheme(), "https" | "http") => {
            Ok(access_url.into())
        }
        Ok(_) => Err(transient("FlockJay's access_url is not an http:// or https:// URL".to_owned())),
        Err(_) => Err(transient("FlockJay's answer has no valid access_url".to_owned())),
    }
}

fn refusal(answer: &Response) -> GrantsError {
    let status = answer.status();
    let message = format!("FlockJay answered {status}");
    if is_final(status) {
        return permanent(message);
    }
    let retry_after = retry_after(answer.headers());
    GrantsError::Transient { message, retry_after }
}

fn transient(message: String) -> GrantsError {
    GrantsError::Transient { message, retry_after: None }
}

fn permanent(message: String) -> GrantsError {
    GrantsError::Permanent { message }
}
