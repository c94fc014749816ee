//! Salesforce: each purchase as one record, linked to its learner's contact. The only file that knows Salesforce's routes.
//!
//! An External Client App signs in by the JWT bearer flow
//! (<https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm>), and everything goes through
//! composite requests (<https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm>).
use super::{Account, AccountError, Message, Snapshot};
use crate::outbound::{self, retry_after};
use async_trait::async_trait;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{Response, StatusCode, header::HeaderMap};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::Currency;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use url::Url;

/// Its name in `sync`, the outbox and the timeline.
pub const NAME: &str = "salesforce";
const API: &str = "/services/data/v62.0";
/// For each request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// Seconds for which an assertion is valid; Salesforce accepts three minutes at most.
const ASSERTED: i64 = 120;
/// How long sending pauses once the day's requests are nearly used up, since others need them, too.
const PAUSE: Duration = Duration::from_secs(3600);
/// Salesforce's error code once they are used up.
const LIMIT: &str = "REQUEST_LIMIT_EXCEEDED";
/// Percentage of the day's requests that is left to others.
const RESERVE: u64 = 10;

/// Salesforce's address, our login there, and the names of our fields.
#[derive(Clone)]
pub struct SalesforceConfig {
    /// My Domain, without a trailing slash.
    pub url: Url,
    /// The audience of assertions: `https://login.salesforce.com`, or `https://test.salesforce.com` for Salesforce
    /// sandboxes.
    pub audience: String,
    /// The app's consumer key.
    pub client_id: String,
    /// The user that the app acts as.
    pub user: String,
    /// The private key as PEM. The app has its certificate.
    pub key: Vec<u8>,
    /// Our field names, and Salesforce's names for them; see [`DEFAULT_FIELDS`].
    pub fields: BTreeMap<String, String>,
}

impl fmt::Debug for SalesforceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It holds secrets.
        f.debug_struct("SalesforceConfig").finish_non_exhaustive()
    }
}

/// Our field names, and their names in the object that `docs/salesforce.md` describes. A field with an empty name is
/// not sent.
pub const DEFAULT_FIELDS: [(&str, &str); 24] = [
    ("object", "Training_Purchase__c"),
    ("reference", "Purchase_Reference__c"),
    ("contact", "Contact__c"),
    ("contact_external_id", "External_Id__c"),
    ("version", "Version__c"),
    ("state", "Status__c"),
    ("sku", "SKU__c"),
    ("title", "Offering__c"),
    ("kind", "Kind__c"),
    ("email", "Learner_Email__c"),
    ("name", "Learner_Name__c"),
    ("external_id", "Learner_External_Id__c"),
    ("entitled", "Entitled__c"),
    ("access_url", "Access_URL__c"),
    ("places", "Places__c"),
    ("currency", "Currency__c"),
    ("list", "List_Price__c"),
    ("discount", "Discount__c"),
    ("total", "Total__c"),
    ("charged", "Charged__c"),
    ("refunded", "Refunded__c"),
    ("coupon", "Coupon__c"),
    ("opened_at", "Opened_At__c"),
    ("updated_at", "Updated_At__c"),
];

/// The Salesforce client, with its latest access token.
pub struct Salesforce {
    config: SalesforceConfig,
    key: EncodingKey,
    client: reqwest::Client,
    token: Mutex<Option<Arc<Token>>>,
    /// When sending resumes, in milliseconds since 1970.
    paused_until: AtomicI64,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    /// The base URL of the API.
    instance_url: Url,
}

#[derive(Serialize)]
struct Assertion<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
}

#[derive(Deserialize)]
struct Composite {
    #[serde(rename = "compositeResponse")]
    results: Vec<SubResult>,
}

/// One result within a composite response.
#[derive(Deserialize)]
struct SubResult {
    body: Value,
    #[serde(rename = "httpStatusCode")]
    status: u16,
}

/// An error that Salesforce reports.
#[derive(Deserialize)]
struct Fault {
    #[serde(rename = "errorCode")]
    code: String,
    #[serde(default)]
    fields: Vec<String>,
}

impl Salesforce {
    pub fn new(config: SalesforceConfig) -> anyhow::Result<Self> {
        let client = outbound::client(REQUEST_TIMEOUT)?;
        let key = EncodingKey::from_rsa_pem(&config.key)?;
        Ok(Self { config, key, client, token: Mutex::default(), paused_until: AtomicI64::new(0) })
    }

    async fn send(&self, message: &Message) -> Result<(), AccountError> {
        let now = message.at.as_millis();
        let paused = self.paused_until.load(Ordering::Relaxed) - now;
        if let Some(wait) = u64::try_from(paused).ok().filter(|wait| *wait > 0) {
            let message = "Salesforce's daily API limit is nearly used up".to_owned();
            return Err(AccountError::Transient { message, retry_after: Some(Duration::from_millis(wait)) });
        }
        let contact = self.contact(&message.purchase, now).await?;
        let body = self.record(&message.purchase, contact);
        let (object, id) = (self.field("object"), self.field("reference"));
        let url = format!("{API}/sobjects/{object}/{id}/{}", message.purchase.reference);
        let upsert = |body: &Map<_, _>| json!({ "method": "PATCH", "url": url, "referenceId": "purchase", "body": body });
        match self.composite(vec![upsert(&body)], now).await {
            // Better to send the purchase without the email than not at all.
            Err(AccountError::Permanent { message }) if self.is_about_email(&message) => {
                tracing::warn!(error = message, "Salesforce rejected the email; sending without it");
                let mut body = body;
                body.insert(self.field("email").to_owned(), Value::Null);
                self.composite(vec![upsert(&body)], now).await.map(drop)
            }
            outcome => outcome.map(drop),
        }
    }

    /// Whether Salesforce has refused the learner's email.
    fn is_about_email(&self, refusal: &str) -> bool {
        let field = self.field("email");
        !field.is_empty()
            && refusal.contains(field)
            && ["INVALID_EMAIL_ADDRESS", "STRING_TOO_LONG"].iter().any(|code| refusal.contains(code))
    }

    /// Finds the learner's contact: by external id, or by an email that only one contact has.
    async fn contact(&self, purchase: &Snapshot, now: i64) -> Result<Option<String>, AccountError> {
        let Some(learner) = &purchase.learner else { return Ok(None) };
        let by_id = learner.external_id.as_deref().map(|id| (self.field("contact_external_id"), id));
        let by_email = Some(("Email", learner.email.as_str()));
        let query = |(n, (field, value)): (usize, (&str, &str))| {
            let soql = format!("SELECT Id FROM Contact WHERE {field} = '{}' LIMIT 2", quoted(value));
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", &soql).finish();
            json!({ "method": "GET", "url": format!("{API}/query?{query}"), "referenceId": format!("contact{n}") })
        };
        let wanted = by_id.filter(|(field, _)| !field.is_empty()).into_iter().chain(by_email);
        let found = self.composite(wanted.enumerate().map(query).collect(), now).await?;
        let only = |result: &SubResult| match result.body["records"].as_array().map(Vec::as_slice) {
            Some([contact]) => contact["Id"].as_str().map(str::to_owned),
            Some(_) | None => None,
        };
        Ok(found.iter().find_map(only))
    }

    /// The purchase under Salesforce's field names. What is no longer known is cleared there.
    fn record(&self, purchase: &Snapshot, contact: Option<String>) -> Map<String, Value> {
        let learner = purchase.learner.as_ref();
        let price = &purchase.price;
        let sum = |amount| json!(major(amount, price.currency));
        let values = [
            ("contact", json!(&contact)),
            ("version", json!(purchase.version)),
            ("state", json!(purchase.state)),
            ("sku", json!(purchase.sku)),
            ("title", json!(purchase.title)),
            ("kind", json!(purchase.kind)),
            ("email", json!(learner.map(|learner| &learner.email))),
            ("name", json!(learner.and_then(|learner| learner.name.as_ref()))),
            ("external_id", json!(learner.and_then(|learner| learner.external_id.as_ref()))),
            ("entitled", json!(purchase.entitled)),
            ("access_url", json!(purchase.access_url)),
            ("places", json!(purchase.team.as_ref().map_or(1, |team| team.places))),
            ("currency", json!(price.currency.as_str().to_uppercase())),
            ("list", sum(price.list)),
            ("discount", sum(price.discount)),
            ("total", sum(price.total)),
            ("charged", sum(purchase.charged)),
            ("refunded", sum(purchase.reversed())),
            ("coupon", json!(price.coupon)),
            ("opened_at", json!(purchase.opened_at)),
            ("updated_at", json!(purchase.updated_at)),
        ];
        // If no contact is found, one that a person has chosen stays, unless the learner was erased.
        let keeps_contact = contact.is_none() && learner.is_some();
        let sent = values.into_iter().filter(|(name, _)| !(keeps_contact && *name == "contact"));
        let named = sent.map(|(name, value)| (self.field(name).to_owned(), value));
        named.filter(|(field, _)| !field.is_empty()).collect()
    }

    fn field(&self, name: &str) -> &str {
        self.config.fields.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Sends `requests`, all of which must succeed, and returns their results. If the token has expired, retries once
    /// with a new one.
    async fn composite(&self, requests: Vec<Value>, now: i64) -> Result<Vec<SubResult>, AccountError> {
        let body = json!({ "allOrNone": true, "compositeRequest": requests });
        let mut tries = 0;
        loop {
            let token = self.token(now).await?;
            let url = format!("{}{API}/composite", token.instance_url.as_str().trim_end_matches('/'));
            let request = self.client.post(url).bearer_auth(&token.access_token).json(&body);
            let answer = request.send().await.map_err(unreachable)?;
            if answer.status() == StatusCode::UNAUTHORIZED && tries == 0 {
                tries += 1;
                self.forget(&token).await;
                continue;
            }
            return self.results(answer, requests.len(), now).await;
        }
    }

    async fn results(
        &self,
        answer: Response,
        wanted: usize,
        now: i64,
    ) -> Result<Vec<SubResult>, AccountError> {
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.map_err(unreachable)?;
        // This request has already been made; the next one waits.
        if used_up(&headers) || text.contains(LIMIT) {
            let until = now + i64::try_from(PAUSE.as_millis()).unwrap_or(i64::MAX);
            self.paused_until.store(until, Ordering::Relaxed);
            tracing::warn!(alert = true, "Salesforce's daily API limit is nearly used up; pausing requests");
        }
        if !status.is_success() {
            let faults: Vec<Fault> = serde_json::from_str(&text).unwrap_or_default();
            return Err(refused(status.as_u16(), &faults, retry_after(&headers)));
        }
        // The parser's message may quote what it could not read.
        let unreadable = |_| AccountError::transient("Salesforce's answer can't be read".to_owned());
        let Composite { results } = serde_json::from_str(&text).map_err(unreadable)?;
        // A request halted by another's failure says less than that failure.
        let halted = |faults: &[Fault]| faults.iter().all(|fault| fault.code == "PROCESSING_HALTED");
        let mut failure = None;
        for result in results.iter().filter(|result| !(200..300).contains(&result.status)) {
            let faults: Vec<Fault> = serde_json::from_value(result.body.clone()).unwrap_or_default();
            if failure.is_none() || !halted(&faults) {
                failure = Some(refused(result.status, &faults, None));
            }
        }
        match failure {
            Some(failure) => Err(failure),
            None if results.len() != wanted => {
                Err(AccountError::transient("Salesforce answered only some of our requests".to_owned()))
            }
            None => Ok(results),
        }
    }

    async fn token(&self, now: i64) -> Result<Arc<Token>, AccountError> {
        let mut known = self.token.lock().await;
        if let Some(token) = known.as_ref() {
            return Ok(token.clone());
        }
        let SalesforceConfig { url, audience, client_id, user, .. } = &self.config;
        let assertion = Assertion { iss: client_id, sub: user, aud: audience, exp: now / 1000 + ASSERTED };
        let assertion = encode(&Header::new(Algorithm::RS256), &assertion, &self.key)
            .map_err(|error| AccountError::transient(format!("SALESFORCE_KEY_FILE: {error}")))?;
        let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        let request = self
            .client
            .post(format!("{}/services/oauth2/token", url.as_str().trim_end_matches('/')))
            .form(&[("grant_type", grant), ("assertion", &assertion)]);
        let answer = request.send().await.map_err(unreachable)?;
        if !answer.status().is_success() {
            let status = answer.status();
            let refusal: Value = answer.json().await.unwrap_or_default();
            let why = refusal["error"].as_str().unwrap_or_default();
            // Transient, since an operator can fix the login and the purchase is not at fault.
            return Err(AccountError::transient(format!("Salesforce rejected our login: {status} {why}")));
        }
        let token: Arc<Token> = Arc::new(answer.json().await.map_err(unreachable)?);
        *known = Some(token.clone());
        Ok(token)
    }

    /// Drops `token`, unless another request has already replaced it.
    async fn forget(&self, token: &Arc<Token>) {
        let mut known = self.token.lock().await;
        known.take_if(|known| Arc::ptr_eq(known, token));
    }
}

#[async_trait]
impl Account for Salesforce {
    fn name(&self) -> &str {
        NAME
    }

    async fn notify(&self, message: &Message) -> Result<(), AccountError> {
        self.send(message).await
    }
}

/// Classifies a refusal as transient or permanent. Salesforce's message is left out, since it may quote an email.
fn refused(status: u16, faults: &[Fault], retry_after: Option<Duration>) -> AccountError {
    let named = |fault: &Fault| match fault.fields.as_slice() {
        [] => fault.code.clone(),
        fields => format!("{} ({})", fault.code, fields.join(", ")),
    };
    let what: Vec<_> = faults.iter().map(named).collect();
    let message = format!("Salesforce answered {status} {}", what.join(", "));
    let has = |code: &str| faults.iter().any(|fault| fault.code == code);
    if has(LIMIT) {
        return AccountError::Transient { message, retry_after: Some(PAUSE) };
    }
    let passes = status >= 500
        || matches!(status, 401 | 408 | 425 | 429)
        || ["UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT"].into_iter().any(has);
    if passes {
        AccountError::Transient { message, retry_after }
    } else {
        AccountError::Permanent { message }
    }
}

/// Whether only the requests reserved for others are left of the day's (`Sforce-Limit-Info: api-usage=123/15000`).
fn used_up(headers: &HeaderMap) -> bool {
    let text = headers.get("sforce-limit-info").and_then(|info| info.to_str().ok()).unwrap_or_default();
    let usage = text.split([',', ';']).find_map(|part| part.trim().strip_prefix("api-usage="));
    let parsed = usage.and_then(|usage| usage.split_once('/'));
    match parsed.map(|(used, all)| (used.trim().parse::<u64>(), all.trim().parse::<u64>())) {
        Some((Ok(used), Ok(all))) => used.saturating_mul(100) >= all.saturating_mul(100 - RESERVE),
        _ => false,
    }
}

/// Escapes text for a SOQL string.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

/// Major units, such as dollars.
fn major(amount: i64, currency: Currency) -> f64 {
    let unit = 10_f64.powi(i32::try_from(currency.decimals()).unwrap_or_default());
    #[expect(clippy::cast_precision_loss, reason = "amounts stay far below 2^53")]
    let amount = amount as f64;
    amount / unit
}

fn unreachable(error: reqwest::Error) -> AccountError {
    AccountError::transient(format!("Salesforce can't be reached: {}", error.without_url()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_tenths_of_the_days_requests_are_enough() {
        let used_up = |text: &str| {
            let headers = [("sforce-limit-info".parse().unwrap(), text.parse().unwrap())];
            used_up(&HeaderMap::from_iter(headers))
        };
        assert!(used_up("api-usage=13500/15000"));
        assert!(used_up("per-app-api-usage=1/10, api-usage=9/10"));
        assert!(!used_up("api-usage=13499/15000") && !used_up("api-usage=x/y") && !used_up(""));
    }

    #[test]
    fn nothing_ends_a_string_of_soql_early() {
        assert_eq!(quoted("o'brien\\"), "o\\'brien\\\\");
    }

    #[test]
    fn sums_are_in_major_units() {
        let of = |amount, code| major(amount, Currency::parse(code).unwrap());
        assert_eq!((of(4_999, "usd"), of(4_900, "jpy"), of(1_234, "kwd")), (49.99, 4_900.0, 1.234));
    }
}
