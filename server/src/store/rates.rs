//! Limits that hold on every instance: for each subject the moment until which its earlier uses count (the "theoretical
//! arrival time" of the generic cell rate algorithm, <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>).
use super::{Declines, Store, StoreError, Tx};
use crate::abuse::Rate;
use crate::purchase::Purchase;
use shared::Timestamp;
use sqlx::Row;
use std::sync::atomic::Ordering;
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

    /// Touched by whoever counts what a client holds.
    pub(crate) fn holds(client: &str) -> String {
        ["holds ", client].concat()
    }

    /// Presses of Pay for an email.
    pub(crate) fn pays(email: &str) -> String {
        ["pays ", email].concat()
    }

    /// Declines by a client, or for an email.
    pub(crate) fn declines(whose: &str) -> String {
        ["declines ", whose].concat()
    }

    pub(crate) const ALL_GUESSES: &str = "guesses";
    /// Marked while coupon codes are being guessed.
    pub(crate) const GUESSING: &str = "guessing";

    /// Coupon codes that there are not, typed by a client.
    pub(crate) fn guesses(client: &str) -> String {
        ["guesses ", client].concat()
    }

    /// Marked while a client is one that has typed such a code.
    pub(crate) fn guessed(client: &str) -> String {
        ["guessed ", client].concat()
    }

    /// Marked while a challenge that a client passed counts.
    pub(crate) fn passed(client: &str) -> String {
        ["passed ", client].concat()
    }
}

/// What a client may have done before, and still open another purchase.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// It holds fewer purchases that are not paid.
    pub held: i64,
    /// It has not been declined more often.
    pub declines: Option<Rate>,
}

impl Allowance {
    /// For whom nothing is counted.
    pub const ALL: Self = Self { held: i64::MAX, declines: None };

    /// Up to when a client's declines may count that is allowed to open now.
    pub(super) fn declined_until(&self, now: Timestamp) -> Timestamp {
        self.declines.map_or(Timestamp::from_millis(i64::MAX), |rate| now.plus(rate.tolerance()))
    }
}

impl Store {
    /// Whether `subject` was marked for a time that is not over.
    pub async fn is_marked(&self, subject: &str, now: Timestamp) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 AS found FROM rates WHERE subject = $1 AND used_until > $2")
            .bind(subject)
            .bind(now.as_millis())
            .fetch_optional(self.pool())
            .await?;
        Ok(row.is_some())
    }

    /// How long `client` must wait before it may type another coupon code; nothing where it need not.
    pub async fn guess_wait(
        &self,
        client: &str,
        each: Option<Rate>,
        now: Timestamp,
    ) -> Result<Option<Duration>, StoreError> {
        let rows = sqlx::query(
            "SELECT subject, used_until FROM rates WHERE subject IN ($1, $2, $3) AND used_until > $4",
        )
        .bind(subject::guesses(client))
        .bind(subject::guessed(client))
        .bind(subject::GUESSING)
        .bind(now.as_millis())
        .fetch_all(self.pool())
        .await?;
        let (mut own, mut run, mut has_guessed) = (None, None, false);
        let guessed = subject::guessed(client);
        for row in &rows {
            let rest = Timestamp::from_millis(row.try_get("used_until")?).since(now);
            match row.try_get::<&str, _>("subject")? {
                subject::GUESSING => run = Some(rest),
                known if known == guessed => has_guessed = true,
                _ => own = Some(rest),
            }
        }
        let own_wait = own.zip(each).and_then(|(rest, each)| wait(rest, each));
        Ok(own_wait.or(run.filter(|_| has_guessed)))
    }

    /// Whether `client` has paid for anything.
    pub async fn has_bought(&self, client: &str) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT 1 AS found FROM purchases WHERE client = $1 AND state IN ('paid', 'granted') AND intent IS NOT NULL \
             LIMIT 1",
        )
        .bind(client)
        .fetch_optional(self.pool())
        .await?;
        Ok(row.is_some())
    }

    /// Forgets what does not count any more.
    pub async fn forget_rates(&self, now: Timestamp) -> Result<(), StoreError> {
        let statement = sqlx::query("DELETE FROM rates WHERE used_until < $1");
        self.write(statement.bind(now.as_millis())).await?;
        Ok(())
    }
}

impl Tx {
    /// How long `subject` must wait for its next use; nothing where it need not.
    pub async fn rate_wait(
        &mut self,
        subject: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Option<Duration>, StoreError> {
        Ok(wait(self.rest(subject, now).await?, rate))
    }

    /// For how long `subject` is used or marked from now on.
    async fn rest(&mut self, subject: &str, now: Timestamp) -> Result<Duration, StoreError> {
        let row = sqlx::query("SELECT used_until FROM rates WHERE subject = $1")
            .bind(subject)
            .fetch_optional(self.connection())
            .await?;
        let used_until = row.map(|row| row.try_get("used_until")).transpose()?.unwrap_or(0);
        Ok(Timestamp::from_millis(used_until).since(now))
    }

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
        Ok(Err(wait(self.rest(subject, now).await?, rate).unwrap_or(rate.interval())))
    }

    /// Counts what has happened, allowed or not; whether the rate is used up.
    async fn count_against(&mut self, subject: &str, rate: Rate, now: Timestamp) -> Result<bool, StoreError> {
        // More than a whole period is no better than one.
        let used = self.count(subject, rate, now, now.plus(rate.period())).await?;
        Ok(used.is_none_or(|until| until > now.plus(rate.tolerance())))
    }

    /// Marks `subject` until a moment.
    pub async fn mark(&mut self, subject: &str, until: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO rates (subject, used_until) VALUES ($1, $2) \
             ON CONFLICT (subject) DO UPDATE SET used_until = $2",
        )
        .bind(subject)
        .bind(until.as_millis())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Counts a decline of `purchase`, which `client` opened; whether that client or email has had too many. While there
    /// are too many of all, paying stays closed to new clients, and for as long as the rate's period after the last.
    pub(super) async fn count_decline(
        &mut self,
        purchase: &Purchase,
        client: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Nobody counts what this machine's own programs do.
        let Some(client) = client else { return Ok(false) };
        let mut too_many = false;
        let Declines { each, run, pseudonyms } = self.store.declines.clone();
        if let Some(each) = each {
            too_many |= self.count_against(&subject::declines(client), each, now).await?;
            if let Some(learner) = purchase.learner() {
                let email = pseudonyms.email(learner.email.as_str());
                too_many |= self.count_against(&subject::declines(&email), each, now).await?;
            }
        }
        // One who is stopped already is no reason to stop the others.
        if let (Some(run), false) = (run, too_many)
            && self.count_against(subject::ALL_DECLINES, run, now).await?
        {
            if self.rest(subject::CLOSED, now).await?.is_zero() {
                tracing::error!(
                    alert = true,
                    "cards are being declined in a run: paying is closed to new clients for a while"
                );
            }
            self.mark(subject::CLOSED, now.plus(run.period())).await?;
        }
        Ok(too_many)
    }

    /// Counts a coupon code that there is not, whose client has been counted.
    pub async fn count_guess(
        &mut self,
        client: &str,
        run: Option<Rate>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.store.guesses.fetch_add(1, Ordering::Relaxed);
        let Some(run) = run else { return Ok(()) };
        // Remembered also where one client alone has no limit.
        self.mark(&subject::guessed(client), now.plus(run.period())).await?;
        if self.count_against(subject::ALL_GUESSES, run, now).await? {
            if self.rest(subject::GUESSING, now).await?.is_zero() {
                tracing::error!(
                    alert = true,
                    "coupon codes are being guessed: whoever has typed one that there is not must wait"
                );
            }
            self.mark(subject::GUESSING, now.plus(run.period())).await?;
        }
        Ok(())
    }

    /// Gives one use of `subject` back.
    pub async fn return_use(&mut self, subject: &str, rate: Rate) -> Result<(), StoreError> {
        sqlx::query("UPDATE rates SET used_until = used_until - $2 WHERE subject = $1")
            .bind(subject)
            .bind(i64::try_from(rate.interval().as_millis()).unwrap_or(i64::MAX))
            .execute(self.connection())
            .await?;
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
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| Ok(Timestamp::from_millis(row.try_get("used_until")?))).transpose()
    }
}

fn wait(rest: Duration, rate: Rate) -> Option<Duration> {
    let wait = rest.saturating_sub(rate.tolerance());
    (!wait.is_zero()).then_some(wait)
}
