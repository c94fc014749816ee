//! Rate limits that all instances share: for each subject, the moment until which its earlier uses count (the
//! "theoretical arrival time" of the generic cell rate algorithm,
//! <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>).
use super::{Store, StoreError, Tx, subject};
use crate::abuse::{ClientNetwork, Rate};
use shared::Timestamp;
use sqlx::Row;
use std::time::Duration;

/// The limits on a client that opens a purchase.
#[derive(Clone, Copy, Debug)]
pub struct Allowance<'a> {
    /// The client's networks; empty if nothing is counted.
    pub networks: &'a [ClientNetwork],
    /// It must have fewer unpaid purchases.
    pub held: Option<u32>,
    /// It may hold at most this many unpaid seats of the same training, including the new ones.
    pub seats: Option<i64>,
    /// It must not have been declined more often.
    pub declines: Option<Rate>,
}

/// The allowances a client gets back after it has paid.
pub(crate) struct ReturnedAllowance {
    /// Uses of rates: the subject, the rate, and how many.
    pub(crate) returned: Vec<(String, Rate, u32)>,
    /// The subject that is trusted more from now on.
    pub(crate) trusted: Option<String>,
    pub(crate) at: Timestamp,
}

impl Allowance<'_> {
    /// For clients without limits.
    pub const ALL: Self = Self { networks: &[], held: None, seats: None, declines: None };

    /// How many unpaid purchases are too many for a network that may do `times` as much as one client. A client may
    /// hold one for a team at a time.
    pub(super) fn held_by(&self, times: u32, is_for_team: bool) -> i64 {
        let most = self.held.map(|held| if is_for_team { 1 } else { held });
        most.map_or(i64::MAX, |most| i64::from(most).saturating_mul(times.into()))
    }

    /// Until when declines may count for a network that may still open a purchase.
    pub(super) fn declined_until(&self, times: u32, now: Timestamp) -> Timestamp {
        let never = Timestamp::from_millis(i64::MAX);
        self.declines.map_or(never, |rate| now.plus(rate.times(times).tolerance()))
    }
}

/// How long one paid purchase counts in favour of its client, and how much of that adds up.
pub(super) const TRUST: Duration = Duration::from_secs(3600);
const MOST_TRUST: Duration = Duration::from_secs(40 * 3600);

impl Store {
    /// Whether `subject` is currently marked.
    pub async fn is_marked(&self, subject: &str, now: Timestamp) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 AS found FROM rates WHERE subject = $1 AND used_until > $2")
            .bind(subject)
            .bind(now.as_millis())
            .fetch_optional(self.pool())
            .await?;
        Ok(row.is_some())
    }

    /// How long `client` must wait before it may try another coupon code; `None` if it need not.
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

    /// The limits that `client` has used, and for how long that still counts.
    pub async fn rates_of(
        &self,
        client: &str,
        now: Timestamp,
    ) -> Result<Vec<(String, Duration)>, StoreError> {
        let subjects = [
            subject::opens,
            subject::declines,
            subject::emails,
            subject::guesses,
            subject::guessed,
            subject::passed,
            subject::trust,
        ];
        let mut used = Vec::new();
        for subject in subjects {
            let subject = subject(client);
            let row = sqlx::query("SELECT used_until FROM rates WHERE subject = $1 AND used_until > $2")
                .bind(&subject)
                .bind(now.as_millis())
                .fetch_optional(self.pool())
                .await?;
            if let Some(row) = row {
                let until = Timestamp::from_millis(row.try_get("used_until")?);
                used.push((subject.split(' ').next().unwrap_or_default().to_owned(), until.since(now)));
            }
        }
        Ok(used)
    }

    /// How many unpaid purchases a network has open.
    pub async fn unpaid_of(&self, client: &str) -> Result<i64, StoreError> {
        let row = sqlx::query(
            "SELECT count(*) AS unpaid FROM purchases WHERE (client = $1 OR client_56 = $1 OR client_48 = $1) \
             AND state IN ('held', 'paying', 'processing')",
        )
        .bind(client)
        .fetch_one(self.pool())
        .await?;
        Ok(row.try_get("unpaid")?)
    }

    /// Gives clients back what their paid purchases have used.
    pub(super) async fn return_allowances(
        &self,
        returned_allowances: &[ReturnedAllowance],
    ) -> Result<(), StoreError> {
        // Boxed, because a commit calls this.
        let mut tx = Box::pin(self.begin()).await?;
        for ReturnedAllowance { returned, trusted, at } in returned_allowances {
            for (subject, rate, uses) in returned {
                tx.return_use(subject, *rate, *uses).await?;
            }
            if let Some(subject) = trusted {
                let most = at.plus(MOST_TRUST.saturating_sub(TRUST));
                tx.count(subject, TRUST, *at, most).await?;
            }
        }
        tx.inner.commit().await
    }

    /// Deletes rates that no longer count.
    pub async fn forget_rates(&self, now: Timestamp) -> Result<(), StoreError> {
        let statement = sqlx::query("DELETE FROM rates WHERE used_until < $1");
        self.write(statement.bind(now.as_millis())).await?;
        Ok(())
    }
}

impl Tx {
    /// How long `subject` must wait for its next use; `None` if it need not.
    pub async fn rate_wait(
        &mut self,
        subject: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Option<Duration>, StoreError> {
        self.rate_wait_for(subject, rate, 1, now).await
    }

    /// The same for something that counts as `uses`.
    pub async fn rate_wait_for(
        &mut self,
        subject: &str,
        rate: Rate,
        uses: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, StoreError> {
        let rest = self.rest(subject, now).await?;
        let wait = rest.saturating_sub(rate.tolerance_for(cost(rate, uses)));
        Ok((!wait.is_zero()).then_some(wait))
    }

    /// How long `subject` stays used or marked from `now` on.
    pub(crate) async fn rest(&mut self, subject: &str, now: Timestamp) -> Result<Duration, StoreError> {
        let row = sqlx::query("SELECT used_until FROM rates WHERE subject = $1")
            .bind(subject)
            .fetch_optional(self.connection())
            .await?;
        let used_until = row.map(|row| row.try_get("used_until")).transpose()?.unwrap_or(0);
        Ok(Timestamp::from_millis(used_until).since(now))
    }

    /// Uses `rate` once for `subject`; the inner error says how long to wait if it is used up. Concurrent uses wait
    /// here.
    pub async fn use_rate(
        &mut self,
        subject: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Result<(), Duration>, StoreError> {
        self.use_rate_for(subject, rate, 1, now).await
    }

    /// The same for something that counts as `uses`, capped at the whole rate.
    pub async fn use_rate_for(
        &mut self,
        subject: &str,
        rate: Rate,
        uses: u32,
        now: Timestamp,
    ) -> Result<Result<(), Duration>, StoreError> {
        let cost = cost(rate, uses);
        let most = now.plus(rate.tolerance_for(cost));
        if self.count(subject, cost, now, most).await?.is_some() {
            return Ok(Ok(()));
        }
        let rest = self.rest(subject, now).await?;
        Ok(Err(rest.saturating_sub(rate.tolerance_for(cost)).max(Duration::from_secs(1))))
    }

    /// Counts something that has happened, allowed or not; returns whether the rate is used up.
    pub(crate) async fn count_against(
        &mut self,
        subject: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Nothing is counted beyond a whole period, which would change nothing.
        let used = self.count(subject, cost(rate, 1), now, now.plus(rate.period())).await?;
        Ok(used.is_none_or(|until| until > now.plus(rate.tolerance())))
    }

    /// Marks `subject` until the time `until`.
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

    /// Returns `uses` of `rate` to `subject`.
    pub async fn return_use(&mut self, subject: &str, rate: Rate, uses: u32) -> Result<(), StoreError> {
        sqlx::query("UPDATE rates SET used_until = used_until - $2 WHERE subject = $1")
            .bind(subject)
            .bind(millis(cost(rate, uses)))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn count(
        &mut self,
        subject: &str,
        cost: Duration,
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
        .bind(millis(cost))
        .bind(most.as_millis())
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| Ok(Timestamp::from_millis(row.try_get("used_until")?))).transpose()
    }
}

/// How much of the period of `rate` these `uses` take: all of it at most.
fn cost(rate: Rate, uses: u32) -> Duration {
    (rate.interval() * uses.max(1)).clamp(Duration::from_millis(1), rate.period())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn wait(rest: Duration, rate: Rate) -> Option<Duration> {
    let wait = rest.saturating_sub(rate.tolerance());
    (!wait.is_zero()).then_some(wait)
}
