//! Orb: customers, one-off invoices that are issued and paid, and credit notes. Strict about states and idempotency keys.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use crate::html::escape;

/// What `Authorization: Bearer` must carry (`ORB_API_KEY`), and the item of lines (`ORB_ITEM_ID`).
pub const ORB_API_KEY: &str = "orb_sandbox";
pub const ORB_ITEM: &str = "item_training";

const BASE: &str = "/orb/v1";

/// Looks into Orb and makes things go wrong.
#[derive(Clone, Debug)]
pub struct Orb(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    base: String,
    /// By external id.
    customers: BTreeMap<String, Value>,
    invoices: Vec<Value>,
    /// Answers by idempotency key, with what was asked.
    answers: BTreeMap<String, (Value, Value)>,
    /// So many answers are lost after the work is done.
    lost: u32,
    down: bool,
}

impl Orb {
    pub(crate) fn new(origin: &str) -> Self {
        Self(Arc::new(Mutex::new(Inner { base: format!("{origin}{BASE}"), ..Inner::default() })))
    }

    /// `ORB_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        self.lock().base.clone()
    }

    /// As Orb shows them.
    #[must_use]
    pub fn invoices(&self) -> Vec<Value> {
        self.lock().invoices.clone()
    }

    /// As Orb shows them.
    #[must_use]
    pub fn customers(&self) -> Vec<Value> {
        self.lock().customers.values().cloned().collect()
    }

    /// The next so many answers are lost, though what was asked is done.
    pub fn lose_answers(&self, times: u32) {
        self.lock().lost = times;
    }

    /// Idempotency keys are forgotten, as Orb does after two days.
    pub fn forget_keys(&self) {
        self.lock().answers.clear();
    }

    /// Answers nobody until it is up again.
    pub fn is_down(&self, down: bool) {
        self.lock().down = down;
    }

    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route("/orb", get(page))
            .route(&format!("{BASE}/customers"), post(create_customer))
            .route(&format!("{BASE}/customers/external_customer_id/{{id}}"), get(customer))
            .route(&format!("{BASE}/invoices"), get(list).post(create_invoice))
            .route(&format!("{BASE}/invoices/{{id}}/issue"), post(issue))
            .route(&format!("{BASE}/invoices/{{id}}/mark_paid"), post(mark_paid))
            .route(&format!("{BASE}/credit_notes"), post(credit))
            .with_state(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks who asks, does `work` once for each idempotency key, and answers unless the answer is to be lost.
    fn answer(
        &self,
        headers: &HeaderMap,
        asked: &Value,
        work: impl FnOnce(&mut Inner) -> Result<Value, (StatusCode, &'static str)>,
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
        match work(&mut inner) {
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

impl Inner {
    fn invoice(&mut self, id: &str) -> Result<&mut Value, (StatusCode, &'static str)> {
        let found = self.invoices.iter_mut().find(|invoice| invoice["id"] == id);
        found.ok_or((StatusCode::NOT_FOUND, "no such invoice"))
    }

    fn advance(&mut self, id: &str, from: &str, to: &str) -> Result<&mut Value, (StatusCode, &'static str)> {
        let invoice = self.invoice(id)?;
        if invoice["status"] != from {
            return Err((BAD, "its status is another"));
        }
        invoice["status"] = json!(to);
        Ok(invoice)
    }
}

const BAD: StatusCode = StatusCode::BAD_REQUEST;

async fn create_customer(State(orb): State<Orb>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    orb.answer(&headers, &body, |inner| {
        let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
        let (Some(id), Some(_), Some(_)) = (text("external_customer_id"), text("name"), text("email")) else {
            return Err((BAD, "name, email and external_customer_id are needed"));
        };
        if inner.customers.contains_key(id) {
            return Err((BAD, "duplicate-resource-creation"));
        }
        inner.customers.insert(id.to_owned(), body.clone());
        Ok(body.clone())
    })
}

async fn customer(State(orb): State<Orb>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    orb.answer(&headers, &Value::Null, |inner| {
        inner.customers.get(&id).cloned().ok_or((StatusCode::NOT_FOUND, "no such customer"))
    })
}

/// Two at a time, so that whoever looks must turn the page.
async fn list(State(orb): State<Orb>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let of = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let drafts = pairs.iter().any(|(name, value)| name == "status[]" && value == "draft");
    orb.answer(&headers, &Value::Null, |inner| {
        let from: usize = of("cursor").and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        let customer = of("external_customer_id").ok_or((BAD, "external_customer_id is needed here"))?;
        let fits = |invoice: &&Value| {
            invoice["customer"]["external_customer_id"] == customer.as_str() && (drafts || invoice["status"] != "draft")
        };
        let found: Vec<_> = inner.invoices.iter().rev().filter(fits).cloned().collect();
        let next = (found.len() > from + 2).then(|| (from + 2).to_string());
        let data: Vec<_> = found.into_iter().skip(from).take(2).collect();
        Ok(json!({ "data": data, "pagination_metadata": { "has_more": next.is_some(), "next_cursor": next } }))
    })
}

async fn create_invoice(State(orb): State<Orb>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    orb.answer(&headers, &body, |inner| {
        let customer = body["external_customer_id"].as_str().unwrap_or_default();
        if !inner.customers.contains_key(customer) {
            return Err((BAD, "no such customer"));
        }
        let [line] = body["line_items"].as_array().map(Vec::as_slice).unwrap_or_default() else {
            return Err((BAD, "one line"));
        };
        let amount = line["unit_config"]["unit_amount"].as_str().filter(|amount| amount.parse::<f64>().is_ok());
        let date = |text: &Value| text.as_str().is_some_and(|text| text.parse::<jiff::civil::Date>().is_ok());
        let good = line["item_id"] == ORB_ITEM
            && line["model_type"] == "unit"
            && line["name"].is_string()
            && [&line["start_date"], &line["end_date"], &body["invoice_date"]].into_iter().all(date);
        let (Some(amount), true) = (amount, good) else { return Err((BAD, "a line is wrong")) };
        let number = inner.invoices.len() + 1;
        let invoice = json!({
            "id": format!("inv_{number}"), "status": "draft", "currency": body["currency"], "total": amount,
            "customer": { "external_customer_id": customer }, "metadata": body["metadata"], "memo": body["memo"],
            "auto_collection": { "enabled": body["auto_collection"] != false },
            "line_items": [{ "id": format!("line_{number}"), "name": line["name"], "amount": amount }],
            "credit_notes": [], "payment": null,
        });
        inner.invoices.push(invoice.clone());
        Ok(invoice)
    })
}

async fn issue(
    State(orb): State<Orb>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    orb.answer(&headers, &body, |inner| inner.advance(&id, "draft", "issued").cloned())
}

async fn mark_paid(
    State(orb): State<Orb>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    orb.answer(&headers, &body, |inner| {
        let invoice = inner.advance(&id, "issued", "paid")?;
        invoice["payment"] = body.clone();
        Ok(invoice.clone())
    })
}

async fn credit(State(orb): State<Orb>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    orb.answer(&headers, &body, |inner| {
        let line = &body["line_items"][0];
        let of_line = |invoice: &&mut Value| invoice["line_items"][0]["id"] == line["invoice_line_item_id"];
        let invoice = inner.invoices.iter_mut().find(of_line).ok_or((BAD, "no such line"))?;
        let number = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        let credited: f64 =
            invoice["credit_notes"].as_array().into_iter().flatten().map(|note| number(&note["total"])).sum();
        let reasons = ["duplicate", "fraudulent", "order_change", "product_unsatisfactory"];
        let amount = number(&line["amount"]);
        let known = body["reason"].as_str().is_some_and(|reason| reasons.contains(&reason));
        if invoice["status"] != "paid"
            || !known
            || amount <= 0.0
            || credited + amount > number(&invoice["total"]) + 0.001
        {
            return Err((BAD, "it can't be credited"));
        }
        let note =
            json!({ "id": "cn", "total": line["amount"], "reason": body["reason"], "voided_at": null });
        invoice["credit_notes"].as_array_mut().expect("a list").push(note.clone());
        Ok(note)
    })
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
    let rows: String = orb.lock().invoices.iter().map(row).collect();
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Orb (sandbox)</title><main><h1>Invoices</h1>\
         <p>A stand-in for Orb.</p><table><thead><tr><th>Purchase<th>Customer<th>What<th>Total<th>Currency<th>Status\
         <th>Payment<th>Credited</tr></thead><tbody>{rows}</tbody></table></main></html>"
    ))
}
