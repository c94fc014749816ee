//! Limits that hold on every instance: for each subject the moment until which its earlier uses count (the "theoretical
//! arrival time" of the generic cell rate algorithm, <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>).
use super::{Declines, Store, StoreError, Tx};
use crate::abuse::Rate;
use crate::purchase::Purchase;
use shared::Timestamp;
use sqlx::Row;
use std::time::Duration;

/// What is counted.
pub(crate) mod subject {
    pub(crate) const ALL_DECLINES: &str = "declines";
    /// Marked while paying is closed to new clients.
    pub(crate) const CLOSED: &str = "closed";

    /// Purchases opened by a client.
    pub(crate) fn opens(client: &str) -> String {
        ["opens ", client].concat()
    }

    /// Presses of Pay for an email.
    pub(crate) fn pays(email: &str) -> String {
        ["pays ", email].concat()
    }

    /// Declines by a client, or for an email.
    pub(crate) fn declines(whose: &str) -> String {
        ["declines ", whose].concat()
    }

    /// Marked while a challenge that a client passed counts.
    pub(crate) fn passed(client: &str) -> String {
        ["passed ", client].concat()
    }
}

impl Store {
    /// How long `subject` must wait for its next use; nothing where it need not.
    pub async fn rate_wait(
        &self,
        subject: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Option<Duration>, StoreError> {
        let row = sqlx::query("SELECT used_until FROM rates WHERE subject = $1")
            .bind(subject)
            .fetch_optional(&self.pool)
            .await?;
        let used_until = row.map(|row| row.try_get("used_until")).transpose()?.unwrap_or(0);
        Ok(wait(Timestamp::from_millis(used_until), rate, now))
    }

    /// Whether `subject` was marked for a time that is not over.
    pub async fn is_marked(&self, subject: &str, now: Timestamp) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 AS found FROM rates WHERE subject = $1 AND used_until > $2")
            .bind(subject)
            .bind(now.as_millis())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// Whether `client` has bought anything.
    pub async fn has_bought(&self, client: &str) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT 1 AS found FROM purchases WHERE client = $1 AND state IN ('paid', 'granted') LIMIT 1",
        )
        .bind(client)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.is_some())
    }

    /// Forgets what does not count any more.
    pub async fn forget_rates(&self, now: Timestamp) -> Result<(), StoreError> {
        let _turn = self.turn().await?;
        let query = sqlx::query("DELETE FROM rates WHERE used_until < $1");
        query.bind(now.as_millis()).execute(&self.pool).await?;
        Ok(())
    }
}

impl Tx {
    /// Uses `rate` once for `subject`; where it is used up, how long to wait. Who does so at the same time waits here.
    pub async fn use_rate(
        &mut self,
        subject: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Result<(), Duration>, StoreError> {
        let used = self.count(subject, rate, now, now.plus(rate.tolerance())).await?;
        if used.is_some() {
            return Ok(Ok(()));
        }
        let row = sqlx::query("SELECT used_until FROM rates WHERE subject = $1")
            .bind(subject)
            .fetch_one(&mut *self.inner)
            .await?;
        let used_until = Timestamp::from_millis(row.try_get("used_until")?);
        Ok(Err(wait(used_until, rate, now).unwrap_or(rate.interval())))
    }

    /// Counts what has happened, allowed or not; whether the rate is used up by just this.
    pub(super) async fn count_against(
        &mut self,
        subject: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // More than a whole period is no better than one.
        let used = self.count(subject, rate, now, now.plus(rate.period())).await?;
        let edge = now.plus(rate.tolerance());
        Ok(used.is_some_and(|until| until > edge && until <= edge.plus(rate.interval())))
    }

    /// Marks `subject` until a moment.
    pub async fn mark(&mut self, subject: &str, until: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO rates (subject, used_until) VALUES ($1, $2) \
             ON CONFLICT (subject) DO UPDATE SET used_until = $2",
        )
        .bind(subject)
        .bind(until.as_millis())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Counts a decline of `purchase`, which `client` opened. One too many of all closes paying to new clients for as
    /// long as the rate's period.
    pub(super) async fn count_decline(
        &mut self,
        purchase: &Purchase,
        client: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // Nobody counts what this machine's own programs do.
        let Some(client) = client else { return Ok(()) };
        let Declines { each, run, pseudonyms } = self.store.declines.clone();
        if let Some(each) = each {
            self.count_against(&subject::declines(client), each, now).await?;
            if let Some(learner) = purchase.learner() {
                let email = pseudonyms.email(learner.email.as_str());
                self.count_against(&subject::declines(&email), each, now).await?;
            }
        }
        if let Some(run) = run
            && self.count_against(subject::ALL_DECLINES, run, now).await?
        {
            self.mark(subject::CLOSED, now.plus(run.period())).await?;
            tracing::error!(
                alert = true,
                "cards are being declined in a run: paying is closed to new clients for a while"
            );
        }
        Ok(())
    }

    async fn count(
        &mut self,
        subject: &str,
        rate: Rate,
        now: Timestamp,
        most: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query(
            "INSERT INTO rates (subject, used_until) VALUES ($1, $2 + $3) ON CONFLICT (subject) DO UPDATE \
             SET used_until = CASE WHEN rates.used_until > $2 THEN rates.used_until ELSE $2 END + $3 \
             WHERE rates.used_until <= $4 RETURNING used_until",
        )
        .bind(subject)
        .bind(now.as_millis())
        .bind(i64::try_from(rate.interval().as_millis()).unwrap_or(i64::MAX))
        .bind(most.as_millis())
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(|row| Ok(Timestamp::from_millis(row.try_get("used_until")?))).transpose()
    }

    /// How many purchases `client` has open and not paid.
    pub async fn held_by(&mut self, client: &str) -> Result<i64, StoreError> {
        let row = sqlx::query(
            "SELECT count(*) AS held FROM purchases WHERE client = $1 AND state IN ('held', 'paying')",
        )
        .bind(client)
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(row.try_get("held")?)
    }
}

fn wait(used_until: Timestamp, rate: Rate, now: Timestamp) -> Option<Duration> {
    let wait = used_until.since(now).saturating_sub(rate.tolerance());
    (!wait.is_zero()).then_some(wait)
}
