//! Deadlines for statements, so that a database host that falls silent holds nobody up.
//!
//! sqlx waits for an answer as long as the socket is open, and a socket to a host that lost power stays open. Here
//! every statement returns an answer or an error in time, and a connection that timed out is closed.
use super::StoreError;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, AnyConnection, Connection, Either, Error, Execute, Executor, SqlStr};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Timeout of a statement. Lock timeouts are shorter, so that they fail with their own error.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);
/// Timeout of the check that an idle connection still answers.
const ANSWER_DEADLINE: Duration = Duration::from_secs(3);

/// An executor whose statements all end by the deadline.
#[derive(Debug)]
pub(super) struct InTime<X>(pub(super) X);

impl<'c, X> Executor<'c> for InTime<X>
where
    X: Executor<'c, Database = Any> + 'c,
{
    type Database = Any;

    /// Collects the whole answer first: everything that we read fits into memory.
    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let all = in_time(self.0.fetch_many(query).try_collect::<Vec<_>>().boxed());
        all.map_ok(|all| stream::iter(all.into_iter().map(Ok))).try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        in_time(self.0.fetch_optional(query))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, Error>>
    where
        'c: 'e,
    {
        in_time(self.0.prepare_with(sql, parameters))
    }
}

/// The outcome of `work`, or an error that the database doesn't answer.
pub(super) fn in_time<'a, T: 'a>(work: BoxFuture<'a, Result<T, Error>>) -> BoxFuture<'a, Result<T, Error>> {
    async { tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(|_| Err(silence())) }.boxed()
}

/// The same for more than one statement, whose work may have been done despite the error.
pub(super) async fn or_silence<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(|_| Err(unanswered()))
}

/// The error for work that may or may not have been done.
pub(super) fn unanswered() -> StoreError {
    let words = "the database does not answer, and may have done what was asked: look before asking again";
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, words)).into()
}

/// When a connection was last found silent. All older connections are dropped without a check, since one broken network
/// path usually affects them all.
#[derive(Clone, Debug, Default)]
pub(super) struct LastSilence(Arc<Mutex<Option<Instant>>>);

impl LastSilence {
    /// Whether an idle connection, `age` old, still answers: the pool itself would wait forever.
    pub(super) async fn still_answers(
        self,
        connection: &mut AnyConnection,
        age: Duration,
    ) -> Result<bool, Error> {
        let suspect = self.lock().is_some_and(|last| last.elapsed() < age);
        if suspect {
            return Err(silence());
        }
        match tokio::time::timeout(ANSWER_DEADLINE, connection.ping()).await {
            Ok(answered) => answered.map(|()| true),
            Err(_) => {
                *self.lock() = Some(Instant::now());
                Err(silence())
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn silence() -> Error {
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database does not answer"))
}
