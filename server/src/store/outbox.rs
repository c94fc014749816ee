//! The outbox: commands that outlive the process, leased to one worker at a time, retried and never dropped.
use super::{Store, StoreError, Tx, purchases::known_id};
use crate::purchase::{Command, PurchaseId, Receiver};
use serde::Serialize;
use shared::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::HashSet;
use std::time::Duration;

/// One command leased to this worker.
#[derive(Clone, Debug)]
pub struct Task {
    pub id: String,
    pub purchase: PurchaseId,
    pub command: Command,
    /// Including the current attempt.
    pub attempts: u32,
    /// Time of the first attempt.
    pub tried_since: Timestamp,
    /// Names the lease, so that a worker that lost it can't finish a command that another worker holds.
    lease: String,
}

/// One outbox command, as operators see it.
#[derive(Clone, Debug, Serialize)]
pub struct OutboxEntry {
    pub id: String,
    pub reference: String,
    pub receiver: String,
    /// The command as JSON.
    pub command: String,
    /// `pending`, `done` or `needs_person`.
    pub state: String,
    pub attempts: i64,
    pub next_attempt_at: Timestamp,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
}

/// The reason why a paid purchase has no access yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    Outbox,
    /// `FlockJay` refused; a person must act.
    Person,
    Nothing,
}

/// Result of a request to retry a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    Yes,
    /// It is already waiting for its next attempt.
    Waiting,
    Done,
    Unknown,
}

const ENTRY: &str = "SELECT o.id, p.reference, o.receiver, o.command, o.state, o.attempts, o.next_attempt_at, \
                     o.last_error, o.created_at FROM outbox o JOIN purchases p ON p.id = o.purchase_id";

impl Store {
    /// Leases the command to `receiver` that has been due longest. Commands of one purchase to one receiver are carried
    /// out in order, so one waits while an earlier one is pending.
    pub async fn lease(
        &self,
        receiver: &Receiver,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<Task>, StoreError> {
        let name = random_name();
        let statement = sqlx::query(
            "UPDATE outbox SET leased_until = $2, lease = $4, attempts = attempts + 1, \
             tried_since = CASE WHEN attempts = 0 OR tried_since = 0 THEN $1 ELSE tried_since END \
             WHERE leased_until <= $1 AND state = 'pending' \
             AND id = (SELECT o.id FROM outbox o WHERE o.state = 'pending' AND o.receiver = $3 \
             AND o.next_attempt_at <= $1 AND o.leased_until <= $1 AND NOT EXISTS (SELECT 1 FROM outbox e \
             WHERE e.purchase_id = o.purchase_id AND e.receiver = o.receiver AND e.state = 'pending' AND e.seq < o.seq) \
             ORDER BY o.next_attempt_at LIMIT 1) RETURNING id, purchase_id, command, attempts, tried_since",
        )
        .bind(now.as_millis())
        .bind(now.plus(lease).as_millis())
        .bind(receiver.name().into_owned())
        .bind(&name);
        let Some(row) = self.write(statement).await? else { return Ok(None) };
        Ok(Some(Task {
            id: row.try_get("id")?,
            purchase: known_id(row.try_get("purchase_id")?)?,
            command: serde_json::from_str(row.try_get("command")?)?,
            attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
            tried_since: Timestamp::from_millis(row.try_get("tried_since")?),
            lease: name,
        }))
    }

    /// Extends a lease while the command is still being carried out.
    pub async fn renew(&self, task: &Task, until: Timestamp) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "UPDATE outbox SET leased_until = $3 WHERE id = $1 AND lease = $2 AND state = 'pending'",
        );
        self.write(statement.bind(&task.id).bind(&task.lease).bind(until.as_millis())).await?;
        Ok(())
    }

    /// When the next command to `receiver` that waits for no other is due, if there is one.
    pub async fn next_due(&self, receiver: &Receiver) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query(
            "SELECT CAST(min(CASE WHEN o.leased_until > o.next_attempt_at THEN o.leased_until ELSE o.next_attempt_at END) \
             AS BIGINT) AS due FROM outbox o WHERE o.state = 'pending' AND o.receiver = $1 AND NOT EXISTS (SELECT 1 \
             FROM outbox e WHERE e.purchase_id = o.purchase_id AND e.receiver = o.receiver AND e.state = 'pending' \
             AND e.seq < o.seq)",
        )
        .bind(receiver.name().into_owned())
        .fetch_one(self.pool())
        .await?;
        Ok(row.try_get::<Option<i64>, _>("due")?.map(Timestamp::from_millis))
    }

    /// How many commands are pending for `receiver`.
    pub async fn pending_for(&self, receiver: &Receiver) -> Result<i64, StoreError> {
        let row =
            sqlx::query("SELECT count(*) AS waits FROM outbox WHERE state = 'pending' AND receiver = $1")
                .bind(receiver.name().into_owned())
                .fetch_one(self.pool())
                .await?;
        Ok(row.try_get("waits")?)
    }

    /// Puts the command back, to be retried at `next_attempt_at`.
    pub async fn retry(
        &self,
        task: &Task,
        error: &str,
        next_attempt_at: Timestamp,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "UPDATE outbox SET next_attempt_at = $3, leased_until = 0, lease = '', last_error = $4 \
             WHERE id = $1 AND lease = $2",
        )
        .bind(&task.id)
        .bind(&task.lease)
        .bind(next_attempt_at.as_millis())
        .bind(error);
        self.write(statement).await?;
        // The worker must learn when this is due.
        self.tell_workers();
        Ok(())
    }

    /// How many commands are pending, and how many need attention.
    pub async fn outbox_depth(&self) -> Result<(i64, i64), StoreError> {
        let counts = "SELECT state, count(*) AS commands FROM outbox WHERE state <> 'done' GROUP BY state";
        let (mut pending, mut stuck) = (0, 0);
        for row in sqlx::query(counts).fetch_all(self.pool()).await? {
            match row.try_get::<&str, _>("state")? {
                "pending" => pending = row.try_get("commands")?,
                _ => stuck = row.try_get("commands")?,
            }
        }
        Ok((pending, stuck))
    }

    /// Commands of one purchase, in order.
    pub async fn commands_of(&self, purchase: &PurchaseId) -> Result<Vec<OutboxEntry>, StoreError> {
        let text = [ENTRY, " WHERE o.purchase_id = $1 ORDER BY o.seq"].concat();
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(text)).bind(purchase.as_str()).fetch_all(self.pool()).await?;
        rows.iter().map(entry).collect()
    }

    /// The reason why a paid purchase has no access yet; `None` in every other state. A single statement, because
    /// access may be granted between two.
    pub async fn waiting_for_access(&self, id: &PurchaseId) -> Result<Option<WaitsFor>, StoreError> {
        let rows = sqlx::query(
            "SELECT coalesce(o.state, 'nothing') AS state FROM purchases p LEFT JOIN outbox o \
             ON o.purchase_id = p.id AND o.receiver = 'flockjay' WHERE p.id = $1 AND p.state = 'paid'",
        );
        let rows = rows.bind(id.as_str()).fetch_all(self.pool()).await?;
        let states = rows.iter().map(|row| row.try_get("state")).collect::<Result<Vec<String>, _>>()?;
        let any = |wanted: &str| states.iter().any(|state| state == wanted);
        Ok(match states.is_empty() {
            true => None,
            false if any("pending") => Some(WaitsFor::Outbox),
            false if any("needs_person") => Some(WaitsFor::Person),
            false => Some(WaitsFor::Nothing),
        })
    }

    /// Commands in `state`, oldest first.
    pub async fn commands_in(&self, state: &str, most: i64) -> Result<Vec<OutboxEntry>, StoreError> {
        let text = [ENTRY, " WHERE o.state = $1 ORDER BY o.created_at LIMIT $2"].concat();
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(text)).bind(state).bind(most).fetch_all(self.pool()).await?;
        rows.iter().map(entry).collect()
    }

    /// SKUs whose grants have been failing: one since before `since`, or at least `refusals` that need attention, the
    /// last of them after `refused_after`.
    pub async fn failing_skus(
        &self,
        since: Timestamp,
        refusals: i64,
        refused_after: Timestamp,
    ) -> Result<HashSet<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT p.sku FROM outbox o JOIN purchases p ON p.id = o.purchase_id \
             WHERE o.receiver = 'flockjay' AND p.state = 'paid' AND o.state <> 'done' \
             GROUP BY p.sku HAVING (count(CASE WHEN o.state = 'needs_person' THEN 1 END) >= $2 \
             AND max(CASE WHEN o.state = 'needs_person' THEN o.finished_at ELSE 0 END) > $3) OR count(CASE WHEN o.state = 'pending' AND o.attempts > 1 AND o.created_at < $1 THEN 1 END) > 0",
        )
        .bind(since.as_millis())
        .bind(refusals)
        .bind(refused_after.as_millis())
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| Ok(row.try_get("sku")?)).collect()
    }
}

impl Tx {
    /// Enqueues `command`, unless the same is already pending.
    pub(crate) async fn enqueue(
        &mut self,
        purchase: &PurchaseId,
        command: &Command,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (text, receiver) = (serde_json::to_string(command)?, command.receiver().name());
        let row = sqlx::query(
            "SELECT CAST(coalesce(max(seq) + 1, 0) AS BIGINT) AS next, \
             count(CASE WHEN state = 'pending' AND command = $2 AND lease = '' THEN 1 END) AS same \
             FROM outbox WHERE purchase_id = $1",
        )
        .bind(purchase.as_str())
        .bind(&text)
        .fetch_one(self.connection())
        .await?;
        self.enqueued = true;
        // Earlier commands that wait for a retry become due now: this one waits for them, and things have changed.
        sqlx::query(
            "UPDATE outbox SET next_attempt_at = $3 WHERE purchase_id = $1 AND receiver = $2 AND state = 'pending' \
             AND next_attempt_at > $3",
        )
        .bind(purchase.as_str())
        .bind(&*receiver)
        .bind(now.as_millis())
        .execute(self.connection())
        .await?;
        // The same command is already pending and serves both. One under way does not: it may have looked too early.
        if row.try_get::<i64, _>("same")? > 0 {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO outbox (id, purchase_id, seq, receiver, command, state, attempts, next_attempt_at, leased_until, \
             lease, created_at) VALUES ($1, $2, $3, $4, $5, 'pending', 0, $6, 0, '', $6)",
        )
        .bind(random_name())
        .bind(purchase.as_str())
        .bind(row.try_get::<i64, _>("next")?)
        .bind(&*receiver)
        .bind(text)
        .bind(now.as_millis())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Marks the command as carried out; `false` if the lease has passed to another worker.
    pub async fn finish(&mut self, task: &Task, now: Timestamp) -> Result<bool, StoreError> {
        self.close(task, "done", None, now).await
    }

    /// Escalates the command: it is kept for a person to look at.
    pub async fn give_to_person(
        &mut self,
        task: &Task,
        error: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.close(task, "needs_person", Some(error), now).await
    }

    /// Retries a command that needs attention, as if it were new. The worker finds it within a second.
    pub async fn retry_command(&mut self, id: &str, now: Timestamp) -> Result<Retried, StoreError> {
        let put_back = sqlx::query(
            "UPDATE outbox SET state = 'pending', attempts = 0, next_attempt_at = $2, created_at = $2, \
             finished_at = NULL WHERE id = $1 AND state = 'needs_person'",
        )
        .bind(id)
        .bind(now.as_millis())
        .execute(self.connection())
        .await?;
        if put_back.rows_affected() == 1 {
            self.enqueued = true;
            return Ok(Retried::Yes);
        }
        let row = sqlx::query("SELECT state FROM outbox WHERE id = $1")
            .bind(id)
            .fetch_optional(self.connection())
            .await?;
        let Some(row) = row else { return Ok(Retried::Unknown) };
        Ok(if row.try_get::<&str, _>("state")? == "done" { Retried::Done } else { Retried::Waiting })
    }

    /// The purchase that a command belongs to.
    pub async fn purchase_of_command(&mut self, id: &str) -> Result<Option<PurchaseId>, StoreError> {
        let row = sqlx::query("SELECT purchase_id FROM outbox WHERE id = $1")
            .bind(id)
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| known_id(row.try_get("purchase_id")?)).transpose()
    }

    async fn close(
        &mut self,
        task: &Task,
        state: &str,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let closed = sqlx::query(
            "UPDATE outbox SET state = $3, last_error = $4, finished_at = $5, leased_until = 0, lease = '' \
             WHERE id = $1 AND lease = $2 AND state = 'pending'",
        )
        .bind(&task.id)
        .bind(&task.lease)
        .bind(state)
        .bind(error)
        .bind(now.as_millis())
        .execute(self.connection())
        .await?;
        // The purchase's next command may have been waiting for this one.
        self.enqueued = true;
        Ok(closed.rows_affected() == 1)
    }
}

fn entry(row: &AnyRow) -> Result<OutboxEntry, StoreError> {
    Ok(OutboxEntry {
        id: row.try_get("id")?,
        reference: row.try_get("reference")?,
        receiver: row.try_get("receiver")?,
        command: row.try_get("command")?,
        state: row.try_get("state")?,
        attempts: row.try_get("attempts")?,
        next_attempt_at: Timestamp::from_millis(row.try_get("next_attempt_at")?),
        last_error: row.try_get("last_error")?,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
    })
}

/// A random name that may be logged: it opens nothing.
pub(super) fn random_name() -> String {
    format!("{:032x}", rand::random::<u128>())
}
