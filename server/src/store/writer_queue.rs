//! SQLite allows one writer at a time. All writers share one connection, whose pages stay in memory, and queue for it
//! here: SQLite itself would wait by sleeping and polling.
//!
//! Writers share a commit (group commit), because the commit is what the disk is slow at. A writer that is done doesn't
//! commit at once but queues again to do so; by then others have written into the same transaction, and one commit
//! makes all their writes durable. If nobody else waits, the commit follows at once. No writer reports success before
//! its writes are durable.
//!
//! With it, purchases are opened at 76 to 81 % of the rate of bare commits; without it, at 46 % (`cargo xtask bench
//! server`). To remove it, set `GROUP` to 1: every writer then commits its own.
use super::deadline::{or_silence, unanswered};
use super::{ACQUIRE_TIMEOUT, StoreError};
use crate::fault_injection::{Guard, enabled, falls_silent};
use crate::quiet::Quiet;
use sqlx::{AnyConnection, Executor};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

/// The most writers that share a commit: the first one waits for the last.
const GROUP: usize = 32;

/// The writing connection, and the writers that wait for it in order of arrival.
#[derive(Clone)]
pub(super) struct WriterQueue(Arc<Mutex<Writer>>);

struct Writer {
    connection: AnyConnection,
    group: Group,
}

/// The writers of the open transaction, which wait until it is durable.
#[derive(Default)]
struct Group {
    number: u64,
    is_open: bool,
    /// Includes those that were rolled back.
    writes: usize,
    members: Vec<oneshot::Sender<()>>,
}

/// The exclusive right to write. If it is dropped before [`WriteGuard::commit`], its writes are rolled back before the
/// next guard is handed out.
pub(super) struct WriteGuard {
    queue: WriterQueue,
    /// `Some` until the guard has ended.
    writer: Option<OwnedMutexGuard<Writer>>,
}

impl WriterQueue {
    pub(super) fn new(connection: AnyConnection) -> Self {
        Self(Arc::new(Mutex::new(Writer { connection, group: Group::default() })))
    }

    /// Queues for a guard.
    pub(super) async fn acquire(&self) -> Result<WriteGuard, StoreError> {
        let writer = self.0.clone().lock_owned();
        let mut writer =
            tokio::time::timeout(ACQUIRE_TIMEOUT, writer).await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let queue = self.clone();
        // In its own task, like everything that opens or ends a transaction: a caller that is cancelled meanwhile must
        // not leave it halfway.
        or_silence(in_task(async move {
            writer.begin().await?;
            Ok(WriteGuard { queue, writer: Some(writer) })
        }))
        .await
    }

    /// Queues to commit the group `number`, unless it filled up and was committed before.
    fn schedule_commit(&self, number: u64) {
        let queue = self.clone();
        tokio::spawn(async move {
            let mut writer = queue.0.lock().await;
            if writer.group.number == number {
                writer.commit().await;
            }
        });
    }

    /// Lets the queued writers finish, and leaves a file that is complete without its WAL.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let mut writer = self.0.lock().await;
        writer.commit().await;
        writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        Ok(())
    }
}

impl WriteGuard {
    /// Returns once the writes are durable. If the disk doesn't answer, this fails, but the writes may still be kept.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        let Some(mut writer) = self.writer.take() else { return Err(StoreError::NotKept) };
        let (sender, receiver) = oneshot::channel();
        writer.group.members.push(sender);
        let (number, is_first) = (writer.group.number, writer.group.members.len() == 1);
        if writer.group.writes >= GROUP {
            tokio::spawn(async move { writer.commit().await });
        } else {
            drop(writer);
            if is_first {
                self.queue.schedule_commit(number);
            }
        }
        or_silence(durable(receiver)).await?;
        if falls_silent() { Err(unanswered()) } else { Ok(()) }
    }

    /// Rolls back, and returns once what was read is durable: others may have written it in the same transaction.
    pub(super) async fn rollback(mut self) -> Result<(), StoreError> {
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        let read = in_task(async move {
            if writer.group.members.is_empty() {
                writer.rollback().await;
                return Ok(None);
            }
            let (sender, receiver) = oneshot::channel();
            writer.group.members.push(sender);
            writer.rollback().await;
            Ok(Some(receiver))
        });
        or_silence(async {
            match read.await? {
                Some(receiver) => durable(receiver).await,
                None => Ok(()),
            }
        })
        .await
    }
}

impl Drop for WriteGuard {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and SQLite rolls back what was not committed.
        if let (Some(mut writer), Ok(runtime)) = (self.writer.take(), Handle::try_current()) {
            runtime.spawn(async move { writer.rollback().await });
        }
    }
}

impl Writer {
    /// Begins a transaction, or in the open one a savepoint that can be rolled back by itself.
    async fn begin(&mut self) -> Result<(), sqlx::Error> {
        self.group.writes += 1;
        let statement = if self.group.is_open {
            "RELEASE member; SAVEPOINT member"
        } else {
            "BEGIN IMMEDIATE; SAVEPOINT member"
        };
        let joined = self.run(statement).await;
        if joined.is_err() {
            // It may have begun nevertheless, or SQLite may have ended the open transaction.
            self.abandon().await;
        }
        self.group.is_open = joined.is_ok();
        joined
    }

    async fn rollback(&mut self) {
        if self.group.members.is_empty() {
            return self.abandon().await;
        }
        if let Err(error) = self.run("ROLLBACK TO member").await {
            static KEPT: Quiet = Quiet::new();
            if let Some(more) = KEPT.speak() {
                tracing::error!(%error, more, "failed to roll back a write; the others in its group commit fail, too");
            }
            return self.abandon().await;
        }
        if self.group.writes >= GROUP {
            self.commit().await;
        }
    }

    async fn commit(&mut self) {
        if !self.group.is_open {
            return;
        }
        if let Err(error) = self.run("COMMIT").await {
            if !enabled(Guard::CommitIsAwaited) {
                self.run("ROLLBACK").await.unwrap_or_default();
                return self.notify_members();
            }
            static FAILED: Quiet = Quiet::new();
            if let Some(more) = FAILED.speak() {
                tracing::error!(%error, more, "group commit failed");
            }
            return self.abandon().await;
        }
        self.notify_members();
    }

    /// Tells every writer in the group that the commit is durable.
    fn notify_members(&mut self) {
        for member in self.end() {
            // The writer may have been cancelled.
            let _ = member.send(());
        }
    }

    /// Rolls back the whole open transaction; all its members fail.
    async fn abandon(&mut self) {
        // Fails if SQLite has already rolled back.
        let _ = self.run("ROLLBACK").await;
        drop(self.end());
    }

    /// Runs a statement that sqlx prepares only once.
    async fn run(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(statement).execute(&mut self.connection).await.map(drop)
    }

    fn end(&mut self) -> Vec<oneshot::Sender<()>> {
        let number = self.group.number + 1;
        std::mem::replace(&mut self.group, Group { number, ..Group::default() }).members
    }
}

impl Deref for WriteGuard {
    type Target = AnyConnection;

    #[expect(clippy::expect_used, reason = "only what ends the guard takes it")]
    fn deref(&self) -> &AnyConnection {
        &self.writer.as_ref().expect("a guard that has not ended").connection
    }
}

impl DerefMut for WriteGuard {
    #[expect(clippy::expect_used, reason = "only what ends the guard takes it")]
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.writer.as_mut().expect("a guard that has not ended").connection
    }
}

async fn durable(receiver: oneshot::Receiver<()>) -> Result<(), StoreError> {
    receiver.await.map_err(|_| StoreError::NotKept)
}

async fn in_task<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(work).await.unwrap_or(Err(StoreError::NotKept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::{Connection, Row};
    use tempfile::TempDir;

    struct File(TempDir);

    impl File {
        async fn with_table() -> (Self, WriterQueue) {
            sqlx::any::install_default_drivers();
            let file = Self(TempDir::new().unwrap());
            let mut writer = file.connect().await;
            writer
                .execute("PRAGMA journal_mode = WAL; CREATE TABLE kept (n BIGINT PRIMARY KEY)")
                .await
                .unwrap();
            writer.execute("CREATE TABLE needs (n BIGINT REFERENCES kept (n))").await.unwrap();
            (file, WriterQueue::new(writer))
        }

        async fn connect(&self) -> AnyConnection {
            let url = format!("sqlite://{}/line.db?mode=rwc", self.0.path().display());
            AnyConnection::connect(&url).await.unwrap()
        }

        /// The committed rows, as another connection sees them.
        async fn kept(&self) -> Vec<i64> {
            let rows = self.connect().await.fetch_all("SELECT n FROM kept ORDER BY n").await.unwrap();
            rows.iter().map(|row| row.get("n")).collect()
        }
    }

    async fn write(guard: &mut WriteGuard, n: i64) {
        let insert = sqlx::query("INSERT INTO kept (n) VALUES ($1)").bind(n);
        insert.execute(&mut **guard).await.unwrap();
    }

    #[tokio::test]
    async fn a_confirmed_write_is_seen_by_other_connections() {
        let (file, queue) = File::with_table().await;
        let file = Arc::new(file);
        let writers = (0..100).map(|n| {
            let (file, queue) = (file.clone(), queue.clone());
            tokio::spawn(async move {
                let mut guard = queue.acquire().await.unwrap();
                write(&mut guard, n).await;
                guard.commit().await.unwrap();
                assert!(file.kept().await.contains(&n), "{n} was told too early");
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_rollback_or_drop_affects_no_other_writer() {
        let (file, queue) = File::with_table().await;
        let writers = (0..99).map(|n| {
            let queue = queue.clone();
            tokio::spawn(async move {
                let mut guard = queue.acquire().await.unwrap();
                write(&mut guard, n).await;
                match n % 3 {
                    0 => guard.commit().await.unwrap(),
                    1 => guard.rollback().await.unwrap(),
                    _ => drop(guard),
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_eq!(file.kept().await, (0..99).step_by(3).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_reader_of_uncommitted_writes_fails_with_their_commit() {
        let (file, queue) = File::with_table().await;
        let mut first = queue.acquire().await.unwrap();
        write(&mut first, 1).await;
        first.execute("PRAGMA defer_foreign_keys = ON; INSERT INTO needs (n) VALUES (99)").await.unwrap();
        let readers = [true, false].map(|commits| {
            let queue = queue.clone();
            tokio::spawn(async move {
                let mut guard = queue.acquire().await?;
                assert_eq!(guard.fetch_all("SELECT n FROM kept").await.unwrap().len(), 1);
                if commits { guard.commit().await } else { guard.rollback().await }
            })
        });
        tokio::task::yield_now().await;
        assert!(matches!(first.commit().await, Err(StoreError::NotKept)));
        for reader in readers {
            assert!(matches!(reader.await.unwrap(), Err(StoreError::NotKept)));
        }
        assert!(file.kept().await.is_empty());
    }

    #[tokio::test]
    async fn a_cancelled_caller_blocks_nobody() {
        let (file, queue) = File::with_table().await;
        for polls in 0..40 {
            let mut writing = Box::pin(async {
                let mut guard = queue.acquire().await.unwrap();
                write(&mut guard, polls).await;
                guard.commit().await.unwrap();
            });
            for _ in 0..polls {
                if futures_util::poll!(writing.as_mut()).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(writing);
            let mut guard = queue.acquire().await.unwrap();
            write(&mut guard, 100 + polls).await;
            guard.commit().await.unwrap();
            // No transaction is left open that would keep other processes from writing.
            let mut other = file.connect().await;
            other.execute("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; COMMIT").await.unwrap();
        }
        assert!(file.kept().await.ends_with(&(100..140).collect::<Vec<_>>()));
    }

    #[tokio::test]
    async fn all_who_share_a_failed_commit_hear_of_it() {
        let (file, queue) = File::with_table().await;
        let mut first = queue.acquire().await.unwrap();
        write(&mut first, 1).await;
        let second = {
            let queue = queue.clone();
            tokio::spawn(async move {
                let mut guard = queue.acquire().await?;
                write(&mut guard, 2).await;
                // A violation that is only detected at the commit.
                guard.execute("PRAGMA defer_foreign_keys = ON; INSERT INTO needs (n) VALUES (99)").await?;
                guard.commit().await
            })
        };
        // The second writer queues before the first one commits.
        tokio::task::yield_now().await;
        assert!(matches!(first.commit().await, Err(StoreError::NotKept)));
        assert!(matches!(second.await.unwrap(), Err(StoreError::NotKept)));
        assert!(file.kept().await.is_empty());
        let mut guard = queue.acquire().await.unwrap();
        write(&mut guard, 3).await;
        guard.commit().await.unwrap();
        assert_eq!(file.kept().await, [3]);
    }
}
