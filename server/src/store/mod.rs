//! The database: a purchase, its seat, its outbox rows and the webhook that moved it commit in one transaction.
//!
//! One set of SQL runs on SQLite and PostgreSQL.

mod audit;
mod coupons;
mod deadline;
mod derived;
mod engine;
mod error;
mod feed;
mod idempotency;
mod jobs;
mod learners;
mod ledger;
mod mails;
mod migrations;
mod outbox;
mod packs;
mod pooler;
mod purchases;
mod rates;
mod seats;
mod stripe_events;
pub(crate) mod subject;
mod survive;
mod time;
mod tokens;
mod views;
mod writer_queue;

#[cfg(test)]
mod tests;

pub use audit::AuditEntry;
pub use coupons::{CouponFilter, Use};
pub use error::StoreError;
pub use feed::FeedEntry;
pub use idempotency::Replay;
pub use learners::{Erased, LearnerRecord, PersonsPurchase};
pub use ledger::{LedgerDay, LedgerLine, LedgerSums};
pub use mails::{About, Mail};
pub use migrations::Schema;
pub use outbox::{OutboxEntry, Retried, Task, WaitsFor};
pub use packs::NewlyAssigned;
pub(crate) use purchases::Locked;
pub use purchases::PurchaseFilter;
pub use rates::Allowance;
pub(crate) use rates::ReturnedAllowance;
pub use stripe_events::StoredEvent;
pub use tokens::TokenEntry;

use crate::fault_injection::{Step, reach};
use crate::purchase::{Command, PurchaseId};
use deadline::{InTime, LastSilence, in_time};
use engine::{Engine, WRITER};
use futures_util::FutureExt;
use shared::Timestamp;
use sqlx::any::{AnyArguments, AnyPoolOptions, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, Connection, Executor, Transaction};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, watch};
use writer_queue::{WriteGuard, WriterQueue};

/// How long a request waits for a connection before its client is asked to retry.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection pool, and the signals that announce changes.
#[derive(Clone)]
pub struct Store {
    pool: AnyPool,
    changed: broadcast::Sender<PurchaseId>,
    /// Signals that a command was enqueued, or put back for a retry.
    work: watch::Sender<()>,
    seats: Arc<Notify>,
    /// How many times this process has taken or released seats.
    seat_moves: Arc<AtomicU64>,
    /// Queue of writers on SQLite; `None` on PostgreSQL, which allows several writers at a time.
    writer_queue: Option<WriterQueue>,
}

/// A write transaction: nobody else can change the rows that it has locked before [`Tx::commit`].
pub struct Tx {
    inner: Inner,
    store: Store,
    pub(crate) changed: Vec<PurchaseId>,
    enqueued: bool,
    seats_moved: bool,
    /// Commands to enqueue after the commit. Always empty, unless a test disables `CommandsCommitWithState`.
    pub(crate) later: Vec<(PurchaseId, Command, Timestamp)>,
    /// Allowances to return to clients once this is committed.
    pub(crate) returned_allowances: Vec<ReturnedAllowance>,
}

/// The transaction itself: queued behind other writers on SQLite, independent on PostgreSQL.
enum Inner {
    Queued(WriteGuard),
    Own(Transaction<'static, Any>),
}

impl Store {
    /// Connects to `url` (`sqlite://…` or `postgres://…`), creates the SQLite file if it is missing, and migrates.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::open(url, Schema::Migrate).await
    }

    /// Migrates the database to this release's schema. Returns the schema version before, if any, and after.
    pub async fn migrate(url: &str) -> Result<(Option<i64>, i64), StoreError> {
        let (_, _, connection, before) = Self::prepare(url, Schema::Migrate).await?;
        connection.close().await?;
        Ok((before, before.unwrap_or_default().max(migrations::LATEST)))
    }

    /// Like [`Store::connect`], but a database whose schema fits this release must already exist.
    pub async fn connect_existing(url: &str) -> Result<Self, StoreError> {
        Self::open(url, Schema::Check).await
    }

    /// Opens a first connection and makes the database fit for this release. Returns the engine, the full address, the
    /// connection and the schema version that it found.
    async fn prepare(
        url: &str,
        schema: Schema,
    ) -> Result<(Engine, String, AnyConnection, Option<i64>), StoreError> {
        sqlx::any::install_default_drivers();
        let engine = Engine::of(url)?;
        let address = engine.address(url, schema != Schema::Check)?;
        // Connect once by hand first: the pool would retry for a long time and then report only a timeout. This
        // connection has no statement timeout, since a migration may take long.
        let mut first = in_time(AnyConnection::connect(&address).boxed()).await?;
        engine.prepare(&mut first).await?;
        if engine == Engine::Postgres {
            pooler::refuse(&address, &mut first).await?;
        }
        let before = migrations::prepare(&mut first, schema).await?;
        Ok((engine, address, first, before))
    }

    /// Connects to `url` and treats its schema as `schema` says.
    pub async fn open(url: &str, schema: Schema) -> Result<Self, StoreError> {
        let (engine, address, mut first, _) = Self::prepare(url, schema).await?;
        let mut options = AnyPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                Box::pin(async move { engine.prepare_shared(connection).await })
            });
        // Only a server can become unreachable; a file can't.
        if engine == Engine::Postgres {
            let before = LastSilence::default();
            let after = before.clone();
            options = options
                .before_acquire(move |connection, known| {
                    Box::pin(before.clone().still_answers(connection, known.age))
                })
                .after_release(move |connection, known| {
                    Box::pin(after.clone().still_answers(connection, known.age))
                });
        }
        let pool = options.connect(&address).await?;
        Ok(Self {
            pool,
            changed: broadcast::channel(1024).0,
            work: watch::Sender::default(),
            seats: Arc::default(),
            seat_moves: Arc::default(),
            writer_queue: match engine {
                Engine::Sqlite => {
                    first.execute(WRITER).await?;
                    Some(WriterQueue::new(first))
                }
                Engine::Postgres => {
                    first.close().await?;
                    None
                }
            },
        })
    }

    /// Begins a transaction that may write. On SQLite it waits for the write lock here, so that it can't fail halfway.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let inner = match &self.writer_queue {
            Some(queue) => Inner::Queued(queue.acquire().await?),
            None => Inner::Own(in_time(self.pool.begin().boxed()).await?),
        };
        Ok(Tx {
            inner,
            store: self.clone(),
            changed: Vec::new(),
            enqueued: false,
            seats_moved: false,
            later: Vec::new(),
            returned_allowances: Vec::new(),
        })
    }

    /// Executor for statements outside a transaction.
    fn pool(&self) -> InTime<&AnyPool> {
        InTime(&self.pool)
    }

    /// Runs one statement in its own transaction, and returns its first row.
    async fn write(&self, statement: Query<'_, Any, AnyArguments>) -> Result<Option<AnyRow>, StoreError> {
        let Some(queue) = &self.writer_queue else { return Ok(statement.fetch_optional(self.pool()).await?) };
        let mut guard = queue.acquire().await?;
        let row = statement.fetch_optional(InTime(&mut *guard)).await?;
        guard.commit().await?;
        Ok(row)
    }

    /// How many times this process has taken or released seats.
    #[must_use]
    pub fn seat_moves(&self) -> u64 {
        self.seat_moves.load(Ordering::Acquire)
    }

    /// Subscribes to the ids of purchases as this process changes them.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<PurchaseId> {
        self.changed.subscribe()
    }

    /// Changes whenever this process enqueues a command, or puts one back.
    #[must_use]
    pub fn work(&self) -> watch::Receiver<()> {
        self.work.subscribe()
    }

    fn tell_workers(&self) {
        self.work.send_replace(());
    }

    /// Closes the connections once they are no longer in use.
    pub async fn close(&self) {
        // A connection that doesn't answer is closed when the process exits.
        if in_time(self.pool.close().map(Ok).boxed()).await.is_err() {
            tracing::warn!("database is not responding; abandoning its connections");
        }
        if let Some(queue) = &self.writer_queue
            && let Err(error) = queue.close().await
        {
            tracing::error!(%error, "failed to close the database");
        }
    }
}

impl Tx {
    /// Executor for this transaction's statements.
    fn connection(&mut self) -> InTime<&mut AnyConnection> {
        InTime(&mut self.inner)
    }

    /// Rolls back before another may write, and returns once what it has read is durable.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::Queued(guard) => guard.rollback().await,
            Inner::Own(transaction) => Ok(in_time(transaction.rollback().boxed()).await?),
        }
    }

    /// Commits, then notifies waiters. A transaction that is dropped without a commit is rolled back.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.inner.commit().await?;
        if !self.later.is_empty() {
            reach(Step::CommandsLater, "");
            let mut tx = self.store.begin().await?;
            for (purchase, command, now) in &self.later {
                tx.enqueue(purchase, command, *now).await?;
            }
            tx.inner.commit().await?;
        }
        if !self.returned_allowances.is_empty()
            && let Err(error) = self.store.return_allowances(&self.returned_allowances).await
        {
            // The allowance returns by itself over time.
            tracing::debug!(%error, "failed to return a client's rate limit allowance after payment");
        }
        for id in self.changed {
            // Fails only if nobody is listening.
            let _ = self.store.changed.send(id);
        }
        if self.seats_moved {
            self.store.seat_moves.fetch_add(1, Ordering::AcqRel);
            self.store.seats.notify_one();
        }
        if self.enqueued {
            self.store.tell_workers();
        }
        Ok(())
    }
}

impl Inner {
    async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Queued(guard) => guard.commit().await,
            Self::Own(transaction) => Ok(in_time(transaction.commit().boxed()).await?),
        }
    }
}

impl Deref for Inner {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::Queued(guard) => guard,
            Self::Own(transaction) => transaction,
        }
    }
}

impl DerefMut for Inner {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::Queued(guard) => guard,
            Self::Own(transaction) => transaction,
        }
    }
}
