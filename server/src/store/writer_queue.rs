//! SQLite has one writer at a time. Here it is one connection, whose pages stay in memory, and those who write stand in
//! line for it: SQLite's own way of waiting is to sleep and to look again.
//!
//! Who is done does not commit at once, but stands in line again to do so: by then others have written into the same
//! transaction, and one commit, which is what the disk is slow at, keeps the writes of all. Where nobody waits, it is
//! one's turn again at once. Nobody is told that theirs is kept before it is.
use super::deadline::{or_silence, unanswered};
use super::{PATIENCE, StoreError};
use crate::quiet::Quiet;
use crate::trial::{Guard, falls_silent, holds};
use sqlx::{AnyConnection, Executor};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

/// Turns until a commit at most: the first waits for the last.
const GROUP: usize = 32;

/// The writer, and those who wait for it in the order in which they came.
#[derive(Clone)]
pub(super) struct Line(Arc<Mutex<Writer>>);

struct Writer {
    connection: AnyConnection,
    group: Group,
}

/// Those who have written into the open transaction, and wait to hear that it is kept.
#[derive(Default)]
struct Group {
    number: u64,
    is_open: bool,
    /// Those who took theirs back included.
    turns: usize,
    members: Vec<oneshot::Sender<()>>,
}

/// The right to write. Dropped before [`Turn::commit`], what was written is taken back before the next one's turn.
pub(super) struct Turn {
    line: Line,
    /// Always there until the turn is over.
    writer: Option<OwnedMutexGuard<Writer>>,
}

impl Line {
    pub(super) fn new(connection: AnyConnection) -> Self {
        Self(Arc::new(Mutex::new(Writer { connection, group: Group::default() })))
    }

    /// Waits for a turn.
    pub(super) async fn enter(&self) -> Result<Turn, StoreError> {
        let writer = self.0.clone().lock_owned();
        let mut writer =
            tokio::time::timeout(PATIENCE, writer).await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let line = self.clone();
        // In a task of its own, as whatever opens or ends a transaction: a caller who goes away meanwhile must not leave
        // it half way.
        or_silence(in_task(async move {
            writer.join().await?;
            Ok(Turn { line, writer: Some(writer) })
        }))
        .await
    }

    /// Stands in line to commit this group, unless a full one is committed already.
    fn commit_in_turn(&self, number: u64) {
        let line = self.clone();
        tokio::spawn(async move {
            let mut writer = line.0.lock().await;
            if writer.group.number == number {
                writer.commit().await;
            }
        });
    }

    /// Lets those who stand in line finish, and leaves a file that is whole without its log.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let mut writer = self.0.lock().await;
        writer.commit().await;
        writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        Ok(())
    }
}

impl Turn {
    /// Returns once what was written is kept. A disk that does not answer may keep it all the same.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        let Some(mut writer) = self.writer.take() else { return Err(StoreError::NotKept) };
        let (tell, told) = oneshot::channel();
        writer.group.members.push(tell);
        let (number, is_first) = (writer.group.number, writer.group.members.len() == 1);
        if writer.group.turns >= GROUP {
            tokio::spawn(async move { writer.commit().await });
        } else {
            drop(writer);
            if is_first {
                self.line.commit_in_turn(number);
            }
        }
        or_silence(hear(told)).await?;
        if falls_silent() { Err(unanswered()) } else { Ok(()) }
    }

    /// Takes back what was written, and returns once what was read is kept: others may have written it in the same
    /// transaction.
    pub(super) async fn take_back(mut self) -> Result<(), StoreError> {
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        let read = in_task(async move {
            if writer.group.members.is_empty() {
                writer.take_back().await;
                return Ok(None);
            }
            let (tell, told) = oneshot::channel();
            writer.group.members.push(tell);
            writer.take_back().await;
            Ok(Some(told))
        });
        or_silence(async {
            match read.await? {
                Some(told) => hear(told).await,
                None => Ok(()),
            }
        })
        .await
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Without a runtime the process is at its end, and SQLite takes back what was not committed.
        if let (Some(mut writer), Ok(runtime)) = (self.writer.take(), Handle::try_current()) {
            runtime.spawn(async move { writer.take_back().await });
        }
    }
}

impl Writer {
    /// Begins a transaction, or a part of the open one that can be taken back by itself.
    async fn join(&mut self) -> Result<(), sqlx::Error> {
        self.group.turns += 1;
        let statement = if self.group.is_open {
            "RELEASE member; SAVEPOINT member"
        } else {
            "BEGIN IMMEDIATE; SAVEPOINT member"
        };
        let joined = self.run(statement).await;
        if joined.is_err() {
            // It may have begun all the same, or SQLite may have ended what was open.
            self.give_up().await;
        }
        self.group.is_open = joined.is_ok();
        joined
    }

    async fn take_back(&mut self) {
        if self.group.members.is_empty() {
            return self.give_up().await;
        }
        if let Err(error) = self.run("ROLLBACK TO member").await {
            static KEPT: Quiet = Quiet::new();
            if let Some(more) = KEPT.speak() {
                tracing::error!(%error, more, "a write can't be taken back: those that it shares a commit with fail");
            }
            return self.give_up().await;
        }
        if self.group.turns >= GROUP {
            self.commit().await;
        }
    }

    async fn commit(&mut self) {
        if !self.group.is_open {
            return;
        }
        if let Err(error) = self.run("COMMIT").await {
            if !holds(Guard::CommitIsAwaited) {
                self.run("ROLLBACK").await.unwrap_or_default();
                return self.tell();
            }
            static FAILED: Quiet = Quiet::new();
            if let Some(more) = FAILED.speak() {
                tracing::error!(%error, more, "a commit failed");
            }
            return self.give_up().await;
        }
        self.tell();
    }

    /// Those who share the commit hear that it is kept.
    fn tell(&mut self) {
        for member in self.end() {
            // They may have gone away.
            let _ = member.send(());
        }
    }

    /// Nothing of the open transaction is kept; its members are told.
    async fn give_up(&mut self) {
        // It fails where SQLite has done so already.
        let _ = self.run("ROLLBACK").await;
        drop(self.end());
    }

    /// Compiled once.
    async fn run(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(statement).execute(&mut self.connection).await.map(drop)
    }

    fn end(&mut self) -> Vec<oneshot::Sender<()>> {
        let number = self.group.number + 1;
        std::mem::replace(&mut self.group, Group { number, ..Group::default() }).members
    }
}

impl Deref for Turn {
    type Target = AnyConnection;

    #[expect(clippy::expect_used, reason = "only what ends the turn takes it")]
    fn deref(&self) -> &AnyConnection {
        &self.writer.as_ref().expect("a turn that is not over").connection
    }
}

impl DerefMut for Turn {
    #[expect(clippy::expect_used, reason = "only what ends the turn takes it")]
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.writer.as_mut().expect("a turn that is not over").connection
    }
}

async fn hear(told: oneshot::Receiver<()>) -> Result<(), StoreError> {
    told.await.map_err(|_| StoreError::NotKept)
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
        async fn with_table() -> (Self, Line) {
            sqlx::any::install_default_drivers();
            let file = Self(TempDir::new().unwrap());
            let mut writer = file.connect().await;
            writer
                .execute("PRAGMA journal_mode = WAL; CREATE TABLE kept (n BIGINT PRIMARY KEY)")
                .await
                .unwrap();
            writer.execute("CREATE TABLE needs (n BIGINT REFERENCES kept (n))").await.unwrap();
            (file, Line::new(writer))
        }

        async fn connect(&self) -> AnyConnection {
            let url = format!("sqlite://{}/line.db?mode=rwc", self.0.path().display());
            AnyConnection::connect(&url).await.unwrap()
        }

        /// As another connection sees it.
        async fn kept(&self) -> Vec<i64> {
            let rows = self.connect().await.fetch_all("SELECT n FROM kept ORDER BY n").await.unwrap();
            rows.iter().map(|row| row.get("n")).collect()
        }
    }

    async fn write(turn: &mut Turn, n: i64) {
        let insert = sqlx::query("INSERT INTO kept (n) VALUES ($1)").bind(n);
        insert.execute(&mut **turn).await.unwrap();
    }

    #[tokio::test]
    async fn whoever_is_told_can_be_read_elsewhere() {
        let (file, line) = File::with_table().await;
        let file = Arc::new(file);
        let writers = (0..100).map(|n| {
            let (file, line) = (file.clone(), line.clone());
            tokio::spawn(async move {
                let mut turn = line.enter().await.unwrap();
                write(&mut turn, n).await;
                turn.commit().await.unwrap();
                assert!(file.kept().await.contains(&n), "{n} was told too early");
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    }

    #[tokio::test]
    async fn those_who_take_back_or_go_away_take_nobody_along() {
        let (file, line) = File::with_table().await;
        let writers = (0..99).map(|n| {
            let line = line.clone();
            tokio::spawn(async move {
                let mut turn = line.enter().await.unwrap();
                write(&mut turn, n).await;
                match n % 3 {
                    0 => turn.commit().await.unwrap(),
                    1 => turn.take_back().await.unwrap(),
                    _ => drop(turn),
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_eq!(file.kept().await, (0..99).step_by(3).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn who_only_reads_what_others_have_not_committed_hears_of_it() {
        let (file, line) = File::with_table().await;
        let mut first = line.enter().await.unwrap();
        write(&mut first, 1).await;
        first.execute("PRAGMA defer_foreign_keys = ON; INSERT INTO needs (n) VALUES (99)").await.unwrap();
        let readers = [true, false].map(|commits| {
            let line = line.clone();
            tokio::spawn(async move {
                let mut turn = line.enter().await?;
                assert_eq!(turn.fetch_all("SELECT n FROM kept").await.unwrap().len(), 1);
                if commits { turn.commit().await } else { turn.take_back().await }
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
    async fn one_whose_caller_goes_away_at_any_moment_stands_in_nobodys_way() {
        let (file, line) = File::with_table().await;
        for polls in 0..40 {
            let mut writing = Box::pin(async {
                let mut turn = line.enter().await.unwrap();
                write(&mut turn, polls).await;
                turn.commit().await.unwrap();
            });
            for _ in 0..polls {
                if futures_util::poll!(writing.as_mut()).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(writing);
            let mut turn = line.enter().await.unwrap();
            write(&mut turn, 100 + polls).await;
            turn.commit().await.unwrap();
            // Nothing is left open that would keep other processes from writing.
            let mut other = file.connect().await;
            other.execute("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; COMMIT").await.unwrap();
        }
        assert!(file.kept().await.ends_with(&(100..140).collect::<Vec<_>>()));
    }

    #[tokio::test]
    async fn all_who_share_a_commit_hear_that_it_failed() {
        let (file, line) = File::with_table().await;
        let mut first = line.enter().await.unwrap();
        write(&mut first, 1).await;
        let second = {
            let line = line.clone();
            tokio::spawn(async move {
                let mut turn = line.enter().await?;
                write(&mut turn, 2).await;
                // What is found wrong only at the commit.
                turn.execute("PRAGMA defer_foreign_keys = ON; INSERT INTO needs (n) VALUES (99)").await?;
                turn.commit().await
            })
        };
        // The second stands in line before the first commits.
        tokio::task::yield_now().await;
        assert!(matches!(first.commit().await, Err(StoreError::NotKept)));
        assert!(matches!(second.await.unwrap(), Err(StoreError::NotKept)));
        assert!(file.kept().await.is_empty());
        let mut turn = line.enter().await.unwrap();
        write(&mut turn, 3).await;
        turn.commit().await.unwrap();
        assert_eq!(file.kept().await, [3]);
    }
}
