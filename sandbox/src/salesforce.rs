//! Salesforce: an External Client App that signs in with the JWT bearer flow, contacts, and the object that
//! `docs/salesforce.md` describes. It is strict about tokens, fields, links to contacts and the daily request limit.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Form, Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::Jwk};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{html::escape, keys, stripe::now};

/// The app's client id, and the user that it acts as.
pub const SALESFORCE_CLIENT_ID: &str = "3MVG9-sandbox";
pub const SALESFORCE_USER: &str = "integration@redis.example";

const BASE: &str = "/salesforce";
/// Required audience of assertions.
const AUDIENCE: &str = "https://login.salesforce.com";
const OBJECT: &str = "Training_Purchase__c";
const KEY: &str = "Purchase_Reference__c";

/// The private key whose certificate is registered with the app, as PEM. Each process has its own.
#[must_use]
pub fn salesforce_key() -> &'static str {
    keys::pem()
}

/// Fields and the values that they accept.
const FIELDS: [(&str, Kind); 21] = [
    ("Contact__c", Kind::Contact),
    ("Version__c", Kind::Number),
    ("Status__c", Kind::Text(40)),
    ("SKU__c", Kind::Text(80)),
    ("Offering__c", Kind::Text(255)),
    ("Kind__c", Kind::Text(40)),
    ("Learner_Email__c", Kind::Text(254)),
    ("Learner_Name__c", Kind::Text(200)),
    ("Learner_External_Id__c", Kind::Text(255)),
    ("Entitled__c", Kind::Flag),
    ("Access_URL__c", Kind::Text(255)),
    ("Places__c", Kind::Number),
    ("Currency__c", Kind::Text(3)),
    ("List_Price__c", Kind::Number),
    ("Discount__c", Kind::Number),
    ("Total__c", Kind::Number),
    ("Charged__c", Kind::Number),
    ("Refunded__c", Kind::Number),
    ("Coupon__c", Kind::Text(40)),
    ("Opened_At__c", Kind::Moment),
    ("Updated_At__c", Kind::Moment),
];

#[derive(Clone, Copy)]
enum Kind {
    Text(usize),
    Number,
    Flag,
    Moment,
    Contact,
}

/// Inspects Salesforce and injects faults.
#[derive(Clone, Debug)]
pub struct Salesforce(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    base: String,
    tokens: HashSet<String>,
    signed_in: usize,
    /// Email and external id, by contact id.
    contacts: BTreeMap<String, (String, String)>,
    records: BTreeMap<String, Map<String, Value>>,
    /// Requests made today, and the daily limit.
    used: u64,
    most: u64,
    down: bool,
    /// How many more upserts find their record locked.
    locked: u32,
    /// Whether the learner's address is stored in a field of type Email.
    has_email_field: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    grant_type: String,
    assertion: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Composite {
    #[serde(rename = "allOrNone")]
    all_or_none: bool,
    #[serde(rename = "compositeRequest")]
    requests: Vec<SubRequest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubRequest {
    method: String,
    url: String,
    #[serde(rename = "referenceId")]
    name: String,
    body: Option<Map<String, Value>>,
}

impl Salesforce {
    pub(crate) fn new(origin: &str) -> Self {
        let inner = Inner { base: format!("{origin}{BASE}"), most: 15_000, ..Inner::default() };
        Self(Arc::new(Mutex::new(inner)))
    }

    /// My Domain URL (`SALESFORCE_URL`).
    #[must_use]
    pub fn url(&self) -> String {
        self.lock().base.clone()
    }

    /// Adds a contact and returns its id.
    pub fn add_contact(&self, email: &str, external_id: &str) -> String {
        let mut inner = self.lock();
        let id = format!("003{:015}", inner.contacts.len() + 1);
        inner.contacts.insert(id.clone(), (email.to_owned(), external_id.to_owned()));
        id
    }

    /// The record of the purchase with this reference.
    #[must_use]
    pub fn record(&self, reference: &str) -> Option<Value> {
        self.lock().records.get(reference).cloned().map(Value::Object)
    }

    /// Links a record to a contact, as a Salesforce user would by hand.
    pub fn link(&self, reference: &str, contact: &str) {
        let mut inner = self.lock();
        let record = inner.records.get_mut(reference).expect("a record");
        record.insert("Contact__c".to_owned(), json!(contact));
    }

    /// Invalidates every token issued so far.
    pub fn end_tokens(&self) {
        self.lock().tokens.clear();
    }

    /// Stores the learner's address in an Email field from now on, which rejects over 80 characters and non-ASCII text.
    pub fn has_email_field(&self) {
        self.lock().has_email_field = true;
    }

    /// How often a client has signed in.
    #[must_use]
    pub fn signed_in(&self) -> usize {
        self.lock().signed_in
    }

    /// Sets how many requests were made today, and the daily limit.
    pub fn limit(&self, used: u64, most: u64) {
        let mut inner = self.lock();
        (inner.used, inner.most) = (used, most);
    }

    /// How many requests were made today.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.lock().used
    }

    /// While `down`, answers every API request with 503.
    pub fn is_down(&self, down: bool) {
        self.lock().down = down;
    }

    /// Makes the next `times` upserts find their record locked.
    pub fn lock_rows(&self, times: u32) {
        self.lock().locked = times;
    }

    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route(BASE, get(page))
            .route(&format!("{BASE}/services/oauth2/token"), post(sign_in))
            .route(&format!("{BASE}/services/data/{{version}}/composite"), post(composite))
            .with_state(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sign_in(State(salesforce): State<Salesforce>, Form(asked): Form<Asked>) -> Response {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let mut inner = salesforce.lock();
    if inner.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[SALESFORCE_CLIENT_ID]);
    validation.set_audience(&[AUDIENCE]);
    validation.sub = Some(SALESFORCE_USER.to_owned());
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let public = Jwk::from_encoding_key(&keys::rsa(), Algorithm::RS256).expect("a public key");
    let key = DecodingKey::from_jwk(&public).expect("a key");
    let good = asked.grant_type == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        && decode::<Claims>(&asked.assertion, &key, &validation)
            .is_ok_and(|assertion| assertion.claims.exp <= now() + 180);
    if !good {
        let refusal = json!({ "error": "invalid_grant", "error_description": "invalid assertion" });
        return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
    }
    inner.signed_in += 1;
    let token = format!("00D!{:032x}", rand::random::<u128>());
    inner.tokens.insert(token.clone());
    let instance = inner.base.clone();
    Json(json!({ "access_token": token, "instance_url": instance, "token_type": "Bearer", "scope": "api" }))
        .into_response()
}

async fn composite(
    State(salesforce): State<Salesforce>,
    Path(version): Path<String>,
    headers: HeaderMap,
    Json(asked): Json<Composite>,
) -> Response {
    let mut inner = salesforce.lock();
    if inner.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let bearer =
        headers.get(header::AUTHORIZATION).and_then(|text| text.to_str().ok()?.strip_prefix("Bearer "));
    if !bearer.is_some_and(|token| inner.tokens.contains(token)) {
        return fault(StatusCode::UNAUTHORIZED, "INVALID_SESSION_ID");
    }
    inner.used += 1;
    if inner.used > inner.most {
        return fault(StatusCode::FORBIDDEN, "REQUEST_LIMIT_EXCEEDED");
    }
    if asked.requests.is_empty() || asked.requests.len() > 25 || !version.starts_with("v6") {
        return fault(StatusCode::BAD_REQUEST, "INVALID_INPUT");
    }
    let prefix = format!("/services/data/{version}");
    let kept = inner.records.clone();
    let mut results: Vec<(u16, Value)> =
        asked.requests.iter().map(|request| inner.carry_out(request, &prefix)).collect();
    if asked.all_or_none && results.iter().any(|(status, _)| *status >= 400) {
        inner.records = kept;
        for (status, body) in results.iter_mut().filter(|(status, _)| *status < 400) {
            (*status, *body) = (400, json!([{ "errorCode": "PROCESSING_HALTED", "message": "rolled back" }]));
        }
    }
    let results: Vec<_> = results
        .into_iter()
        .zip(&asked.requests)
        .map(|((status, body), request)| {
            json!({ "body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": request.name })
        })
        .collect();
    let mut answer = Json(json!({ "compositeResponse": results })).into_response();
    let usage = format!("api-usage={}/{}", inner.used, inner.most);
    answer.headers_mut().insert("sforce-limit-info", HeaderValue::from_str(&usage).expect("a header"));
    answer
}

impl Inner {
    fn carry_out(&mut self, request: &SubRequest, prefix: &str) -> (u16, Value) {
        let refused = |code: &str, fields: &[&str]| {
            (400, json!([{ "errorCode": code, "message": "refused", "fields": fields }]))
        };
        let Some(path) = request.url.strip_prefix(prefix) else { return refused("NOT_FOUND", &[]) };
        match (request.method.as_str(), path) {
            ("GET", path) if path.starts_with("/query?") => match self.query(&path["/query?".len()..]) {
                Some(found) => (200, json!({ "totalSize": found.len(), "done": true, "records": found })),
                None => refused("MALFORMED_QUERY", &[]),
            },
            ("PATCH", path) => {
                let Some(reference) = path.strip_prefix(&format!("/sobjects/{OBJECT}/{KEY}/")) else {
                    return refused("NOT_FOUND", &[]);
                };
                let Some(body) = &request.body else { return refused("JSON_PARSER_ERROR", &[]) };
                if self.locked > 0 {
                    self.locked -= 1;
                    return refused("UNABLE_TO_LOCK_ROW", &[]);
                }
                if let Some((code, field)) = body.iter().find_map(|(name, value)| self.wrong(name, value)) {
                    return refused(code, &[&field]);
                }
                let known = self.records.contains_key(reference);
                self.records.entry(reference.to_owned()).or_default().extend(body.clone());
                (
                    if known { 200 } else { 201 },
                    json!({ "id": reference, "success": true, "created": !known, "errors": [] }),
                )
            }
            _ => refused("METHOD_NOT_ALLOWED", &[]),
        }
    }

    /// Runs `SELECT Id FROM Contact WHERE Field = 'value' LIMIT 2`; `None` if the query is malformed.
    fn query(&self, query: &str) -> Option<Vec<Value>> {
        let pairs: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let rest =
            pairs.get("q")?.strip_prefix("SELECT Id FROM Contact WHERE ")?.strip_suffix("' LIMIT 2")?;
        let (field, value) = rest.split_once(" = '")?;
        let mut plain = String::new();
        let mut letters = value.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => plain.push(letters.next()?),
                '\'' => return None,
                letter => plain.push(letter),
            }
        }
        let fits = |(email, id): &&(String, String)| match field {
            "Email" => email.eq_ignore_ascii_case(&plain),
            _ => *id == plain,
        };
        if !["Email", "External_Id__c"].contains(&field) {
            return None;
        }
        let found = self.contacts.iter().filter(|(_, contact)| fits(contact)).take(2);
        Some(found.map(|(id, _)| json!({ "attributes": { "type": "Contact" }, "Id": id })).collect())
    }

    fn wrong(&self, name: &str, value: &Value) -> Option<(&'static str, String)> {
        let wrong = |code| Some((code, name.to_owned()));
        let Some((_, kind)) = FIELDS.iter().find(|(field, _)| *field == name) else {
            return wrong("INVALID_FIELD");
        };
        let text = value.as_str();
        match kind {
            Kind::Flag if value.is_boolean() => None,
            Kind::Flag => wrong("INVALID_FIELD_FOR_INSERT_UPDATE"),
            _ if value.is_null() => None,
            Kind::Text(_) if self.has_email_field && name == "Learner_Email__c" => match text {
                Some(text) if text.chars().count() > 80 => wrong("STRING_TOO_LONG"),
                Some(text) if text.is_ascii() => None,
                _ => wrong("INVALID_EMAIL_ADDRESS"),
            },
            Kind::Text(most) => match text {
                Some(text) if text.chars().count() <= *most => None,
                Some(_) => wrong("STRING_TOO_LONG"),
                None => wrong("JSON_PARSER_ERROR"),
            },
            Kind::Number if value.is_number() => None,
            Kind::Moment if text.is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()) => None,
            Kind::Contact if text.is_some_and(|id| self.contacts.contains_key(id)) => None,
            Kind::Contact => wrong("INVALID_CROSS_REFERENCE_KEY"),
            Kind::Number | Kind::Moment => wrong("JSON_PARSER_ERROR"),
        }
    }
}

fn fault(status: StatusCode, code: &str) -> Response {
    (status, Json(json!([{ "errorCode": code, "message": "refused" }]))).into_response()
}

async fn page(State(salesforce): State<Salesforce>) -> Html<String> {
    let inner = salesforce.lock();
    let row = |(reference, record): (&String, &Map<String, Value>)| {
        let cell = |name: &str| {
            escape(&record.get(name).map(|value| value.to_string().replace('"', "")).unwrap_or_default())
        };
        let cells: String = [
            "Learner_Email__c",
            "Contact__c",
            "SKU__c",
            "Status__c",
            "Charged__c",
            "Refunded__c",
            "Version__c",
        ]
        .iter()
        .map(|name| format!("<td>{}</td>", cell(name)))
        .collect();
        format!("<tr><td>{}</td>{cells}</tr>", escape(reference))
    };
    let rows: String = inner.records.iter().map(row).collect();
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Salesforce (sandbox)</title>\
         <main><h1>Training purchases</h1><p>A stand-in for Salesforce.</p><table><thead><tr><th>Purchase<th>Email<th>Contact\
         <th>SKU<th>Status<th>Charged<th>Refunded<th>Version</tr></thead><tbody>{rows}</tbody></table></main></html>"
    ))
}
