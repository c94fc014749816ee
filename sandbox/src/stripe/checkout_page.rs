//! The hosted page of a checkout session: plain HTML forms that work without JavaScript and take the test cards.

use axum::{
    Form, Router,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Stripe, cards::Card, error::ApiError, ids, intent::Means, session::Session, session::SessionStatus,
};
use crate::html::escape;

const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The learner's input on the page.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Typed {
    number: String,
    /// `MM / YY`.
    expiry: String,
    cvc: String,
    name: String,
}

/// Whether the learner passes 3-D Secure.
#[derive(Deserialize)]
struct Verdict {
    pass: bool,
}

pub(crate) fn routes(stripe: Stripe) -> Router {
    Router::new()
        .route("/c/pay/{session}", get(show).post(pay))
        .route("/c/pay/{session}/challenge", get(challenge))
        .route("/c/pay/{session}/challenge", post(answer_challenge))
        .with_state(stripe)
}

async fn show(State(stripe): State<Stripe>, Path(id): Path<String>) -> Response {
    match stripe.open_session(&id) {
        Ok(session) => page(&form(&session, None)),
        Err(error) => refusal(&error),
    }
}

async fn pay(State(stripe): State<Stripe>, Path(id): Path<String>, Form(typed): Form<Typed>) -> Response {
    let session = match stripe.open_session(&id) {
        Ok(session) if session.status == SessionStatus::Open => session,
        Ok(session) => return page(&form(&session, None)),
        Err(error) => return refusal(&error),
    };
    let (month, year) = typed.expiry.split_once('/').unwrap_or((typed.expiry.as_str(), ""));
    let card = Card::parse(&typed.number, month.trim(), year.trim(), typed.cvc.trim(), ids::year_and_month());
    let paid = card.and_then(|card| {
        let billing = json!({ "name": typed.name, "email": session.customer_email });
        stripe.pay_with(&id, Means::Card(card), billing)
    });
    match paid {
        Ok(intent) if intent["status"] == "requires_action" => see_other(&format!("/c/pay/{id}/challenge")),
        Ok(_) => see_other(&session.success_url),
        Err(error) => declined(&stripe, &id, &error),
    }
}

async fn challenge(State(stripe): State<Stripe>, Path(id): Path<String>) -> Response {
    match stripe.open_session(&id) {
        Ok(session) if session.status == SessionStatus::Open => page(&format!(
            "<h1>3-D Secure</h1><p>Your bank asks whether this is you. This is a test: choose what the bank should hear.</p>\
             <form method=\"post\" action=\"/c/pay/{id}/challenge\" class=\"choice\">\
             <button name=\"pass\" value=\"true\">Complete</button>\
             <button name=\"pass\" value=\"false\" class=\"quiet\">Fail</button></form>",
            id = escape(&id)
        )),
        Ok(session) => page(&form(&session, None)),
        Err(error) => refusal(&error),
    }
}

async fn answer_challenge(
    State(stripe): State<Stripe>,
    Path(id): Path<String>,
    Form(verdict): Form<Verdict>,
) -> Response {
    let session = match stripe.open_session(&id) {
        Ok(session) => session,
        Err(error) => return refusal(&error),
    };
    let Some(intent) = session.intent else { return see_other(&format!("/c/pay/{id}")) };
    match stripe.complete_3ds(&intent, verdict.pass) {
        Ok(_) => see_other(&session.success_url),
        Err(error) => declined(&stripe, &id, &error),
    }
}

fn declined(stripe: &Stripe, id: &str, error: &ApiError) -> Response {
    match stripe.open_session(id) {
        Ok(session) => {
            let mut response = page(&form(&session, error.error()["message"].as_str()));
            *response.status_mut() = StatusCode::PAYMENT_REQUIRED;
            response
        }
        Err(error) => refusal(&error),
    }
}

/// The payment form, or the reason why the page no longer has one.
fn form(session: &Session, problem: Option<&str>) -> String {
    let back = session.cancel_url.as_ref().map(|url| format!("<p><a href=\"{}\">Back</a></p>", escape(url)));
    let back = back.unwrap_or_default();
    match session.status {
        SessionStatus::Open => {}
        SessionStatus::Complete => return format!("<h1>All done</h1><p>This was paid already.</p>{back}"),
        SessionStatus::Expired => {
            return format!("<h1>This page has expired</h1><p>Nothing can be paid here any more.</p>{back}");
        }
    }
    let problem = problem.map(|text| format!("<p class=\"problem\" role=\"alert\">{}</p>", escape(text)));
    let field = |name: &str, label: &str, attributes: &str| {
        format!("<label>{label}<input name=\"{name}\" {attributes}></label>")
    };
    format!(
        "<p class=\"product\">{product}</p><h1>{amount} {currency}</h1><p>{email}</p>{problem}\
         <form method=\"post\" action=\"/c/pay/{id}\">{number}{expiry}{cvc}{name}<button>Pay</button></form>{back}",
        product = escape(&session.product),
        amount = decimal(session.amount, &session.currency),
        currency = session.currency.to_uppercase(),
        email = escape(session.customer_email.as_deref().unwrap_or_default()),
        problem = problem.unwrap_or_default(),
        id = escape(&session.id),
        number = field(
            "number",
            "Card number",
            "inputmode=\"numeric\" autocomplete=\"cc-number\" placeholder=\"4242 4242 4242 4242\" required"
        ),
        expiry =
            field("expiry", "Expiry (MM / YY)", "autocomplete=\"cc-exp\" placeholder=\"12 / 40\" required"),
        cvc =
            field("cvc", "CVC", "inputmode=\"numeric\" autocomplete=\"cc-csc\" placeholder=\"123\" required"),
        name = field("name", "Name on card", "autocomplete=\"cc-name\""),
    )
}

/// The amount as people write it; JPY and KRW have no decimals.
fn decimal(amount: i64, currency: &str) -> String {
    if matches!(currency, "jpy" | "krw") {
        return amount.to_string();
    }
    format!("{}.{:02}", amount / 100, amount % 100)
}

fn page(body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <title>Sandbox payment</title><link rel=\"stylesheet\" href=\"/v3/hosted.css\"></head>\
         <body><p class=\"sandbox\">Sandbox: a stand-in for Stripe's page. No money moves; use a test card.</p>\
         <main>{body}</main></body></html>"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, html).into_response()
}

fn refusal(error: &ApiError) -> Response {
    let text = error.error()["message"].as_str().unwrap_or_default().to_owned();
    let mut response = page(&format!("<h1>Something went wrong</h1><p>{}</p>", escape(&text)));
    *response.status_mut() = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    response
}

fn see_other(address: &str) -> Response {
    match HeaderValue::from_str(address) {
        Ok(address) => (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// The learner's actions on the page.
impl Stripe {
    fn open_session(&self, id: &str) -> Result<Session, ApiError> {
        self.act(|ledger| {
            super::sessions::keep_time(ledger, id)?;
            ledger.session(id).cloned()
        })
    }

    fn pay_with(&self, id: &str, means: Means, billing: Value) -> Result<Value, ApiError> {
        self.act(|ledger| {
            let intent = super::sessions::intent_of(ledger, id)?;
            super::payments::confirm_with(ledger, &intent, means, billing, None)
        })
    }

    /// Pays on a session's page with a card (`12/40`, `123`), as the learner would, and returns the intent.
    pub fn pay_session(&self, session: &str, card_number: &str) -> Result<Value, ApiError> {
        if self.open_session(session)?.status != SessionStatus::Open {
            let message = "This Checkout Session is not open any more.";
            return Err(ApiError::new(400, "invalid_request_error", None, message));
        }
        let card = Card::parse(card_number, "12", "2040", "123", ids::year_and_month())?;
        self.pay_with(session, Means::Card(card), json!({}))
    }
}
