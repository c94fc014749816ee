//! A pooler such as `PgBouncer`, in transaction mode, gives each transaction another session of the database's: deadlines and
//! prepared statements that were set for one are another's then. That is found out before anything is begun.
use super::StoreError;
use super::deadline::in_time;
use futures_util::FutureExt;
use sqlx::{AnyConnection, Connection, Executor, Row};
use std::time::Duration;

/// For an answer that comes at once from who has a session of its own.
const PATIENCE: Duration = Duration::from_secs(5);

/// Fails where `one`, on which something was set, and another connection share a session: who is connected to PostgreSQL itself
/// never does, nor who is given a session for good.
pub(super) async fn refuse(address: &str, one: &mut AnyConnection) -> Result<(), StoreError> {
    let before = session(one).await?;
    let mut other = in_time(AnyConnection::connect(address).boxed()).await?;
    in_time(other.execute("SET lock_timeout = '10s'").boxed()).await?;
    in_time(other.execute("BEGIN").boxed()).await?;
    let of_other = session(&mut other).await?;
    // A pooler that has only one to give lets it wait for the other's end.
    let after = tokio::time::timeout(PATIENCE, session(one)).await;
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

/// The process of PostgreSQL's that answers. Asked without preparing a statement, which a pooler may not take.
async fn session(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let asked = connection.fetch_one("SELECT CAST(pg_backend_pid() AS BIGINT) AS pid");
    let row = in_time(asked.boxed()).await?;
    Ok(row.try_get("pid")?)
}
