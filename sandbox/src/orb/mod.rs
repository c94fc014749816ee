//! Orb: customers, one-off invoices that are issued and paid, and credit notes. It is strict about states and
//! idempotency keys, and as careless with a customer's balance as the real Orb.

mod amount;
mod books;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use self::books::{BAD, Books, Fault};
use crate::html::escape;

/// The key required in `Authorization: Bearer` (`ORB_API_KEY`), and the item of invoice lines (`ORB_ITEM_ID`).
pub const ORB_API_KEY: &str = "orb_sandbox";
pub const ORB_ITEM: &str = "item_training";

const BASE: &str = "/orb/v1";

/// Inspects Orb and injects faults.
#[derive(Clone, Debug)]
pub struct Orb(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    base: String,
    books: Books,
    /// Requests and their answers, by idempotency key.
    answers: BTreeMap<String, (Value, Value)>,
    /// How many more answers are lost after the work is done.
    lost: u32,
    down: bool,
}

impl Orb {
    pub(crate) fn new(origin: &str) -> Self {
        Self(Arc::new(Mutex::new(Inner { base: format!("{origin}{BASE}"), ..Inner::default() })))
    }

    /// Base URL of the API (`ORB_URL`).
    #[must_use]
    pub fn url(&self) -> String {
        self.lock().base.clone()
    }

    /// Every invoice as Orb returns it.
    #[must_use]
    pub fn invoices(&self) -> Vec<Value> {
        self.lock().books.invoices.clone()
    }

    /// Every customer as Orb returns it.
    #[must_use]
    pub fn customers(&self) -> Vec<Value> {
        self.lock().books.customers.iter().map(books::Customer::shown).collect()
    }

    /// Creates a customer with this external id, whom someone already bills in `currency` for something else.
    ///
    /// # Panics
    ///
    /// If the customer exists already.
    pub fn bills(&self, external_id: &str, currency: &str) {
        let asked = json!({
            "external_customer_id": external_id, "name": external_id, "email": "billing@example.com", "currency": currency,
        });
        self.lock().books.create_customer(&asked).expect("a new customer");
    }

    /// Issues a paid invoice to this customer, as earlier releases did for the purchase with `reference`.
    ///
    /// # Panics
    ///
    /// If there is no such customer, or `amount` isn't an amount.
    pub fn invoice(&self, external_id: &str, amount: &str, currency: &str, reference: &str) {
        let books = &mut self.lock().books;
        let asked = json!({
            "external_customer_id": external_id, "currency": currency, "invoice_date": "2026-11-01",
            "metadata": { "purchase": reference },
            "line_items": [{
                "item_id": ORB_ITEM, "name": "a training", "quantity": 1, "model_type": "unit",
                "unit_config": { "unit_amount": amount }, "start_date": "2026-11-01", "end_date": "2026-11-01",
            }],
        });
        let invoice = books.create_invoice(&asked, ORB_ITEM).expect("an invoice");
        let id = invoice["id"].as_str().expect("an id");
        books.issue(id).expect("it issued");
        books.mark_paid(id, &json!({ "payment_received_date": "2026-11-01" })).expect("it paid");
    }

    /// Adjusts this customer's balance, as someone would by hand; `direction` is `increment` or `decrement`.
    ///
    /// # Panics
    ///
    /// If there is no such customer, or `amount` isn't an amount.
    pub fn adjust(&self, external_id: &str, direction: &str, amount: &str) {
        let books = &mut self.lock().books;
        let id = books.customer_called(external_id).expect("a customer").id.clone();
        books.adjust(&id, &json!({ "amount": amount, "type": direction })).expect("a change");
    }

    /// Makes a tax provider add `percent` to every invoice of a customer who isn't exempt, including drafts.
    pub fn tax(&self, percent: i64) {
        let books = &mut self.lock().books;
        books.tax = percent;
        books.compute_drafts();
    }

    /// Makes the tax provider add `percent` only when an invoice is issued.
    pub fn tax_when_issued(&self, percent: i64) {
        self.lock().books.tax_when_issued = percent;
    }

    /// Sets whether invoices of customers who aren't excluded go to an accounting provider; such invoices then take no
    /// credit notes.
    pub fn sync(&self, syncs: bool) {
        self.lock().books.syncs = syncs;
    }

    /// Credits `amount` of the first invoice just before the next one is issued, as another instance of ours would.
    pub fn credits_before_issuing(&self, amount: &str) {
        self.lock().books.credits_before_issuing = Some(amount.to_owned());
    }

    /// Sets how long drafts created from now on may still be changed.
    pub fn grace(&self, grace: Duration) {
        self.lock().books.grace = grace;
    }

    /// Voids an invoice, as someone would by hand.
    ///
    /// # Panics
    ///
    /// If there is no such invoice, or it isn't issued.
    pub fn void(&self, invoice: &str) {
        self.lock().books.void(invoice).expect("an issued invoice");
    }

    /// Loses the next `times` answers, although the work is done.
    pub fn lose_answers(&self, times: u32) {
        self.lock().lost = times;
    }

    /// Forgets all idempotency keys, as Orb does after two days.
    pub fn forget_keys(&self) {
        self.lock().answers.clear();
    }

    /// While `down`, answers every API request with 503.
    pub fn is_down(&self, down: bool) {
        self.lock().down = down;
    }

    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route("/orb", get(page))
            .route(&format!("{BASE}/customers"), post(create_customer))
            .route(&format!("{BASE}/customers/external_customer_id/{{id}}"), get(customer_called))
            .route(&format!("{BASE}/customers/{{id}}"), get(customer))
            .route(&format!("{BASE}/customers/{{id}}/balance_transactions"), get(transactions).post(adjust))
            .route(&format!("{BASE}/invoices"), get(list).post(create_invoice))
            .route(&format!("{BASE}/invoices/{{id}}"), get(invoice))
            .route(&format!("{BASE}/invoices/{{id}}/issue"), post(issue))
            .route(&format!("{BASE}/invoices/{{id}}/mark_paid"), post(mark_paid))
            .route(&format!("{BASE}/credit_notes"), post(credit))
            .with_state(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Authenticates the caller, does `work` once per idempotency key, and answers unless the answer is to be lost.
    fn answer(
        &self,
        headers: &HeaderMap,
        asked: &Value,
        work: impl FnOnce(&mut Books) -> Result<Value, Fault>,
    ) -> Response {
        let mut inner = self.lock();
        if inner.down {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        let header = |name| headers.get(name).and_then(|text| text.to_str().ok()).map(str::to_owned);
        if header(header::AUTHORIZATION) != Some(format!("Bearer {ORB_API_KEY}")) {
            return fault(StatusCode::UNAUTHORIZED, "authentication");
        }
        let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
        if let Some((before, answer)) = key.as_ref().and_then(|key| inner.answers.get(key)) {
            return match before == asked {
                true => Json(answer.clone()).into_response(),
                false => fault(StatusCode::BAD_REQUEST, "idempotency_key_reused"),
            };
        }
        match work(&mut inner.books) {
            Ok(answer) => {
                inner.answers.extend(key.map(|key| (key, (asked.clone(), answer.clone()))));
                if inner.lost > 0 {
                    inner.lost -= 1;
                    return StatusCode::BAD_GATEWAY.into_response();
                }
                Json(answer).into_response()
            }
            Err((status, title)) => fault(status, title),
        }
    }
}

async fn create_customer(State(orb): State<Orb>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    orb.answer(&headers, &body, |books| books.create_customer(&body))
}

async fn customer_called(State(orb): State<Orb>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    orb.answer(&headers, &Value::Null, |books| books.customer_called(&id).map(|customer| customer.shown()))
}

async fn customer(State(orb): State<Orb>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    orb.answer(&headers, &Value::Null, |books| books.customer(&id).map(|customer| customer.shown()))
}

async fn transactions(
    State(orb): State<Orb>,
    headers: HeaderMap,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Query::of(query);
    orb.answer(&headers, &Value::Null, |books| {
        Ok(query.page(books.customer(&id)?.transactions.iter().rev().cloned()))
    })
}

async fn adjust(
    State(orb): State<Orb>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    orb.answer(&headers, &body, |books| books.adjust(&id, &body))
}

async fn list(State(orb): State<Orb>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = Query::of(query);
    orb.answer(&headers, &Value::Null, |books| {
        let customer = query.first("customer_id").ok_or((BAD, "customer_id is needed here"))?;
        books.customer(customer)?;
        let wanted = query.all("status[]");
        let has_status = |invoice: &&Value| match wanted.is_empty() {
            true => ["issued", "paid", "synced"].iter().any(|status| invoice["status"] == *status),
            false => wanted.iter().any(|status| invoice["status"] == *status),
        };
        let of_customer = books.invoices.iter().rev().filter(|invoice| invoice["customer"]["id"] == customer);
        Ok(query.page(of_customer.filter(has_status).cloned()))
    })
}

async fn create_invoice(State(orb): State<Orb>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    orb.answer(&headers, &body, |books| books.create_invoice(&body, ORB_ITEM))
}

async fn invoice(State(orb): State<Orb>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    orb.answer(&headers, &Value::Null, |books| books.invoice(&id).map(|invoice| invoice.clone()))
}

async fn issue(
    State(orb): State<Orb>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    orb.answer(&headers, &body, |books| books.issue(&id))
}

async fn mark_paid(
    State(orb): State<Orb>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    orb.answer(&headers, &body, |books| books.mark_paid(&id, &body))
}

async fn credit(State(orb): State<Orb>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    orb.answer(&headers, &body, |books| books.credit(&body))
}

struct Query(Vec<(String, String)>);

impl Query {
    fn of(text: Option<String>) -> Self {
        Self(url::form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// A page of two items, so that callers must paginate.
    fn page(&self, found: impl Iterator<Item = Value>) -> Value {
        let from: usize = self.first("cursor").and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        let found: Vec<_> = found.collect();
        let next = (found.len() > from + 2).then(|| (from + 2).to_string());
        let data: Vec<_> = found.into_iter().skip(from).take(2).collect();
        json!({ "data": data, "pagination_metadata": { "has_more": next.is_some(), "next_cursor": next } })
    }
}

fn fault(status: StatusCode, title: &str) -> Response {
    (status, Json(json!({ "status": status.as_u16(), "title": title }))).into_response()
}

async fn page(State(orb): State<Orb>) -> Html<String> {
    let row = |invoice: &Value| {
        let credited: Vec<_> = invoice["credit_notes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|note| note["total"].to_string())
            .collect();
        let cells = [
            &invoice["metadata"]["purchase"],
            &invoice["customer"]["external_customer_id"],
            &invoice["line_items"][0]["name"],
            &invoice["total"],
            &invoice["currency"],
            &invoice["status"],
            &invoice["payment"]["external_id"],
            &json!(credited.join(", ")),
        ];
        let cells =
            cells.map(|cell| format!("<td>{}</td>", escape(&cell.to_string().replace(['"', '\\'], ""))));
        format!("<tr>{}</tr>", cells.concat())
    };
    let rows: String = orb.lock().books.invoices.iter().map(row).collect();
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Orb (sandbox)</title><main><h1>Invoices</h1>\
         <p>A stand-in for Orb.</p><table><thead><tr><th>Purchase<th>Customer<th>What<th>Total<th>Currency<th>Status\
         <th>Payment<th>Credited</tr></thead><tbody>{rows}</tbody></table></main></html>"
    ))
}
