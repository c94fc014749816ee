//! Emails to be sent: leased to one worker at a time, retried, and kept with their outcome.
use super::outbox::random_name;
use super::purchases::known_id;
use super::{Store, StoreError, Tx};
use crate::coupons::{CouponCode, Pack};
use crate::email::normalized;
use crate::purchase::{Learner, Purchase, PurchaseId};
use shared::{Email, Timestamp};
use sqlx::Row;
use std::time::Duration;

/// Minimum time between two "you already have this" emails to one address.
const REMINDER_INTERVAL: Duration = Duration::from_secs(86_400);
/// A reminder still unsent after this long is dropped.
const REMINDER_MAX_AGE: Duration = Duration::from_secs(3600);

/// The purchase that a reminder is about, unless access has ended, it is someone else's by now, or the reminder is not
/// newer than `$2`.
const STILL_OWNED: &str = "SELECT p.email, m.lang, p.sku, p.id FROM mails m JOIN purchases p ON p.id = m.purchase_id \
     WHERE m.id = $1 AND p.state = 'granted' AND p.email_key = m.email AND m.created_at > $2";
/// The code that an email is to contain, unless it is someone else's by now, was revoked, or has expired at `$2`.
const STILL_KEPT: &str = "SELECT m.email, m.lang, c.code, p.sku, coalesce((SELECT q.email FROM purchases q WHERE q.id = p.purchase_id), \
     p.company) AS company FROM mails m JOIN coupons c ON c.code = m.code \
     JOIN packs p ON p.id = c.pack WHERE m.id = $1 AND c.email = m.email AND c.revoked_at IS NULL \
     AND (c.valid_until IS NULL OR c.valid_until > $2)";

/// An email leased to this worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub id: String,
    pub email: String,
    /// The language of the person who requested the email.
    pub lang: String,
    pub sku: String,
    pub about: About,
    /// Including the current attempt.
    pub attempts: u32,
    /// Time of the first attempt.
    pub tried_since: Timestamp,
}

/// The subject matter of an email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A code that is assigned to the recipient.
    Code {
        /// Formatted for people.
        code: String,
        /// The giver of the code: the company as an operator named it, or the email of the learner who paid for the pack,
        /// since their name could be any text.
        company: String,
    },
    /// An offering that the recipient already has and someone is about to pay for again.
    Owned {
        /// The purchase that gives them access.
        id: PurchaseId,
    },
}

/// Result of looking for the next email.
enum Next {
    Mail(Mail),
    /// Another worker leased it, or it must no longer be sent.
    Gone,
    Nothing,
}

impl Store {
    /// Leases the email that has been due longest. An email whose code has ended, or is someone else's meanwhile, is
    /// dropped, and so is an outdated reminder.
    pub async fn lease_mail(&self, now: Timestamp, lease: Duration) -> Result<Option<Mail>, StoreError> {
        loop {
            match self.next_mail(now, lease).await? {
                Next::Mail(mail) => return Ok(Some(mail)),
                Next::Gone => {}
                Next::Nothing => return Ok(None),
            }
        }
    }

    /// Deletes emails created before `before` that were sent or dropped.
    pub async fn forget_mails(&self, before: Timestamp) -> Result<(), StoreError> {
        let statement =
            sqlx::query("DELETE FROM mails WHERE state IN ('sent', 'dropped') AND created_at < $1");
        self.write(statement.bind(before.as_millis())).await?;
        Ok(())
    }

    async fn next_mail(&self, now: Timestamp, lease: Duration) -> Result<Next, StoreError> {
        let due = sqlx::query(
            "SELECT id FROM mails WHERE state = 'pending' AND next_attempt_at <= $1 AND leased_until <= $1 \
             ORDER BY next_attempt_at LIMIT 1",
        )
        .bind(now.as_millis())
        .fetch_optional(self.pool())
        .await?;
        let Some(due) = due else { return Ok(Next::Nothing) };
        let id: String = due.try_get("id")?;
        let mut tx = self.begin().await?;
        let leased = sqlx::query(
            "UPDATE mails SET leased_until = $3, attempts = attempts + 1, \
             tried_since = CASE WHEN attempts = 0 THEN $2 ELSE tried_since END \
             WHERE id = $1 AND state = 'pending' AND leased_until <= $2 RETURNING attempts, tried_since, purchase_id",
        )
        .bind(&id)
        .bind(now.as_millis())
        .bind(now.plus(lease).as_millis())
        .fetch_optional(tx.connection())
        .await?;
        let Some(leased) = leased else {
            tx.rollback().await?;
            return Ok(Next::Gone);
        };
        let reminds = leased.try_get::<Option<String>, _>("purchase_id")?.is_some();
        let statement = if reminds { STILL_OWNED } else { STILL_KEPT };
        // A reminder expires by age, a code by its own expiry.
        let moment = if reminds { now.minus(REMINDER_MAX_AGE) } else { now };
        let row =
            sqlx::query(statement).bind(&id).bind(moment.as_millis()).fetch_optional(tx.connection()).await?;
        let Some(row) = row else {
            tx.close_mail(&id, "dropped", None).await?;
            tx.commit().await?;
            return Ok(Next::Gone);
        };
        tx.commit().await?;
        let about = if reminds {
            About::Owned { id: known_id(row.try_get("id")?)? }
        } else {
            let code: &str = row.try_get("code")?;
            let code =
                CouponCode::parse(code).map_err(|_| StoreError::Unsupported(format!("coupon {code:?}")))?;
            About::Code { code: code.to_string(), company: row.try_get("company")? }
        };
        Ok(Next::Mail(Mail {
            about,
            email: row.try_get("email")?,
            lang: row.try_get("lang")?,
            sku: row.try_get("sku")?,
            attempts: u32::try_from(leased.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
            tried_since: Timestamp::from_millis(leased.try_get("tried_since")?),
            id,
        }))
    }

    /// Records that the mail server accepted the email.
    pub async fn finish_mail(&self, mail: &Mail) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.close_mail(&mail.id, "sent", None).await?;
        tx.commit().await
    }

    /// Records that the email failed for good.
    pub async fn give_mail_up(&self, mail: &Mail, error: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.close_mail(&mail.id, "failed", Some(error)).await?;
        tx.commit().await
    }

    /// Puts the email back, to be retried at `next_attempt_at`.
    pub async fn retry_mail(
        &self,
        mail: &Mail,
        error: &str,
        next_attempt_at: Timestamp,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "UPDATE mails SET next_attempt_at = $2, leased_until = 0, last_error = $3 \
             WHERE id = $1 AND state = 'pending'",
        );
        self.write(statement.bind(&mail.id).bind(next_attempt_at.as_millis()).bind(error)).await?;
        Ok(())
    }
}

impl Tx {
    /// Queues an email if the learner already has what `purchase` sells; at most one a day per address.
    pub async fn remind_of_access(
        &mut self,
        purchase: &Purchase,
        learner: &Learner,
        lang: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let email = normalized(&learner.email);
        let owned = sqlx::query(
            "SELECT id FROM purchases WHERE sku = $1 AND email_key = $2 AND state = 'granted' AND places = 1 \
             AND id <> $3 AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.email = $2 AND m.purchase_id IS NOT NULL \
             AND m.created_at > $4) ORDER BY opened_at DESC, id LIMIT 1",
        )
        .bind(purchase.sku())
        .bind(&email)
        .bind(purchase.id().as_str())
        .bind(now.minus(REMINDER_INTERVAL).as_millis())
        .fetch_optional(self.connection())
        .await?;
        let Some(owned) = owned else { return Ok(()) };
        let owned: String = owned.try_get("id")?;
        self.write_mail("", Some(&owned), &email, lang, now).await
    }

    /// Queues an email with `code` to `email`, in the language `lang`.
    pub async fn send_code(
        &mut self,
        code: &CouponCode,
        email: &Email,
        lang: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write_mail(code.as_str(), None, &normalized(email), lang, now).await
    }

    async fn write_mail(
        &mut self,
        code: &str,
        purchase: Option<&str>,
        email: &str,
        lang: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO mails (id, code, purchase_id, email, lang, state, attempts, tried_since, next_attempt_at, \
             leased_until, created_at) VALUES ($1, $2, $3, $4, $5, 'pending', 0, 0, $6, 0, $6)",
        )
        .bind(random_name())
        .bind(code)
        .bind(purchase)
        .bind(email)
        .bind(lang)
        .bind(now.as_millis())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// How many emails of a pack were queued since `since`, and how many codes it has.
    pub async fn letters_of(&mut self, pack: &Pack, since: Timestamp) -> Result<(i64, i64), StoreError> {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM mails m JOIN coupons c ON c.code = m.code WHERE c.pack = $1 \
             AND m.created_at > $2) AS letters, (SELECT count(*) FROM coupons WHERE pack = $1) AS codes",
        )
        .bind(&pack.id)
        .bind(since.as_millis())
        .fetch_one(self.connection())
        .await?;
        Ok((row.try_get("letters")?, row.try_get("codes")?))
    }

    async fn close_mail(&mut self, id: &str, state: &str, error: Option<&str>) -> Result<(), StoreError> {
        sqlx::query("UPDATE mails SET state = $2, last_error = $3, leased_until = 0 WHERE id = $1")
            .bind(id)
            .bind(state)
            .bind(error)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
