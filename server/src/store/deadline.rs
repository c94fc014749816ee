//! Statements that end: a database host that falls silent must hold nobody up.
//!
//! sqlx waits for an answer for as long as the socket is open, and one to a host that has lost its power stays open. Here
//! whoever runs a statement gets an answer or an error in time, and a connection that was given up on is closed.
use super::StoreError;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, AnyConnection, Connection, Either, Error, Execute, Executor, SqlStr};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest wait for the answer to a statement. Locks are waited for less long, so that they end with their own error.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);
/// The longest wait for a connection to say that it can be used.
const ANSWER_DEADLINE: Duration = Duration::from_secs(3);

/// What runs statements, each of which ends.
#[derive(Debug)]
pub(super) struct InTime<X>(pub(super) X);

impl<'c, X> Executor<'c> for InTime<X>
where
    X: Executor<'c, Database = Any> + 'c,
{
    type Database = Any;

    /// Collects all that is answered first: what we read fits into memory.
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

/// The outcome of `work`, or an error that says that nobody answered.
pub(super) fn in_time<'a, T: 'a>(work: BoxFuture<'a, Result<T, Error>>) -> BoxFuture<'a, Result<T, Error>> {
    async { tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(|_| Err(silence())) }.boxed()
}

/// The same for what is more than a statement, and may be done all the same.
pub(super) async fn or_silence<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(|_| Err(unanswered()))
}

/// What is said where nobody knows whether it was done.
pub(super) fn unanswered() -> StoreError {
    let words = "the database does not answer, and may have done what was asked: look before asking again";
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, words)).into()
}

/// When a connection was last found to be silent. All that are older are given up on without a question, since one wire
/// usually takes all with it.
#[derive(Clone, Debug, Default)]
pub(super) struct LastSilence(Arc<Mutex<Option<Instant>>>);

impl LastSilence {
    /// Whether a connection that nobody uses, `age` old, still answers: the pool itself would wait for ever.
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
