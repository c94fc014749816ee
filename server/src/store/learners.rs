//! All that is kept of one learner: to be shown to them, and to be erased.
use super::operators::with_change;
use super::{Store, StoreError, Tx};
use crate::coupons::Terms;
use crate::error::Error;
use crate::purchase::{Event, Purchase, PurchaseId, Reference};
use serde::Serialize;
use shared::{Email, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;

/// What is kept of a learner beside their purchases.
#[derive(Clone, Debug, Serialize)]
pub struct LearnerRecord {
    /// Codes that are kept for them, and codes that they have used.
    pub codes: Vec<LearnersCode>,
    /// Letters with codes that were sent to them, or are to be.
    pub letters: Vec<LearnersLetter>,
    /// What Stripe has told of their payments, as it came.
    pub stripe_events: Vec<LearnersEvent>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LearnersCode {
    pub code: String,
    /// `kept` or `used`.
    pub how: &'static str,
    pub at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LearnersLetter {
    pub code: String,
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

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    pub purchases: usize,
    pub codes: u64,
    pub letters: u64,
    pub stripe_events: u64,
}

/// Purchases of whoever has this email, or has had another with whoever signed them in.
const OF_PERSON: &str = "SELECT id, body, updated_at, CASE WHEN lower(email) = $1 OR external_id IN (SELECT external_id \
    FROM purchases WHERE lower(email) = $1) THEN 1 ELSE 0 END AS owner FROM purchases WHERE lower(email) = $1 OR \
    external_id IN (SELECT external_id FROM purchases WHERE lower(email) = $1)";

impl Store {
    /// Every purchase of whoever has this email, and when it last changed; the newest first.
    pub async fn purchases_of_person(&self, email: &Email) -> Result<Vec<(Purchase, Timestamp)>, StoreError> {
        let text = [OF_PERSON, " ORDER BY opened_at DESC, id"].concat();
        let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(email.as_str().to_lowercase());
        query.fetch_all(self.pool()).await?.iter().map(with_change).collect()
    }

    /// What is kept of whoever has this email, beside their `purchases`.
    pub async fn learner_record(
        &self,
        email: &Email,
        purchases: &[(Purchase, Timestamp)],
    ) -> Result<LearnerRecord, StoreError> {
        let email = email.as_str().to_lowercase();
        let moment = |row: &AnyRow, column| row.try_get(column).map(Timestamp::from_millis);
        let kept = sqlx::query("SELECT code FROM coupons WHERE email = $1 ORDER BY code").bind(&email);
        let used =
            sqlx::query("SELECT code, at FROM redemptions WHERE email = $1 ORDER BY at, code").bind(&email);
        let mut codes = Vec::new();
        for row in kept.fetch_all(self.pool()).await? {
            codes.push(LearnersCode { code: row.try_get("code")?, how: "kept", at: None });
        }
        for row in used.fetch_all(self.pool()).await? {
            let at = Some(moment(&row, "at")?);
            codes.push(LearnersCode { code: row.try_get("code")?, how: "used", at });
        }
        let sent =
            sqlx::query("SELECT code, state, created_at FROM mails WHERE email = $1 ORDER BY created_at, id");
        let mut letters = Vec::new();
        for row in sent.bind(&email).fetch_all(self.pool()).await? {
            let at = moment(&row, "created_at")?;
            letters.push(LearnersLetter { code: row.try_get("code")?, state: row.try_get("state")?, at });
        }
        let mut stripe_events = Vec::new();
        for (purchase, _) in purchases {
            let told = sqlx::query(
                "SELECT id, kind, received_at, body FROM stripe_events WHERE purchase_id = $1 ORDER BY received_at, id",
            );
            for row in told.bind(purchase.id().as_str()).fetch_all(self.pool()).await? {
                stripe_events.push(LearnersEvent {
                    id: row.try_get("id")?,
                    kind: row.try_get("kind")?,
                    at: moment(&row, "received_at")?,
                    body: row.try_get("body")?,
                });
            }
        }
        Ok(LearnerRecord { codes, letters, stripe_events })
    }
}

impl Tx {
    /// Takes email, name and external id out of all that is kept of a learner. Amounts, times and references stay. Where a
    /// purchase is under way nothing is to be committed: the error names it.
    pub async fn erase_learner(
        &mut self,
        email: &Email,
        now: Timestamp,
    ) -> Result<Result<Erased, Reference>, Error> {
        let email = email.as_str().to_lowercase();
        let found = [OF_PERSON, " OR lower(body) LIKE $2 ESCAPE '\\' ORDER BY opened_at, id"].concat();
        let rows = sqlx::query(sqlx::AssertSqlSafe(found))
            .bind(&email)
            // Who pressed Pay for another email first is in the request that was sent then.
            .bind(format!("%\"{}\"%", email.replace('_', "\\_").replace('%', "\\%")))
            .fetch_all(self.connection())
            .await
            .map_err(StoreError::from)?;
        let mut erased = Erased::default();
        for row in &rows {
            let id: &str = row.try_get("id").map_err(StoreError::from)?;
            let owner = row.try_get::<i64, _>("owner").map_err(StoreError::from)? == 1;
            let id = PurchaseId::parse(id).ok_or(Error::UnknownPurchase)?;
            if self.apply(&id, Event::LearnerErased { owner }, now).await?.is_err() {
                return Ok(Err(self.hold(&id).await?.reference().clone()));
            }
            erased.purchases += 1;
            erased.stripe_events += self.erase_events(&id).await?;
            self.erase_company(&id).await?;
        }
        erased.codes += self.forget(&email, "UPDATE redemptions SET email = NULL WHERE email = $1").await?;
        erased.codes += self.forget(&email, "UPDATE coupons SET email = NULL WHERE email = $1").await?;
        erased.letters += self.forget(&email, "DELETE FROM mails WHERE email = $1").await?;
        Ok(Ok(erased))
    }

    async fn forget(&mut self, email: &str, statement: &'static str) -> Result<u64, StoreError> {
        let done = sqlx::query(statement).bind(email).execute(self.connection()).await?;
        Ok(done.rows_affected())
    }

    /// Stripe repeats email, name and address in what it tells. That an event came stays known.
    async fn erase_events(&mut self, purchase: &PurchaseId) -> Result<u64, StoreError> {
        let erased = sqlx::query("UPDATE stripe_events SET body = '' WHERE purchase_id = $1 AND body <> ''")
            .bind(purchase.as_str())
            .execute(self.connection())
            .await?;
        sqlx::query("UPDATE purchases SET client = NULL WHERE id = $1")
            .bind(purchase.as_str())
            .execute(self.connection())
            .await?;
        Ok(erased.rows_affected())
    }

    /// A pack that a learner has paid for has their name in place of a company's.
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
