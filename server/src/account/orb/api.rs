//! Orb's API (<https://docs.withorb.com/api-reference>). The only file that knows its routes.
use super::major;
use crate::account::AccountError;
use crate::outbound::{self, is_final, retry_after};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::{Currency, Timestamp};
use std::fmt;
use std::time::Duration;
use url::Url;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Items per page of a list.
const PAGE_SIZE: &str = "100";
/// Description of our own balance transactions, followed by the id of the one they reverse.
const REVERSAL_PREFIX: &str = "Settled by card through Stripe: ";

/// Orb's address, our key, and how trainings are billed there.
#[derive(Clone)]
pub struct OrbConfig {
    /// Includes the API version, without a trailing slash.
    pub url: Url,
    pub key: String,
    /// The item of every invoice line.
    pub item: String,
    /// Orb's name for the tax provider; our customers are exempt from it because our prices are final.
    pub tax_provider: Option<String>,
}

impl fmt::Debug for OrbConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It holds secrets.
        f.debug_struct("OrbConfig").finish_non_exhaustive()
    }
}

pub(super) struct Api {
    config: OrbConfig,
    client: reqwest::Client,
}

#[derive(Deserialize)]
pub(super) struct Customer {
    pub id: String,
    /// An IANA name; it never changes.
    pub timezone: Option<String>,
}

/// A customer billed in one currency and not linked to a payment or accounting provider.
pub(super) struct NewCustomer<'a> {
    /// Our id.
    pub id: &'a str,
    pub name: &'a str,
    pub email: &'a str,
    pub currency: Currency,
}

/// The fields of an invoice that we need.
#[derive(Deserialize)]
pub(super) struct Invoice {
    pub id: String,
    pub status: String,
    pub currency: String,
    /// After discounts, minimums and taxes, before the balance.
    pub total: String,
    /// After the balance.
    pub amount_due: String,
    #[serde(default)]
    metadata: Value,
    pub line_items: Vec<Line>,
    #[serde(default)]
    pub credit_notes: Vec<CreditNote>,
    /// When a draft may be issued.
    pub eligible_to_issue_at: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(super) struct Line {
    pub id: String,
}

#[derive(Deserialize)]
pub(super) struct CreditNote {
    id: String,
    pub total: String,
    pub voided_at: Option<String>,
}

/// An invoice of one line.
pub(super) struct NewInvoice<'a> {
    /// Orb's id.
    pub customer: &'a str,
    pub item: &'a str,
    pub name: &'a str,
    pub day: &'a str,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
    pub reference: &'a str,
    /// How many earlier invoices for this purchase were voided.
    pub voided: usize,
}

/// The invoices of one purchase.
#[derive(Default)]
pub(super) struct Found {
    pub valid: Option<Invoice>,
    pub voided: usize,
}

/// A change of a customer's balance.
#[derive(Deserialize)]
pub(super) struct Transaction {
    pub id: String,
    pub action: String,
    amount: String,
    #[serde(rename = "type")]
    direction: Direction,
    description: Option<String>,
    invoice: Option<ObjectRef>,
    credit_note: Option<ObjectRef>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Direction {
    Increment,
    Decrement,
}

#[derive(Deserialize)]
struct ObjectRef {
    id: String,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    pagination_metadata: Pagination,
}

#[derive(Deserialize)]
struct Pagination {
    next_cursor: Option<String>,
}

impl Transaction {
    /// Whether it reverses another.
    pub(super) fn reverses(&self, other: &Self) -> bool {
        self.description.as_ref() == Some(&other.reversal_description())
    }

    /// Whether someone adjusted the balance by hand in Orb.
    pub(super) fn is_by_hand(&self) -> bool {
        let is_ours = self.description.as_ref().is_some_and(|text| text.starts_with(REVERSAL_PREFIX));
        self.action == "manual_adjustment" && !is_ours
    }

    pub(super) fn moves(&self) -> bool {
        self.amount.bytes().any(|digit| matches!(digit, b'1'..=b'9'))
    }

    /// The description of the transaction that reverses this one.
    fn reversal_description(&self) -> String {
        [REVERSAL_PREFIX, &self.id].concat()
    }

    /// Decimal text in major units; negative if the balance fell.
    pub(super) fn moved(&self) -> String {
        let amount = self.amount.trim_start_matches('-');
        match self.direction {
            Direction::Increment => amount.to_owned(),
            Direction::Decrement => format!("-{amount}"),
        }
    }

    /// Whether the invoice or one of its credit notes caused it.
    pub(super) fn is_about(&self, invoice: &Invoice) -> bool {
        let is_note = |named: &ObjectRef| invoice.credit_notes.iter().any(|note| note.id == named.id);
        self.invoice.as_ref().is_some_and(|named| named.id == invoice.id)
            || self.credit_note.as_ref().is_some_and(is_note)
    }
}

impl Api {
    pub(super) fn new(config: OrbConfig) -> anyhow::Result<Self> {
        Ok(Self { config, client: outbound::client(REQUEST_TIMEOUT)? })
    }

    /// Looks a customer up by our id.
    pub(super) async fn customer(&self, external_id: &str) -> Result<Option<Customer>, AccountError> {
        let answer =
            send(self.request(Method::GET, &["customers", "external_customer_id", external_id])).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            _ => read(answer).await.map(Some),
        }
    }

    /// The customer's balance in major units; Orb deducts it from the next invoice.
    pub(super) async fn balance(&self, customer: &str) -> Result<String, AccountError> {
        #[derive(Deserialize)]
        struct Balance {
            balance: String,
        }
        let balance: Balance = read(send(self.request(Method::GET, &["customers", customer])).await?).await?;
        Ok(balance.balance)
    }

    pub(super) async fn create_customer(
        &self,
        customer: &NewCustomer<'_>,
        reference: &str,
    ) -> Result<Customer, AccountError> {
        let mut body = json!({
            "external_customer_id": customer.id, "name": customer.name, "email": customer.email,
            "currency": customer.currency.as_str().to_uppercase(), "timezone": "Etc/UTC",
            "auto_collection": false, "email_delivery": false,
            // Synced invoices take no credit notes.
            "accounting_sync_configuration": { "excluded": true },
            "metadata": { "source": "redis-university" },
        });
        if let Some(provider) = &self.config.tax_provider {
            body["tax_configuration"] =
                json!({ "tax_provider": provider, "tax_exempt": true, "automatic_tax_enabled": false });
        }
        self.post(&["customers"], &body, Some(&format!("{reference}-training-customer"))).await
    }

    /// Invoices for this purchase, matched by metadata: Orb's idempotency keys expire, its metadata doesn't.
    pub(super) async fn invoices_of(&self, customer: &str, reference: &str) -> Result<Found, AccountError> {
        let mut query = vec![("customer_id", customer)];
        query.extend(["draft", "issued", "paid", "synced", "void"].map(|status| ("status[]", status)));
        let mut found = Found::default();
        for invoice in self.list::<Invoice>(&["invoices"], &query).await? {
            match invoice.metadata["purchase"] == reference {
                true if invoice.status == "void" => found.voided += 1,
                true => found.valid = Some(invoice),
                false => {}
            }
        }
        Ok(found)
    }

    pub(super) async fn invoice(&self, id: &str) -> Result<Invoice, AccountError> {
        read(send(self.request(Method::GET, &["invoices", id])).await?).await
    }

    pub(super) async fn create_invoice(&self, invoice: &NewInvoice<'_>) -> Result<Invoice, AccountError> {
        let body = json!({
            "customer_id": invoice.customer,
            "currency": invoice.currency.as_str().to_uppercase(),
            "invoice_date": invoice.day,
            "net_terms": 0,
            "auto_collection": false,
            "will_auto_issue": false,
            "memo": format!("Redis University, {}", invoice.reference),
            "metadata": { "purchase": invoice.reference },
            "line_items": [{
                "item_id": invoice.item, "name": invoice.name, "quantity": 1, "model_type": "unit",
                "unit_config": { "unit_amount": major(invoice.amount, invoice.currency) },
                "start_date": invoice.day, "end_date": invoice.day,
            }],
        });
        // A voided invoice is replaced under a new idempotency key.
        let nth = if invoice.voided == 0 { String::new() } else { format!("-{}", invoice.voided) };
        self.post(&["invoices"], &body, Some(&format!("{}-training-invoice{nth}", invoice.reference))).await
    }

    pub(super) async fn issue(&self, invoice: &str) -> Result<Invoice, AccountError> {
        self.post(&["invoices", invoice, "issue"], &json!({ "synchronous": true }), None).await
    }

    pub(super) async fn mark_paid(
        &self,
        invoice: &str,
        day: &str,
        payment: Option<&str>,
    ) -> Result<Invoice, AccountError> {
        let body = json!({
            "payment_received_date": day, "external_id": payment, "notes": "Paid by card through Stripe",
        });
        self.post(&["invoices", invoice, "mark_paid"], &body, None).await
    }

    pub(super) async fn credit(
        &self,
        line: &str,
        amount: &str,
        memo: &str,
        key: &str,
    ) -> Result<(), AccountError> {
        let body = json!({
            "line_items": [{ "amount": amount, "invoice_line_item_id": line }],
            "reason": "order_change",
            "memo": memo,
        });
        self.post::<Value>(&["credit_notes"], &body, Some(key)).await.map(|_| ())
    }

    pub(super) async fn balance_transactions(
        &self,
        customer: &str,
    ) -> Result<Vec<Transaction>, AccountError> {
        self.list(&["customers", customer, "balance_transactions"], &[]).await
    }

    /// Moves a customer's balance back by what `transaction` moved it.
    pub(super) async fn reverse(
        &self,
        customer: &str,
        transaction: &Transaction,
    ) -> Result<(), AccountError> {
        let back = match transaction.direction {
            Direction::Increment => "decrement",
            Direction::Decrement => "increment",
        };
        let amount = transaction.amount.trim_start_matches('-');
        let body =
            json!({ "amount": amount, "type": back, "description": transaction.reversal_description() });
        let path = ["customers", customer, "balance_transactions"];
        let key = format!("settle-{}", transaction.id);
        self.post::<Value>(&path, &body, Some(&key)).await.map(|_| ())
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &Value,
        key: Option<&str>,
    ) -> Result<T, AccountError> {
        let mut request = self.request(Method::POST, path).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        read(send(request).await?).await
    }

    /// Fetches all pages of a list.
    async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, AccountError> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut query = query.to_vec();
            query.push(("limit", PAGE_SIZE));
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page: Page<T> = read(send(self.request_with(Method::GET, path, &query)).await?).await?;
            all.extend(page.data);
            cursor = page.pagination_metadata.next_cursor;
            if cursor.is_none() {
                return Ok(all);
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

async fn send(request: RequestBuilder) -> Result<Response, AccountError> {
    // The URL is left out: it may hold an email.
    request
        .send()
        .await
        .map_err(|error| AccountError::transient(format!("Orb can't be reached: {}", error.without_url())))
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, AccountError> {
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
    // On a conflict, another worker or an earlier attempt may be doing the same.
    if is_final(status) && status != StatusCode::CONFLICT {
        return AccountError::permanent(message);
    }
    AccountError::Transient { message, retry_after: retry_after(answer.headers()) }
}
