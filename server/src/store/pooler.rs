//! Detects a connection pooler in transaction mode, such as `PgBouncer`, at startup: it gives each transaction a
//! different session of the database, so that timeouts and prepared statements end up on another connection's session.
use super::StoreError;
use super::deadline::in_time;
use futures_util::FutureExt;
use sqlx::{AnyConnection, Connection, Executor, Row};
use std::time::Duration;

/// A connection with a session of its own answers at once.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Fails if `one`, on which something was set, shares a session with another connection. That never happens with a
/// direct connection to PostgreSQL, nor with a pooler in session mode.
pub(super) async fn refuse(address: &str, one: &mut AnyConnection) -> Result<(), StoreError> {
    let before = session(one).await?;
    let mut other = in_time(AnyConnection::connect(address).boxed()).await?;
    in_time(other.execute("SET lock_timeout = '10s'").boxed()).await?;
    in_time(other.execute("BEGIN").boxed()).await?;
    let of_other = session(&mut other).await?;
    // A pooler with only one session makes `one` wait until the other transaction ends.
    let after = tokio::time::timeout(CHECK_TIMEOUT, session(one)).await;
    in_time(other.execute("ROLLBACK").boxed()).await?;
    let is_shared = match after {
        Ok(after) => before == of_other || before != after?,
        Err(_) => true,
    };
    if is_shared {
        return Err(StoreError::Unsupported(
            "DATABASE_URL leads to a connection pooler in transaction mode, which loses what a connection has set: name \
             PostgreSQL itself, or have the pooler give out sessions (in PgBouncer, pool_mode = session)"
                .to_owned(),
        ));
    }
    Ok(other.close().await?)
}

/// The PostgreSQL process that answers. Sent without a prepared statement, which a pooler may reject.
async fn session(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let asked = connection.fetch_one("SELECT CAST(pg_backend_pid() AS BIGINT) AS pid");
    let row = in_time(asked.boxed()).await?;
    Ok(row.try_get("pid")?)
}
