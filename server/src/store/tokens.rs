//! Tokens of other systems: kept as hashes, with what each may do.
use super::{Store, StoreError, Tx};
use serde::Serialize;
use shared::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;

/// A token as operators see it.
#[derive(Clone, Debug, Serialize)]
pub struct TokenEntry {
    pub name: String,
    /// By their names.
    pub scopes: Vec<String>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

impl Store {
    /// What the token with this hash may do; nothing where there is none, or it is revoked.
    pub async fn scopes_of(&self, hash: &str) -> Result<Option<Vec<String>>, StoreError> {
        let row = sqlx::query("SELECT scopes FROM service_tokens WHERE hash = $1 AND revoked_at IS NULL")
            .bind(hash)
            .fetch_optional(self.pool())
            .await?;
        row.map(|row| Ok(words(row.try_get("scopes")?))).transpose()
    }

    /// All that were ever made, by name.
    pub async fn tokens(&self) -> Result<Vec<TokenEntry>, StoreError> {
        let rows =
            sqlx::query("SELECT name, scopes, created_at, revoked_at FROM service_tokens ORDER BY name")
                .fetch_all(self.pool())
                .await?;
        rows.iter().map(entry).collect()
    }
}

impl Tx {
    /// Keeps a new token; `false` where one has this name already.
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

    /// Ends a token for good; `false` where there is none of this name that is not revoked.
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
