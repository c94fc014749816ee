//! The database: a purchase, its seat, its outbox rows and the webhook that moved it commit in one transaction.
//!
//! One set of SQL runs on SQLite and PostgreSQL.

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
mod line;
mod mails;
mod migrations;
mod operators;
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

#[cfg(test)]
mod tests;

pub use coupons::{CouponFilter, Use};
pub use error::StoreError;
pub use feed::FeedEntry;
pub use idempotency::Replay;
pub use learners::{Erased, LearnerRecord};
pub use ledger::{LedgerDay, LedgerLine, LedgerSums};
pub use mails::{About, Mail};
pub use migrations::Schema;
pub use operators::{AuditEntry, OutboxEntry, PurchaseFilter, Retried, WaitsFor};
pub use outbox::Task;
pub use packs::NewlyAssigned;
pub use rates::Allowance;
pub use stripe_events::StoredEvent;
pub use tokens::TokenEntry;

use crate::abuse::{ClientNetwork, Pseudonyms, Rate};
use crate::catalog::CurrentCatalog;
use crate::purchase::{Command, Limits, Purchase, PurchaseId};
use crate::trial::reach;
use deadline::{InTime, LastSilence, in_time};
use engine::{Engine, WRITER};
use futures_util::FutureExt;
use line::{Line, Turn};
use shared::Timestamp;
use sqlx::any::{AnyArguments, AnyPoolOptions, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, Connection, Executor, Transaction};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, watch};

/// How long a request waits for a connection before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(10);

/// A pool of connections, and the signals that say when something has changed.
#[derive(Clone)]
pub struct Store {
    pool: AnyPool,
    limits: Limits,
    /// Says how many seats an offering has.
    catalog: CurrentCatalog,
    counting: Counting,
    changed: broadcast::Sender<PurchaseId>,
    /// Says when something was put into the outbox, or back.
    work: watch::Sender<()>,
    /// Whether there may be systems that are to be told of purchases.
    tells_accounts: bool,
    seats: Arc<Notify>,
    /// How often this process has moved seats.
    seat_moves: Arc<AtomicU64>,
    /// How many coupon codes that there are not this process was asked for.
    guesses: Arc<AtomicU64>,
    /// Where those who write stand in line; nothing where the engine lets several write.
    line: Option<Line>,
}

/// How often things may be done that count when a purchase changes.
#[derive(Clone, Default)]
pub struct Counting {
    /// Purchases opened by a client.
    pub opens: Option<Rate>,
    /// Emails tried with a coupon by a client.
    pub emails: Option<Rate>,
    /// Declines of a client, and for an email.
    pub declines: Option<Rate>,
    /// Declines of all together.
    pub decline_run: Option<Rate>,
    pub pseudonyms: Pseudonyms,
}

/// A transaction that owns what it has read: nobody else can change it before [`Tx::commit`].
pub struct Tx {
    inner: Inner,
    store: Store,
    changed: Vec<PurchaseId>,
    enqueued: bool,
    seats_moved: bool,
    /// Commands that are enqueued after the commit; none, unless a test asks for it.
    later: Vec<(PurchaseId, Command, Timestamp)>,
    /// Purchases that have become paid, and who opened them.
    thanks: Vec<(Purchase, Vec<ClientNetwork>)>,
}

/// How a transaction is had: in turn on SQLite, of its own on PostgreSQL.
enum Inner {
    Turn(Turn),
    Own(Transaction<'static, Any>),
}

impl Store {
    /// Connects to `url` (`sqlite://…` or `postgres://…`), creates the SQLite file where there is none, and migrates.
    pub async fn connect(url: &str, limits: Limits, catalog: CurrentCatalog) -> Result<Self, StoreError> {
        Self::open(url, limits, catalog, Schema::Migrate).await
    }

    /// Brings the database to this release's schema, and returns the one it had, if any, and the one it has.
    pub async fn migrate(url: &str) -> Result<(Option<i64>, i64), StoreError> {
        let (_, _, connection, before) = Self::prepare(url, Schema::Migrate).await?;
        connection.close().await?;
        Ok((before, before.unwrap_or_default().max(migrations::LATEST)))
    }

    /// The same, but a database of this release must be there.
    pub async fn connect_existing(
        url: &str,
        limits: Limits,
        catalog: CurrentCatalog,
    ) -> Result<Self, StoreError> {
        Self::open(url, limits, catalog, Schema::Check).await
    }

    /// A first connection to a database that is fit for this release, with its engine, its whole address and the schema that
    /// it had.
    async fn prepare(
        url: &str,
        schema: Schema,
    ) -> Result<(Engine, String, AnyConnection, Option<i64>), StoreError> {
        sqlx::any::install_default_drivers();
        let engine = Engine::of(url)?;
        let address = engine.address(url, schema != Schema::Check)?;
        // One by hand first: the pool would try again for long, and then say no more than that it gave up. And one without
        // limits: a migration may take long.
        let mut first = in_time(AnyConnection::connect(&address).boxed()).await?;
        engine.prepare(&mut first).await?;
        if engine == Engine::Postgres {
            pooler::refuse(&address, &mut first).await?;
        }
        let before = migrations::prepare(&mut first, schema).await?;
        Ok((engine, address, first, before))
    }

    /// Connects to `url` and does to its schema what `schema` says.
    pub async fn open(
        url: &str,
        limits: Limits,
        catalog: CurrentCatalog,
        schema: Schema,
    ) -> Result<Self, StoreError> {
        let (engine, address, mut first, _) = Self::prepare(url, schema).await?;
        let mut options = AnyPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                Box::pin(async move { engine.prepare_shared(connection).await })
            });
        // A file does not go away as a server does.
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
            limits,
            catalog,
            counting: Counting::default(),
            changed: broadcast::channel(1024).0,
            work: watch::Sender::default(),
            tells_accounts: true,
            seats: Arc::default(),
            seat_moves: Arc::default(),
            guesses: Arc::default(),
            line: match engine {
                Engine::Sqlite => {
                    first.execute(WRITER).await?;
                    Some(Line::new(first))
                }
                Engine::Postgres => {
                    first.close().await?;
                    None
                }
            },
        })
    }

    /// Counts what purchases come to from now on.
    #[must_use]
    pub fn counting(self, counting: Counting) -> Self {
        Self { counting, ..self }
    }

    /// Without anybody to be told of purchases.
    #[must_use]
    pub fn telling_nobody(self) -> Self {
        Self { tells_accounts: false, ..self }
    }

    /// Begins a transaction that may write. On SQLite it waits for its turn here, so that it can't fail half way.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let inner = match &self.line {
            Some(line) => Inner::Turn(line.enter().await?),
            None => Inner::Own(in_time(self.pool.begin().boxed()).await?),
        };
        Ok(Tx {
            inner,
            store: self.clone(),
            changed: Vec::new(),
            enqueued: false,
            seats_moved: false,
            later: Vec::new(),
            thanks: Vec::new(),
        })
    }

    /// What statements outside of a transaction are run by.
    fn pool(&self) -> InTime<&AnyPool> {
        InTime(&self.pool)
    }

    /// One statement in a transaction of its own; the first row that it returns.
    async fn write(&self, statement: Query<'_, Any, AnyArguments>) -> Result<Option<AnyRow>, StoreError> {
        let Some(line) = &self.line else { return Ok(statement.fetch_optional(self.pool()).await?) };
        let mut turn = line.enter().await?;
        let row = statement.fetch_optional(InTime(&mut *turn)).await?;
        turn.commit().await?;
        Ok(row)
    }

    /// How often this process has taken seats or given them back.
    #[must_use]
    pub fn seat_moves(&self) -> u64 {
        self.seat_moves.load(Ordering::Acquire)
    }

    /// How many coupon codes that there are not this process was asked for.
    #[must_use]
    pub fn guesses(&self) -> u64 {
        self.guesses.load(Ordering::Relaxed)
    }

    /// What is sold.
    #[must_use]
    pub fn catalog(&self) -> &CurrentCatalog {
        &self.catalog
    }

    /// How long things may take.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Purchases changed by this process, as they change.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<PurchaseId> {
        self.changed.subscribe()
    }

    /// Changes when this process has put something into the outbox, or back.
    #[must_use]
    pub fn work(&self) -> watch::Receiver<()> {
        self.work.subscribe()
    }

    fn tell_workers(&self) {
        self.work.send_replace(());
    }

    /// Closes the connections, once those in use are done.
    pub async fn close(&self) {
        // One that is silent is closed with the process.
        if in_time(self.pool.close().map(Ok).boxed()).await.is_err() {
            tracing::warn!("the database does not answer: its connections are given up");
        }
        if let Some(line) = &self.line
            && let Err(error) = line.close().await
        {
            tracing::error!(%error, "the database could not be closed");
        }
    }
}

impl Tx {
    /// What the transaction's statements are run by.
    fn connection(&mut self) -> InTime<&mut AnyConnection> {
        InTime(&mut self.inner)
    }

    /// Takes all of it back before another may write, and returns once what it has read is kept.
    pub async fn take_back(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::Turn(turn) => turn.take_back().await,
            Inner::Own(transaction) => Ok(in_time(transaction.rollback().boxed()).await?),
        }
    }

    /// Commits, then tells who waits. Dropped without it, nothing has happened.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.inner.commit().await?;
        if !self.later.is_empty() {
            reach("commands.later", "");
            let mut tx = self.store.begin().await?;
            for (purchase, command, now) in &self.later {
                tx.enqueue_lost(purchase, command, *now).await?;
            }
            tx.inner.commit().await?;
        }
        if !self.thanks.is_empty()
            && let Err(error) = self.store.thank(&self.thanks).await
        {
            // An allowance comes back by itself in time.
            tracing::debug!(%error, "what was paid gives nothing back");
        }
        for id in self.changed {
            // Nobody may be listening.
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
            Self::Turn(turn) => turn.commit().await,
            Self::Own(transaction) => Ok(in_time(transaction.commit().boxed()).await?),
        }
    }
}

impl Deref for Inner {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::Turn(turn) => turn,
            Self::Own(transaction) => transaction,
        }
    }
}

impl DerefMut for Inner {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::Turn(turn) => turn,
            Self::Own(transaction) => transaction,
        }
    }
}
