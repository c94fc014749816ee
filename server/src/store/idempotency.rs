//! `Idempotency-Key`: the same key with the same body replays the answer; with another body it is refused.
use super::{Store, StoreError, Tx};
use shared::Timestamp;
use sqlx::Row;

/// The state of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Never seen: this transaction has claimed it, and the claim commits with it.
    New,
    /// Seen with the same body: this was the answer.
    Same(String),
    /// Seen with another body.
    OtherBody,
}

impl Store {
    /// The stored answer to `key` within `scope`; `None` if the key was not claimed.
    pub async fn answer_of(&self, scope: &str, key: &str) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("SELECT answer FROM idempotency_keys WHERE scope = $1 AND key = $2")
            .bind(scope)
            .bind(key)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.map(|row| row.try_get("answer")).transpose()?)
    }

    /// Deletes keys that were claimed before `before`.
    pub async fn forget_keys(&self, before: Timestamp) -> Result<(), StoreError> {
        let statement = sqlx::query("DELETE FROM idempotency_keys WHERE created_at < $1");
        self.write(statement.bind(before.as_millis())).await?;
        Ok(())
    }
}

impl Tx {
    /// Claims `key` within `scope` for a request whose body has this hash. A concurrent request with the same key waits
    /// here until this one is done.
    pub async fn claim_key(
        &mut self,
        scope: &str,
        key: &str,
        body_hash: &str,
        now: Timestamp,
    ) -> Result<Replay, StoreError> {
        let claimed = sqlx::query(
            "INSERT INTO idempotency_keys (scope, key, body_hash, answer, created_at) VALUES ($1, $2, $3, '', $4) \
             ON CONFLICT (scope, key) DO NOTHING",
        )
        .bind(scope)
        .bind(key)
        .bind(body_hash)
        .bind(now.as_millis())
        .execute(self.connection())
        .await?;
        if claimed.rows_affected() == 1 {
            return Ok(Replay::New);
        }
        let row = sqlx::query("SELECT body_hash, answer FROM idempotency_keys WHERE scope = $1 AND key = $2")
            .bind(scope)
            .bind(key)
            .fetch_one(self.connection())
            .await?;
        let same = row.try_get::<&str, _>("body_hash")? == body_hash;
        Ok(if same { Replay::Same(row.try_get("answer")?) } else { Replay::OtherBody })
    }

    /// Stores the answer for a key claimed in this transaction.
    pub async fn keep_answer(&mut self, scope: &str, key: &str, answer: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE idempotency_keys SET answer = $3 WHERE scope = $1 AND key = $2")
            .bind(scope)
            .bind(key)
            .bind(answer)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
