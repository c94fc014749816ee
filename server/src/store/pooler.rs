//! A pooler such as `PgBouncer`, in transaction mode, gives each transaction another session of the database's: deadlines and
//! prepared statements that were set for one are another's then. That is found out before anything is begun.
use super::StoreError;
use super::deadline::in_time;
use futures_util::FutureExt;
use sqlx::{AnyConnection, Connection, Executor, Row};

/// Fails where two connections share a session: who is connected to PostgreSQL itself never does.
pub(super) async fn refuse(address: &str, one: &mut AnyConnection) -> Result<(), StoreError> {
    let before = session(one).await?;
    let mut other = in_time(AnyConnection::connect(address).boxed()).await?;
    other.execute("BEGIN").await?;
    let of_other = session(&mut other).await?;
    let after = session(one).await?;
    other.execute("ROLLBACK").await?;
    other.close().await?;
    if before == of_other || before != after {
        return Err(StoreError::Unsupported(
            "DATABASE_URL leads to a connection pooler in transaction mode, which loses what a connection has set: name \
             PostgreSQL itself, or have the pooler give out sessions (in PgBouncer, pool_mode = session)"
                .to_owned(),
        ));
    }
    Ok(())
}

/// The process of PostgreSQL's that answers. Asked without preparing a statement, which a pooler may not take.
async fn session(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let row = connection.fetch_one("SELECT CAST(pg_backend_pid() AS BIGINT) AS pid").await?;
    Ok(row.try_get("pid")?)
}
