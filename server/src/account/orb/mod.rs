//! Orb: a one-off invoice for each purchase, marked as paid, and credit notes for refunds and lost disputes.
//!
//! Orb deducts a customer's balance from the next invoice, and adds credit notes on paid invoices to that balance. Our
//! payments and refunds go through the card instead, so each learner gets a separate Orb customer per currency whose balance
//! we reset to zero. It is never mixed with what Orb bills the learner's company.
mod api;

pub use api::OrbConfig;

use super::snapshot::LearnerSnapshot;
use super::{Account, AccountError, Message, Snapshot};
use api::{Api, Customer, Invoice, NewCustomer, NewInvoice, Transaction};
use async_trait::async_trait;
use jiff::tz::TimeZone;
use shared::{Currency, Timestamp};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// Its name in `sync`, the outbox and the timeline.
pub const NAME: &str = "orb";

pub struct Orb {
    api: Api,
    item: String,
    /// Serializes purchases of one customer, so that one purchase's credit isn't applied to another's invoice before it is
    /// reversed. Across instances that can still happen; it is reversed afterwards.
    customer_locks: [Mutex<()>; CUSTOMER_LOCKS],
}

/// Number of locks; customers that hash to the same one wait for each other.
const CUSTOMER_LOCKS: usize = 16;
/// A longer wait would keep the outbox from other work when Orb is slow.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// The customer that an invoice belongs to.
struct Owner {
    customer: Customer,
    /// Only trainings are billed to it.
    is_for_trainings: bool,
}

impl Orb {
    pub fn new(config: OrbConfig) -> anyhow::Result<Self> {
        let item = config.item.clone();
        Ok(Self { api: Api::new(config)?, item, customer_locks: Default::default() })
    }

    /// Checks the state before each step, so that a message that is repeated, or was cut off half way, does nothing
    /// twice.
    async fn send(&self, purchase: &Snapshot, now: Timestamp) -> Result<(), AccountError> {
        // Nothing was charged: there is nothing to account for.
        if purchase.charged == 0 {
            return Ok(());
        }
        let Some(learner) = &purchase.learner else {
            return Err(AccountError::permanent(
                "the learner was erased: look up the invoice in Orb by its purchase".to_owned(),
            ));
        };
        let lock = self.customer_locks[lock_index(learner)].lock();
        let Ok(_lock) = timeout(LOCK_TIMEOUT, lock).await else {
            return Err(AccountError::transient(
                "another purchase of this customer is being sent to Orb".to_owned(),
            ));
        };
        let (owner, mut invoice) = self.ensure_invoice(learner, purchase).await?;
        if invoice.status == "draft" {
            invoice = self.issue(&owner, &invoice, purchase, now).await?;
        }
        check_total(&invoice, purchase)?;
        if matches!(invoice.status.as_str(), "issued" | "synced") {
            // Mark it as paid, so that Orb asks nobody to pay again.
            let day = day(paid_at(purchase), &owner.customer);
            invoice = self.api.mark_paid(&invoice.id, &day, purchase.payment.as_deref()).await?;
        }
        if self.credit(&invoice, purchase).await? {
            invoice = self.api.invoice(&invoice.id).await?;
        }
        self.settle(&owner, Some(&invoice)).await.map(|_| ())
    }

    async fn ensure_invoice(
        &self,
        learner: &LearnerSnapshot,
        purchase: &Snapshot,
    ) -> Result<(Owner, Invoice), AccountError> {
        let known_as = learner.external_id.clone().unwrap_or_else(|| learner.email.to_lowercase());
        let customer = self.ensure_customer(&known_as, learner, purchase).await?;
        let found = self.api.invoices_of(&customer.id, &purchase.reference).await?;
        let owner = Owner { customer, is_for_trainings: true };
        if let Some(invoice) = found.valid {
            return Ok((owner, invoice));
        }
        // The first release billed the learner's ordinary Orb customer. Drafts it left there are ignored.
        if let Some(customer) = self.api.customer(&known_as).await?
            && let Some(invoice) = self.api.invoices_of(&customer.id, &purchase.reference).await?.valid
            && invoice.status != "draft"
        {
            return Ok((Owner { customer, is_for_trainings: false }, invoice));
        }
        let day = day(paid_at(purchase), &owner.customer);
        let invoice = NewInvoice {
            customer: &owner.customer.id,
            item: &self.item,
            name: purchase.title.as_deref().unwrap_or(&purchase.sku),
            day: &day,
            amount: purchase.charged,
            currency: purchase.price.currency,
            reference: &purchase.reference,
            voided: found.voided,
        };
        let invoice = self.api.create_invoice(&invoice).await?;
        Ok((owner, invoice))
    }

    async fn ensure_customer(
        &self,
        known_as: &str,
        learner: &LearnerSnapshot,
        purchase: &Snapshot,
    ) -> Result<Customer, AccountError> {
        let currency = purchase.price.currency;
        let id = format!("redis-university:{}:{known_as}", currency.as_str());
        if let Some(known) = self.api.customer(&id).await? {
            return Ok(known);
        }
        let name = learner.name.as_deref().unwrap_or(&learner.email);
        let customer = NewCustomer { id: &id, name, email: &learner.email, currency };
        match self.api.create_customer(&customer, &purchase.reference).await {
            // Another purchase may have created the customer in the meantime.
            Err(refused @ AccountError::Permanent { .. }) => self.api.customer(&id).await?.ok_or(refused),
            made => made,
        }
    }

    async fn issue(
        &self,
        owner: &Owner,
        draft: &Invoice,
        purchase: &Snapshot,
        now: Timestamp,
    ) -> Result<Invoice, AccountError> {
        check_total(draft, purchase)?;
        if let Some(at) = draft.eligible_to_issue_at.filter(|at| *at > now) {
            let message = format!("Orb won't issue invoice {} before {at}", draft.id);
            return Err(AccountError::Transient { message, retry_after: Some(at.since(now)) });
        }
        let currency = purchase.price.currency;
        let transactions = self.settle(owner, None).await?;
        let balance = self.api.balance(&owner.customer.id).await?;
        if minor(&balance, currency) != Some(0) {
            let by_hand = transactions.iter().filter(|transaction| transaction.is_by_hand());
            let by_hand: Option<i64> = by_hand.map(|transaction| minor(&transaction.moved(), currency)).sum();
            return Err(if by_hand == Some(0) {
                AccountError::transient(format!(
                    "the balance of Orb's customer {} is still being settled",
                    owner.customer.id
                ))
            } else {
                AccountError::permanent(format!(
                    "Orb's customer {} has a balance of {balance}, which Orb would apply to invoice {}: set it to 0 in Orb, \
                     then run `outbox retry`",
                    owner.customer.id, draft.id
                ))
            });
        }
        let issued = self.api.issue(&draft.id).await?;
        if issued.amount_due != issued.total {
            tracing::warn!(
                orb.invoice = issued.id,
                "Orb applied a customer balance to this invoice; it will be reversed"
            );
        }
        Ok(issued)
    }

    /// Creates a credit note for what isn't credited yet. Returns whether it did.
    async fn credit(&self, invoice: &Invoice, purchase: &Snapshot) -> Result<bool, AccountError> {
        let currency = purchase.price.currency;
        let notes = invoice.credit_notes.iter().filter(|note| note.voided_at.is_none());
        let credited: Option<i64> = notes.map(|note| minor(&note.total, currency)).sum();
        let credited =
            credited.ok_or_else(|| AccountError::permanent("Orb's credit notes can't be read".to_owned()))?;
        let due = purchase.reversed() - credited;
        if due < 0 {
            // A refund has failed at the bank after all.
            return Err(AccountError::permanent(format!(
                "Orb's invoice {} has credit notes for more than was refunded or disputed",
                invoice.id
            )));
        }
        if due == 0 {
            return Ok(false);
        }
        let Some(line) = invoice.line_items.first() else {
            return Err(AccountError::permanent(format!("Orb's invoice {} has no line item", invoice.id)));
        };
        let key = format!("{}-credit-{}", purchase.reference, purchase.reversed());
        let memo = format!("Refund of {}", purchase.reference);
        self.api.credit(&line.id, &major(due, currency), &memo, &key).await?;
        Ok(true)
    }

    /// Reverses what our credit notes and invoices did to the customer's balance, each change once: the card has settled it
    /// already.
    async fn settle(
        &self,
        owner: &Owner,
        invoice: Option<&Invoice>,
    ) -> Result<Vec<Transaction>, AccountError> {
        let customer = &owner.customer.id;
        let transactions = self.api.balance_transactions(customer).await?;
        let is_reversed = |one: &Transaction| transactions.iter().any(|other| other.reverses(one));
        let is_ours = |one: &Transaction| {
            owner.is_for_trainings || invoice.is_some_and(|invoice| one.is_about(invoice))
        };
        let by_orb = transactions.iter().filter(|one| one.action != "manual_adjustment" && one.moves());
        for one in by_orb.filter(|one| is_ours(one) && !is_reversed(one)) {
            self.api.reverse(customer, one).await?;
        }
        Ok(transactions)
    }
}

#[async_trait]
impl Account for Orb {
    fn name(&self) -> &str {
        NAME
    }

    async fn notify(&self, message: &Message) -> Result<(), AccountError> {
        self.send(&message.purchase, message.at).await
    }
}

fn lock_index(learner: &LearnerSnapshot) -> usize {
    let mut hasher = DefaultHasher::new();
    (&learner.external_id, learner.email.to_lowercase()).hash(&mut hasher);
    usize::try_from(hasher.finish() % CUSTOMER_LOCKS as u64).unwrap_or_default()
}

/// Fails unless the invoice's total equals what was charged; Orb may have added taxes, discounts or minimums.
fn check_total(invoice: &Invoice, purchase: &Snapshot) -> Result<(), AccountError> {
    let currency = purchase.price.currency;
    let is_currency = invoice.currency.eq_ignore_ascii_case(currency.as_str());
    if is_currency && minor(&invoice.total, currency) == Some(purchase.charged) {
        return Ok(());
    }
    let mend = match invoice.status.as_str() {
        "draft" => {
            "exempt its customer from taxes and minimums in Orb until the totals match, then run `outbox retry`"
        }
        "paid" => "settle the difference in Orb by hand: a paid invoice can't be voided",
        _ => "exempt its customer from taxes and minimums in Orb, void the invoice, then run `outbox retry`",
    };
    Err(AccountError::permanent(format!(
        "Orb's invoice {} totals {} {}, but {} {} was paid: {mend}",
        invoice.id,
        invoice.total,
        invoice.currency.to_uppercase(),
        major(purchase.charged, currency),
        currency.as_str().to_uppercase()
    )))
}

fn paid_at(purchase: &Snapshot) -> Timestamp {
    purchase.paid_at.unwrap_or(purchase.opened_at)
}

/// The date in the customer's time zone at Orb, such as `2026-12-09`.
fn day(at: Timestamp, customer: &Customer) -> String {
    let zone =
        customer.timezone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    at.to_zoned(zone).date().to_string()
}

/// Decimal text in major units, such as `49.00`.
fn major(amount: i64, currency: Currency) -> String {
    let decimals = currency.decimals();
    let digits = format!("{amount:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// Parses such text; `None` if it is not an amount in this currency.
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
        assert_eq!((minor("x", Currency::USD), minor("-5.00", Currency::USD)), (None, Some(-500)));
    }

    #[test]
    fn a_day_is_that_of_the_customer() {
        let at: Timestamp = "2026-11-28T02:00:00Z".parse().unwrap();
        let of = |timezone: Option<&str>| {
            day(at, &Customer { id: String::new(), timezone: timezone.map(str::to_owned) })
        };
        assert_eq!((of(None), of(Some("Etc/UTC"))), ("2026-11-28".to_owned(), "2026-11-28".to_owned()));
        assert_eq!(of(Some("America/Los_Angeles")), "2026-11-27");
    }
}
