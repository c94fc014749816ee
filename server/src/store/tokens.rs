//! API tokens of other systems: stored as hashes, with their scopes.
use super::{Store, StoreError, Tx};
use serde::Serialize;
use shared::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;

/// A token as operators see it.
#[derive(Clone, Debug, Serialize)]
pub struct TokenEntry {
    pub name: String,
    /// The scopes' names.
    pub scopes: Vec<String>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

impl Store {
    /// The scopes of the token with this hash; `None` if there is none, or it is revoked.
    pub async fn scopes_of(&self, hash: &str) -> Result<Option<Vec<String>>, StoreError> {
        let row = sqlx::query("SELECT scopes FROM service_tokens WHERE hash = $1 AND revoked_at IS NULL")
            .bind(hash)
            .fetch_optional(self.pool())
            .await?;
        row.map(|row| Ok(words(row.try_get("scopes")?))).transpose()
    }

    /// All tokens ever created, by name.
    pub async fn tokens(&self) -> Result<Vec<TokenEntry>, StoreError> {
        let rows =
            sqlx::query("SELECT name, scopes, created_at, revoked_at FROM service_tokens ORDER BY name")
                .fetch_all(self.pool())
                .await?;
        rows.iter().map(entry).collect()
    }
}

impl Tx {
    /// Stores a new token; `false` if the name is already taken.
    pub async fn insert_token(
        &mut self,
        name: &str,
        hash: &str,
        scopes: &[&str],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let made = sqlx::query(
            "INSERT INTO service_tokens (hash, name, scopes, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(hash)
        .bind(name)
        .bind(scopes.join(" "))
        .bind(now.as_millis())
        .execute(self.connection())
        .await?;
        Ok(made.rows_affected() == 1)
    }

    /// Revokes a token for good; `false` if no valid token has this name.
    pub async fn revoke_token(&mut self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let revoked =
            sqlx::query("UPDATE service_tokens SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL")
                .bind(name)
                .bind(now.as_millis())
                .execute(self.connection())
                .await?;
        Ok(revoked.rows_affected() == 1)
    }
}

fn entry(row: &AnyRow) -> Result<TokenEntry, StoreError> {
    Ok(TokenEntry {
        name: row.try_get("name")?,
        scopes: words(row.try_get("scopes")?),
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        revoked_at: row.try_get::<Option<i64>, _>("revoked_at")?.map(Timestamp::from_millis),
    })
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}
