//! Everything that is stored about one learner: to show it to them, and to erase it.
use super::purchases::with_change;
use super::{Store, StoreError, Tx};
use crate::coupons::Terms;
use crate::email::normalized;
use crate::purchase::{Learner, Purchase, PurchaseId};
use serde::Serialize;
use serde_json::Value;
use shared::{Email, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{Connection, Row};
use std::collections::{BTreeSet, HashMap};

/// Rows per page when all purchases are searched.
const PAGE: i64 = 2000;

/// One learner, with every email and id that they have used here.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// Normalized.
    pub emails: BTreeSet<String>,
    /// Their own, and those for which they pressed Pay before someone else took over; newest first.
    pub purchases: Vec<PersonsPurchase>,
    /// Ids of Stripe's events that name them, but belong to no purchase or to someone else's.
    strays: Vec<String>,
}

/// A purchase that involves a person.
#[derive(Clone, Debug)]
pub struct PersonsPurchase {
    pub purchase: Purchase,
    /// When it last changed.
    pub at: Timestamp,
    /// Whether they own it.
    pub owner: bool,
}

/// Data stored about a learner besides their purchases.
#[derive(Clone, Debug, Serialize)]
pub struct LearnerRecord {
    /// Codes assigned to them, and codes that they have used.
    pub codes: Vec<LearnersCode>,
    /// Emails that were sent to them, or are to be.
    pub letters: Vec<LearnersLetter>,
    /// Stripe's events about their payments, as received.
    pub stripe_events: Vec<LearnersEvent>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LearnersCode {
    pub code: String,
    /// `kept` (assigned to them) or `used`.
    pub how: &'static str,
    pub at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LearnersLetter {
    /// The code that it contained; `None` if it was about a purchase.
    pub code: Option<String>,
    /// The reference of the purchase that it was about.
    pub purchase: Option<String>,
    pub state: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize)]
pub struct LearnersEvent {
    pub id: String,
    pub kind: String,
    pub at: Timestamp,
    pub body: String,
}

/// How much was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    pub purchases: usize,
    pub codes: u64,
    pub letters: u64,
    pub stripe_events: u64,
}

impl Erased {
    /// Whether there was nothing to erase.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Store {
    /// The person with this email, in any spelling, with all emails and ids that link their purchases.
    pub async fn person(&self, email: &Email) -> Result<Person, StoreError> {
        let mut known = Known::default();
        known.emails_to_see.push(normalized(email));
        while known.is_unseen() {
            if let Some(email) = known.emails_to_see.pop()
                && known.emails.insert(email.clone())
            {
                let query =
                    "SELECT body, updated_at FROM purchases WHERE email_key = $1 OR lower(email) = $1";
                let rows = sqlx::query(query).bind(&email).fetch_all(self.pool()).await?;
                known.meet(&rows, Some(&email))?;
            }
            if let Some(identity) = known.ids_to_see.pop()
                && known.ids.insert(identity.clone())
            {
                let query = "SELECT body, updated_at FROM purchases WHERE external_id = $1";
                known.meet(&sqlx::query(query).bind(identity).fetch_all(self.pool()).await?, None)?;
            }
        }
        let Known { emails, mut purchases, .. } = known;
        self.find_presses(&emails, &mut purchases).await?;
        let mut purchases: Vec<_> = purchases.into_values().collect();
        let strays = self.find_strays(&emails, &purchases).await?;
        purchases.sort_by_key(|found| std::cmp::Reverse((found.purchase.opened_at(), found.at)));
        Ok(Person { emails, purchases, strays })
    }

    /// Finds purchases for which one of these emails pressed Pay before someone else took over. Only the stored request
    /// names it, and no column, so all purchases are searched.
    async fn find_presses(
        &self,
        emails: &BTreeSet<String>,
        purchases: &mut HashMap<PurchaseId, PersonsPurchase>,
    ) -> Result<(), StoreError> {
        let mut last = String::new();
        loop {
            let page = "SELECT id, body, updated_at FROM purchases WHERE id > $1 ORDER BY id LIMIT $2";
            let rows = sqlx::query(page).bind(&last).bind(PAGE).fetch_all(self.pool()).await?;
            let Some(end) = rows.last() else { return Ok(()) };
            last = end.try_get("id")?;
            for row in &rows {
                let (purchase, at) = with_change(row)?;
                let is_named = purchase.emails().any(|email| emails.contains(&normalized(email)));
                if is_named && !purchases.contains_key(purchase.id()) {
                    purchases.insert(purchase.id().clone(), PersonsPurchase { purchase, at, owner: false });
                }
            }
        }
    }

    /// Finds Stripe's events that name one of these emails: events that could not be applied were kept for a person to
    /// look at, and may name anyone, and so may events about someone else's purchase.
    async fn find_strays(
        &self,
        emails: &BTreeSet<String>,
        purchases: &[PersonsPurchase],
    ) -> Result<Vec<String>, StoreError> {
        let unapplied = "SELECT id, body FROM stripe_events WHERE purchase_id IS NULL AND body <> ''";
        let mut rows = sqlx::query(unapplied).fetch_all(self.pool()).await?;
        for found in purchases.iter().filter(|found| !found.owner) {
            let told = "SELECT id, body FROM stripe_events WHERE purchase_id = $1 AND body <> ''";
            rows.extend(sqlx::query(told).bind(found.purchase.id().as_str()).fetch_all(self.pool()).await?);
        }
        let mut strays = Vec::new();
        for row in &rows {
            // A body that isn't JSON is searched as plain text.
            let body: &str = row.try_get("body")?;
            let event = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
            if names(&event, emails) {
                strays.push(row.try_get("id")?);
            }
        }
        Ok(strays)
    }

    /// Data stored about a person besides their purchases.
    pub async fn learner_record(&self, person: &Person) -> Result<LearnerRecord, StoreError> {
        let moment = |row: &AnyRow, column| row.try_get(column).map(Timestamp::from_millis);
        let (mut codes, mut letters) = (Vec::new(), Vec::new());
        for email in &person.emails {
            let kept = sqlx::query("SELECT code FROM coupons WHERE email = $1 ORDER BY code").bind(email);
            for row in kept.fetch_all(self.pool()).await? {
                codes.push(LearnersCode { code: row.try_get("code")?, how: "kept", at: None });
            }
            let used = sqlx::query("SELECT code, at FROM redemptions WHERE email = $1 ORDER BY at, code");
            for row in used.bind(email).fetch_all(self.pool()).await? {
                let at = Some(moment(&row, "at")?);
                codes.push(LearnersCode { code: row.try_get("code")?, how: "used", at });
            }
            let sent = sqlx::query(
                "SELECT m.code, m.state, m.created_at, p.reference FROM mails m LEFT JOIN purchases p ON p.id = m.purchase_id \
                 WHERE m.email = $1 ORDER BY m.created_at, m.id",
            );
            for row in sent.bind(email).fetch_all(self.pool()).await? {
                let at = moment(&row, "created_at")?;
                letters.push(LearnersLetter {
                    code: row.try_get::<Option<String>, _>("code")?.filter(|code| !code.is_empty()),
                    purchase: row.try_get("reference")?,
                    state: row.try_get("state")?,
                    at,
                });
            }
        }
        let mut stripe_events = Vec::new();
        let own = person.purchases.iter().filter(|found| found.owner);
        let told = "SELECT id, kind, received_at, body FROM stripe_events WHERE body <> '' AND ";
        for (column, ids) in [
            ("purchase_id", own.map(|found| found.purchase.id().as_str()).collect::<Vec<_>>()),
            ("id", person.strays.iter().map(String::as_str).collect()),
        ] {
            let query = [told, column, " = $1 ORDER BY received_at, id"].concat();
            for id in ids {
                let query = sqlx::query(sqlx::AssertSqlSafe(query.clone())).bind(id);
                for row in query.fetch_all(self.pool()).await? {
                    stripe_events.push(LearnersEvent {
                        id: row.try_get("id")?,
                        kind: row.try_get("kind")?,
                        at: moment(&row, "received_at")?,
                        body: row.try_get("body")?,
                    });
                }
            }
        }
        Ok(LearnerRecord { codes, letters, stripe_events })
    }

    /// Removes deleted data from the database's files, too. It may have to wait for others that use the file, and fails
    /// if that takes too long.
    pub async fn scrub(&self) -> Result<(), StoreError> {
        let statements: &[_] = if self.writer_queue.is_some() {
            &["PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"]
        } else {
            &[
                "SET statement_timeout = 0",
                "VACUUM purchases",
                "VACUUM stripe_events",
                "VACUUM redemptions",
                "VACUUM coupons",
                "VACUUM packs",
                "VACUUM mails",
            ]
        };
        // Without a deadline, since a large file takes long, and on a connection that is closed afterwards.
        let mut connection = self.pool.acquire().await?.detach();
        for statement in statements {
            sqlx::query(*statement).persistent(false).execute(&mut connection).await?;
        }
        Ok(connection.close().await?)
    }
}

/// The emails and ids that lead from one purchase of a person to another, and the purchases found so far.
#[derive(Default)]
struct Known {
    emails: BTreeSet<String>,
    ids: BTreeSet<String>,
    emails_to_see: Vec<String>,
    ids_to_see: Vec<String>,
    purchases: HashMap<PurchaseId, PersonsPurchase>,
}

impl Known {
    fn is_unseen(&self) -> bool {
        !self.emails_to_see.is_empty() || !self.ids_to_see.is_empty()
    }

    /// Records purchases and the emails and ids that they name. They were found by an id, or by `email`, which must
    /// still be their owner's. An email that several ids share belongs to a team, or was passed on: it leads to nobody
    /// else.
    fn meet(&mut self, rows: &[AnyRow], email: Option<&str>) -> Result<(), StoreError> {
        let mut found = Vec::new();
        for row in rows {
            let (purchase, at) = with_change(row)?;
            let owner = purchase.owner().map(|owner| normalized(&owner.email));
            if email.is_none() || owner.as_deref() == email {
                found.push((purchase, at));
            }
        }
        let ids: BTreeSet<_> =
            found.iter().filter_map(|(purchase, _)| purchase.owner().and_then(Learner::identity)).collect();
        if email.is_none() || ids.len() == 1 {
            self.ids_to_see.extend(ids);
        }
        for (purchase, at) in found {
            if email.is_none() {
                self.emails_to_see.extend(purchase.owner().map(|owner| normalized(&owner.email)));
            }
            self.purchases.insert(purchase.id().clone(), PersonsPurchase { purchase, at, owner: true });
        }
        Ok(())
    }
}

/// Whether one of these emails appears anywhere in `value`.
fn names(value: &Value, emails: &BTreeSet<String>) -> bool {
    match value {
        Value::String(text) => text
            .split(|letter: char| letter.is_whitespace() || "\"<>(),;".contains(letter))
            .any(|word| Email::parse(word).is_ok_and(|email| emails.contains(&normalized(&email)))),
        Value::Array(values) => values.iter().any(|value| names(value, emails)),
        Value::Object(fields) => fields.values().any(|value| names(value, emails)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl Tx {
    /// Removes what is stored about a person beside the purchases themselves. Amounts, times and references stay.
    pub async fn erase_learner(&mut self, person: &Person) -> Result<Erased, StoreError> {
        let mut erased = Erased::default();
        for PersonsPurchase { purchase, owner, .. } in &person.purchases {
            let id = purchase.id();
            erased.purchases += 1;
            // The data of another owner stays.
            if *owner {
                erased.stripe_events += self.erase_events(id).await?;
                self.erase_company(id).await?;
            }
        }
        for email in &person.emails {
            erased.codes +=
                self.forget(email, "UPDATE redemptions SET email = NULL WHERE email = $1").await?;
            erased.codes += self.forget(email, "UPDATE coupons SET email = NULL WHERE email = $1").await?;
            erased.letters += self.forget(email, "DELETE FROM mails WHERE email = $1").await?;
        }
        for stray in &person.strays {
            erased.stripe_events +=
                self.forget(stray, "UPDATE stripe_events SET body = '' WHERE id = $1").await?;
        }
        Ok(erased)
    }

    async fn forget(&mut self, email: &str, statement: &'static str) -> Result<u64, StoreError> {
        let done = sqlx::query(statement).bind(email).execute(self.connection()).await?;
        Ok(done.rows_affected())
    }

    /// Erases the bodies of Stripe's events, which repeat email, name and address, and the client's networks. That an
    /// event was received stays known.
    async fn erase_events(&mut self, purchase: &PurchaseId) -> Result<u64, StoreError> {
        let erased = sqlx::query("UPDATE stripe_events SET body = '' WHERE purchase_id = $1 AND body <> ''")
            .bind(purchase.as_str())
            .execute(self.connection())
            .await?;
        sqlx::query("UPDATE purchases SET client = NULL, client_56 = NULL, client_48 = NULL WHERE id = $1")
            .bind(purchase.as_str())
            .execute(self.connection())
            .await?;
        Ok(erased.rows_affected())
    }

    /// A pack that a learner bought carries their name as the company: the purchase order replaces it, in its codes,
    /// too.
    async fn erase_company(&mut self, purchase: &PurchaseId) -> Result<(), StoreError> {
        let row = sqlx::query(
            "UPDATE packs SET company = purchase_order WHERE purchase_id = $1 RETURNING id, company",
        )
        .bind(purchase.as_str())
        .fetch_optional(self.connection())
        .await?;
        let Some(row) = row else { return Ok(()) };
        let (pack, company): (String, String) = (row.try_get("id")?, row.try_get("company")?);
        let codes = sqlx::query("SELECT code, terms FROM coupons WHERE pack = $1")
            .bind(&pack)
            .fetch_all(self.connection())
            .await?;
        for row in &codes {
            let terms: Terms = serde_json::from_str(row.try_get("terms")?)?;
            let terms = serde_json::to_string(&Terms { note: company.clone(), ..terms })?;
            sqlx::query("UPDATE coupons SET terms = $2 WHERE code = $1")
                .bind(row.try_get::<&str, _>("code")?)
                .bind(terms)
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }
}
