//! Orb: a one-off invoice for each purchase, paid already, and credit notes for what went back. The only file that knows
//! Orb's routes (<https://docs.withorb.com/api-reference>).
use super::{Account, AccountError, Message, Snapshot, Telling};
use crate::outbound::{self, is_final, retry_after};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{Currency, Timestamp};
use std::time::Duration;
use url::Url;

/// As `sync`, the outbox and the timeline call it.
pub const NAME: &str = "orb";
/// For one request.
const PATIENCE: Duration = Duration::from_secs(15);
/// Invoices of a customer in one answer.
const PAGE: &str = "100";

/// Where Orb is, who we are there, and what trainings are called.
#[derive(Clone)]
pub struct OrbConfig {
    /// With its version, without a trailing slash.
    pub url: Url,
    pub key: String,
    /// The item whose price every line is.
    pub item: String,
}

pub struct Orb {
    config: OrbConfig,
    client: reqwest::Client,
}

/// What we need of an invoice.
#[derive(Deserialize)]
struct Invoice {
    id: String,
    status: String,
    #[serde(default)]
    metadata: Value,
    line_items: Vec<Line>,
    #[serde(default)]
    credit_notes: Vec<CreditNote>,
}

#[derive(Deserialize)]
struct Line {
    id: String,
}

#[derive(Deserialize)]
struct CreditNote {
    total: String,
    voided_at: Option<String>,
}

#[derive(Deserialize)]
struct InvoicePage {
    data: Vec<Invoice>,
    pagination_metadata: Pagination,
}

#[derive(Deserialize)]
struct Pagination {
    next_cursor: Option<String>,
}

impl Orb {
    pub fn new(config: OrbConfig) -> anyhow::Result<Self> {
        let client = outbound::client(PATIENCE)?;
        Ok(Self { config, client })
    }

    /// Looks before each step, so that a message that comes twice, or was cut off half way, does nothing twice.
    async fn send(&self, purchase: &Snapshot) -> Result<(), AccountError> {
        // Nothing was charged: there is nothing to account for.
        if purchase.charged == 0 {
            return Ok(());
        }
        let Some(learner) = &purchase.learner else {
            return Err(AccountError::permanent(
                "the learner was erased: look the invoice up by its purchase".to_owned(),
            ));
        };
        let customer = learner.external_id.clone().unwrap_or_else(|| learner.email.to_lowercase());
        let mut invoice = match self.invoice(&customer, &purchase.reference).await? {
            Some(invoice) => invoice,
            None => {
                self.ensure_customer(&customer, learner.name.as_deref(), &learner.email, purchase).await?;
                self.create_invoice(&customer, purchase).await?
            }
        };
        if invoice.status == "draft" {
            let path = ["invoices", &invoice.id, "issue"];
            invoice = read(self.request(Method::POST, &path).json(&json!({ "synchronous": true }))).await?;
        }
        if matches!(invoice.status.as_str(), "issued" | "synced") {
            // Paid means that nobody is asked to pay again.
            let body = json!({
                "payment_received_date": date(paid_at(purchase)),
                "external_id": purchase.payment,
                "notes": "Paid by card through Stripe",
            });
            let path = ["invoices", &invoice.id, "mark_paid"];
            invoice = read(self.request(Method::POST, &path).json(&body)).await?;
        }
        self.credit(&invoice, purchase).await
    }

    /// Credits what went back and is not credited yet.
    async fn credit(&self, invoice: &Invoice, purchase: &Snapshot) -> Result<(), AccountError> {
        let currency = purchase.price.currency;
        let notes = invoice.credit_notes.iter().filter(|note| note.voided_at.is_none());
        let credited: Option<i64> = notes.map(|note| minor(&note.total, currency)).sum();
        let credited =
            credited.ok_or_else(|| AccountError::permanent("Orb's credit notes can't be read".to_owned()))?;
        let due = purchase.gone() - credited;
        if due < 0 {
            // A refund has failed at the bank after all.
            return Err(AccountError::permanent(format!(
                "Orb's invoice {} is credited with more than went back",
                invoice.id
            )));
        }
        if due == 0 {
            return Ok(());
        }
        let Some(line) = invoice.line_items.first() else {
            return Err(AccountError::permanent(format!("Orb's invoice {} has no line", invoice.id)));
        };
        let body = json!({
            "line_items": [{ "amount": major(due, currency), "invoice_line_item_id": line.id }],
            "reason": "order_change",
            "memo": format!("Refund of {}", purchase.reference),
        });
        let key = format!("{}-credit-{}", purchase.reference, purchase.gone());
        let request =
            self.request(Method::POST, &["credit_notes"]).header("Idempotency-Key", key).json(&body);
        read::<Value>(request).await.map(|_| ())
    }

    async fn ensure_customer(
        &self,
        id: &str,
        name: Option<&str>,
        email: &str,
        purchase: &Snapshot,
    ) -> Result<(), AccountError> {
        if self.has_customer(id).await? {
            return Ok(());
        }
        let body = json!({
            "external_customer_id": id, "name": name.unwrap_or(email), "email": email,
            "auto_collection": false, "email_delivery": false,
        });
        let key = format!("{}-customer", purchase.reference);
        let request = self.request(Method::POST, &["customers"]).header("Idempotency-Key", key).json(&body);
        match read::<Value>(request).await {
            // Another purchase of theirs has just brought them.
            Err(AccountError::Permanent { .. }) if self.has_customer(id).await? => Ok(()),
            made => made.map(|_| ()),
        }
    }

    async fn has_customer(&self, id: &str) -> Result<bool, AccountError> {
        let answer = send(self.request(Method::GET, &["customers", "external_customer_id", id])).await?;
        match answer.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(refusal(&answer)),
        }
    }

    async fn create_invoice(&self, customer: &str, purchase: &Snapshot) -> Result<Invoice, AccountError> {
        let currency = purchase.price.currency;
        let day = date(paid_at(purchase));
        let title = purchase.title.as_deref().unwrap_or(&purchase.sku);
        let body = json!({
            "external_customer_id": customer,
            "currency": currency.as_str().to_uppercase(),
            "invoice_date": day,
            "net_terms": 0,
            "auto_collection": false,
            "will_auto_issue": false,
            "memo": format!("Redis University, {}", purchase.reference),
            "metadata": { "purchase": purchase.reference },
            "line_items": [{
                "item_id": self.config.item, "name": title, "quantity": 1, "model_type": "unit",
                "unit_config": { "unit_amount": major(purchase.charged, currency) },
                "start_date": day, "end_date": day,
            }],
        });
        let key = format!("{}-invoice", purchase.reference);
        read(self.request(Method::POST, &["invoices"]).header("Idempotency-Key", key).json(&body)).await
    }

    /// Orb forgets idempotency keys, and metadata it keeps.
    async fn invoice(&self, customer: &str, reference: &str) -> Result<Option<Invoice>, AccountError> {
        let mut cursor = None::<String>;
        loop {
            let mut query = vec![("external_customer_id", customer), ("limit", PAGE)];
            query.extend(["draft", "issued", "paid", "synced"].map(|status| ("status[]", status)));
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page: InvoicePage = read(self.request_with(Method::GET, &["invoices"], &query)).await?;
            let ours = |invoice: &Invoice| invoice.metadata["purchase"] == reference;
            if let Some(invoice) = page.data.into_iter().find(ours) {
                return Ok(Some(invoice));
            }
            cursor = page.pagination_metadata.next_cursor;
            if cursor.is_none() {
                return Ok(None);
            }
        }
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.request_with(method, path, &[])
    }

    fn request_with(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.config.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.client.request(method, url).bearer_auth(&self.config.key)
    }
}

impl Account for Orb {
    fn name(&self) -> &str {
        NAME
    }

    fn tell<'a>(&'a self, message: &'a Message) -> Telling<'a> {
        Box::pin(self.send(&message.purchase))
    }
}

async fn send(request: RequestBuilder) -> Result<Response, AccountError> {
    // The address is left out: it may hold an email.
    request
        .send()
        .await
        .map_err(|error| AccountError::transient(format!("Orb can't be reached: {}", error.without_url())))
}

async fn read<T: for<'de> Deserialize<'de>>(request: RequestBuilder) -> Result<T, AccountError> {
    let answer = send(request).await?;
    if !answer.status().is_success() {
        return Err(refusal(&answer));
    }
    answer.json().await.map_err(|error| {
        AccountError::transient(format!("Orb's answer can't be read: {}", error.without_url()))
    })
}

fn refusal(answer: &Response) -> AccountError {
    let status = answer.status();
    let message = format!("Orb answered {status}");
    // Another worker, or an earlier try, may be about to do the same.
    if is_final(status) && status != StatusCode::CONFLICT {
        return AccountError::permanent(message);
    }
    AccountError::Transient { message, retry_after: retry_after(answer.headers()) }
}

fn paid_at(purchase: &Snapshot) -> Timestamp {
    purchase.paid_at.unwrap_or(purchase.opened_at)
}

/// Such as `2026-12-09`.
fn date(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// Decimal text in major units, such as `49.00`.
fn major(amount: i64, currency: Currency) -> String {
    let decimals = currency.decimals();
    let digits = format!("{amount:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// The same back; nothing where it is no amount of this currency.
fn minor(text: &str, currency: Currency) -> Option<i64> {
    let decimals = currency.decimals();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (kept, rest) = fraction.split_at_checked(decimals).unwrap_or((fraction, ""));
    if !rest.bytes().all(|digit| digit == b'0') {
        return None;
    }
    format!("{whole}{kept:0<decimals$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_and_read_as_decimals() {
        for (amount, code, text) in [
            (4_900, "usd", "49.00"),
            (5, "usd", "0.05"),
            (4_900, "jpy", "4900"),
            (1_234, "kwd", "1.234"),
            (0, "eur", "0.00"),
        ] {
            let currency = Currency::parse(code).unwrap();
            assert_eq!((major(amount, currency).as_str(), minor(text, currency)), (text, Some(amount)));
        }
        assert_eq!((minor("49", Currency::USD), minor("49.5", Currency::USD)), (Some(4_900), Some(4_950)));
        assert_eq!((minor("49.000", Currency::USD), minor("49.001", Currency::USD)), (Some(4_900), None));
        assert_eq!(minor("x", Currency::USD), None);
    }
}
