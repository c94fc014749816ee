//! Orb's state: customers with a balance, invoices that draw on it, and credit notes that raise it.
use super::amount::Amount;
use crate::stripe::clock;
use axum::http::StatusCode;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const BAD: StatusCode = StatusCode::BAD_REQUEST;

/// Why Orb refuses a request: the status and the title of its answer.
pub(super) type Fault = (StatusCode, &'static str);

#[derive(Debug)]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) asked: Value,
    balance: Amount,
    currency: Option<String>,
    timezone: String,
    pub(super) transactions: Vec<Value>,
}

#[derive(Debug)]
pub(super) struct Books {
    pub(super) customers: Vec<Customer>,
    pub(super) invoices: Vec<Value>,
    /// Time zone of customers that name none.
    pub(super) account_zone: String,
    /// Whether invoices go to an accounting provider, except those of excluded customers.
    pub(super) syncs: bool,
    /// Percent that a tax provider adds: `tax` to drafts already, `tax_when_issued` only once they are issued.
    pub(super) tax: i64,
    pub(super) tax_when_issued: i64,
    /// Amount to credit to the first invoice just before the next one is issued.
    pub(super) credits_before_issuing: Option<String>,
    /// How long a draft may still be changed.
    pub(super) grace: Duration,
    count: u32,
}

impl Default for Books {
    fn default() -> Self {
        Self {
            customers: Vec::new(),
            invoices: Vec::new(),
            account_zone: "America/Los_Angeles".to_owned(),
            syncs: true,
            tax: 0,
            tax_when_issued: 0,
            credits_before_issuing: None,
            grace: Duration::ZERO,
            count: 0,
        }
    }
}

impl Customer {
    /// The customer as Orb returns it.
    pub(super) fn shown(&self) -> Value {
        let mut shown = self.asked.clone();
        shown["id"] = json!(self.id);
        shown["balance"] = json!(self.balance.to_string());
        shown["currency"] = json!(self.currency);
        shown["timezone"] = json!(self.timezone);
        shown
    }

    /// Changes the balance and records a transaction; a `cause` is `("invoice", id)` or `("credit_note", id)`.
    fn change(
        &mut self,
        by: Amount,
        action: &str,
        cause: Option<(&str, &str)>,
        description: &Value,
    ) -> Value {
        let before = self.balance;
        self.balance = Amount(before.0 + by.0);
        let mut transaction = json!({
            "id": format!("{}_tx_{}", self.id, self.transactions.len() + 1), "action": action,
            "amount": Amount(by.0.abs()).to_string(), "type": if by.0 < 0 { "decrement" } else { "increment" },
            "starting_balance": before.to_string(), "ending_balance": self.balance.to_string(),
            "description": description, "invoice": null, "credit_note": null, "created_at": clock().to_string(),
        });
        if let Some((what, id)) = cause {
            transaction[what] = json!({ "id": id });
        }
        self.transactions.push(transaction.clone());
        transaction
    }
}

impl Books {
    pub(super) fn customer(&mut self, id: &str) -> Result<&mut Customer, Fault> {
        let found = self.customers.iter_mut().find(|customer| customer.id == id);
        found.ok_or((StatusCode::NOT_FOUND, "no such customer"))
    }

    pub(super) fn customer_called(&mut self, external_id: &str) -> Result<&mut Customer, Fault> {
        let is = |customer: &&mut Customer| customer.asked["external_customer_id"] == external_id;
        self.customers.iter_mut().find(is).ok_or((StatusCode::NOT_FOUND, "no such customer"))
    }

    pub(super) fn create_customer(&mut self, asked: &Value) -> Result<Value, Fault> {
        let text = |name: &str| asked[name].as_str().filter(|text| !text.is_empty());
        let (Some(id), Some(_), Some(_)) = (text("external_customer_id"), text("name"), text("email")) else {
            return Err((BAD, "name, email and external_customer_id are needed"));
        };
        if self.customer_called(id).is_ok() {
            return Err((BAD, "duplicate-resource-creation"));
        }
        let timezone = text("timezone").unwrap_or(&self.account_zone).to_owned();
        if TimeZone::get(&timezone).is_err() {
            return Err((BAD, "no such time zone"));
        }
        let customer = Customer {
            id: format!("cus_{}", self.next()),
            asked: asked.clone(),
            balance: Amount::default(),
            currency: text("currency").map(str::to_owned),
            timezone,
            transactions: Vec::new(),
        };
        let shown = customer.shown();
        self.customers.push(customer);
        Ok(shown)
    }

    pub(super) fn adjust(&mut self, id: &str, asked: &Value) -> Result<Value, Fault> {
        let amount = asked["amount"].as_str().and_then(Amount::parse).filter(|amount| amount.0 > 0);
        let by = match (amount, asked["type"].as_str()) {
            (Some(amount), Some("increment")) => amount,
            (Some(Amount(amount)), Some("decrement")) => Amount(-amount),
            _ => return Err((BAD, "amount and type are needed")),
        };
        Ok(self.customer(id)?.change(by, "manual_adjustment", None, &asked["description"]))
    }

    pub(super) fn invoice(&mut self, id: &str) -> Result<&mut Value, Fault> {
        let found = self.invoices.iter_mut().find(|invoice| invoice["id"] == id);
        found.ok_or((StatusCode::NOT_FOUND, "no such invoice"))
    }

    pub(super) fn create_invoice(&mut self, asked: &Value, item: &str) -> Result<Value, Fault> {
        let customer = match (asked["customer_id"].as_str(), asked["external_customer_id"].as_str()) {
            (Some(id), None) => self.customer(id)?,
            (None, Some(id)) => self.customer_called(id)?,
            _ => return Err((BAD, "one of customer_id and external_customer_id is needed")),
        };
        let currency = asked["currency"].as_str().ok_or((BAD, "currency is needed"))?.to_owned();
        if customer.currency.as_ref().is_some_and(|locked| *locked != currency) {
            return Err((BAD, "currency must be the customer's"));
        }
        let [line] = asked["line_items"].as_array().map(Vec::as_slice).unwrap_or_default() else {
            return Err((BAD, "one line"));
        };
        let day = |text: &Value| text.as_str().and_then(|text| text.parse::<Date>().ok());
        let amount = line["unit_config"]["unit_amount"].as_str().and_then(Amount::parse);
        let is_good = line["item_id"] == item
            && line["model_type"] == "unit"
            && line["name"].is_string()
            && day(&line["start_date"]).is_some()
            && day(&line["end_date"]).is_some();
        let (Some(amount), Some(day), true) = (amount, day(&asked["invoice_date"]), is_good) else {
            return Err((BAD, "a line is wrong"));
        };
        // A day begins in the customer's time zone.
        let zone = TimeZone::get(&customer.timezone).map_err(|_| (BAD, "no such time zone"))?;
        let begin = day.to_zoned(zone).map_err(|_| (BAD, "no such day"))?.timestamp();
        customer.currency = Some(currency.clone());
        let owner =
            json!({ "id": customer.id, "external_customer_id": customer.asked["external_customer_id"] });
        let number = self.next();
        let eligible = begin.max(clock()) + self.grace;
        let eligible = if self.grace.is_zero() { begin } else { eligible };
        let is_exempt = self.is_exempt(&owner);
        let total = taxed(amount, if is_exempt { 0 } else { self.tax });
        let invoice = json!({
            "id": format!("inv_{number}"), "status": "draft", "currency": currency, "subtotal": amount.to_string(),
            "total": total.to_string(), "amount_due": total.to_string(), "customer": owner, "exempt": is_exempt,
            "metadata": asked["metadata"], "memo": asked["memo"], "invoice_date": begin.to_string(),
            "eligible_to_issue_at": eligible.to_string(),
            "auto_collection": { "enabled": asked["auto_collection"] != false },
            "line_items": [{ "id": format!("line_{number}"), "name": line["name"], "amount": amount.to_string() }],
            "credit_notes": [], "payment": null,
        });
        self.invoices.push(invoice.clone());
        Ok(invoice)
    }

    /// Issues a draft and applies the customer's balance to the amount due.
    pub(super) fn issue(&mut self, id: &str) -> Result<Value, Fault> {
        if let Some(amount) = self.credits_before_issuing.take() {
            let line =
                self.invoices.first().map_or(Value::Null, |first| first["line_items"][0]["id"].clone());
            let lines = json!([{ "amount": amount, "invoice_line_item_id": line }]);
            self.credit(&json!({ "line_items": lines, "reason": "order_change" }))?;
        }
        let invoice = self.invoice(id)?;
        let eligible = invoice["eligible_to_issue_at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
        if invoice["status"] != "draft" {
            return Err((BAD, "it is not a draft"));
        }
        if eligible.is_none_or(|at| at > clock()) {
            return Err((BAD, "it is not eligible to be issued yet"));
        }
        let owner = text(&invoice["customer"]["id"]);
        let (subtotal, is_exempt) = (amount(&invoice["subtotal"]), invoice["exempt"] == true);
        let (syncs, tax) = (self.syncs, self.tax + self.tax_when_issued);
        let total = taxed(subtotal, if is_exempt { 0 } else { tax });
        let customer = self.customer(&owner)?;
        // A negative balance is added to the amount due.
        let taken = Amount(customer.balance.0.min(total.0));
        if taken.0 != 0 {
            customer.change(Amount(-taken.0), "applied_to_invoice", Some(("invoice", id)), &Value::Null);
        }
        let is_synced = syncs && customer.asked["accounting_sync_configuration"]["excluded"] != true;
        let due = Amount(total.0 - taken.0);
        let invoice = self.invoice(id)?;
        invoice["total"] = json!(total.to_string());
        invoice["amount_due"] = json!(due.to_string());
        invoice["eligible_to_issue_at"] = Value::Null;
        invoice["status"] = json!(match due.0 {
            0 => "paid",
            _ if is_synced => "synced",
            _ => "issued",
        });
        invoice["is_synced"] = json!(is_synced);
        Ok(invoice.clone())
    }

    pub(super) fn mark_paid(&mut self, id: &str, asked: &Value) -> Result<Value, Fault> {
        let invoice = self.invoice(id)?;
        let day = asked["payment_received_date"].as_str().and_then(|day| day.parse::<Date>().ok());
        match invoice["status"].as_str() {
            Some("issued" | "synced") if day.is_some() => {}
            _ => return Err((BAD, "it can't be marked as paid")),
        }
        invoice["status"] = json!("paid");
        invoice["payment"] = asked.clone();
        Ok(invoice.clone())
    }

    /// Voids an invoice and returns the balance that was applied to it.
    pub(super) fn void(&mut self, id: &str) -> Result<Value, Fault> {
        let invoice = self.invoice(id)?;
        if invoice["status"] != "issued" {
            return Err((BAD, "it is not issued"));
        }
        invoice["status"] = json!("void");
        let taken = Amount(amount(&invoice["total"]).0 - amount(&invoice["amount_due"]).0);
        let owner = text(&invoice["customer"]["id"]);
        if taken.0 != 0 {
            let cause = Some(("invoice", id));
            self.customer(&owner)?.change(taken, "return_from_voiding", cause, &Value::Null);
        }
        self.invoice(id).cloned()
    }

    /// Recalculates drafts with the tax provider's current rate.
    pub(super) fn compute_drafts(&mut self) {
        let tax = self.tax;
        for draft in self.invoices.iter_mut().filter(|invoice| invoice["status"] == "draft") {
            let total = taxed(amount(&draft["subtotal"]), if draft["exempt"] == true { 0 } else { tax });
            draft["total"] = json!(total.to_string());
            draft["amount_due"] = json!(total.to_string());
        }
    }

    fn is_exempt(&mut self, owner: &Value) -> bool {
        let customer = self.customer(owner["id"].as_str().unwrap_or_default());
        customer.is_ok_and(|customer| customer.asked["tax_configuration"]["tax_exempt"] == true)
    }

    /// Issues a credit note: on a paid invoice it raises the balance, on an issued one it lowers the amount due.
    pub(super) fn credit(&mut self, asked: &Value) -> Result<Value, Fault> {
        let [line] = asked["line_items"].as_array().map(Vec::as_slice).unwrap_or_default() else {
            return Err((BAD, "one line"));
        };
        let id = format!("cn_{}", self.next());
        let of_line = |invoice: &&mut Value| invoice["line_items"][0]["id"] == line["invoice_line_item_id"];
        let invoice = self.invoices.iter_mut().find(of_line).ok_or((BAD, "no such line"))?;
        let credited: i64 = invoice["credit_notes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|note| note["voided_at"].is_null())
            .map(|note| amount(&note["total"]).0)
            .sum();
        let reasons = ["duplicate", "fraudulent", "order_change", "product_unsatisfactory"];
        let is_known = asked["reason"].as_str().is_some_and(|reason| reasons.contains(&reason));
        let total = line["amount"].as_str().and_then(Amount::parse).filter(|total| total.0 > 0);
        let Some(total) = total.filter(|total| is_known && credited + total.0 <= amount(&invoice["total"]).0)
        else {
            return Err((BAD, "it can't be credited"));
        };
        if invoice["is_synced"] == true {
            return Err((BAD, "it was synced to a provider"));
        }
        let is_paid = invoice["status"] == "paid";
        if !is_paid && invoice["status"] != "issued" {
            return Err((BAD, "it can't be credited"));
        }
        let note =
            json!({ "id": id, "total": total.to_string(), "reason": asked["reason"], "voided_at": null });
        invoice["credit_notes"].as_array_mut().expect("a list").push(note.clone());
        let owner = text(&invoice["customer"]["id"]);
        if is_paid {
            let cause = Some(("credit_note", id.as_str()));
            self.customer(&owner)?.change(total, "credit_note_applied", cause, &Value::Null);
        } else {
            invoice["amount_due"] = json!(Amount(amount(&invoice["amount_due"]).0 - total.0).to_string());
        }
        Ok(note)
    }

    fn next(&mut self) -> u32 {
        self.count += 1;
        self.count
    }
}

fn taxed(Amount(amount): Amount, percent: i64) -> Amount {
    Amount(amount + amount * percent / 100)
}

fn amount(value: &Value) -> Amount {
    value.as_str().and_then(Amount::parse).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
