//! A disk under SQLite that fills up, fails, hangs or loses power whenever a test says so.
//!
//! It is a virtual file system of SQLite (<https://www.sqlite.org/vfs.html>) that lets the system's own do the work,
//! and intercepts writes, syncs and deletions. A connection uses it if its address ends in `vfs=` and its name.

#[cfg(test)]
mod tests;
mod vfs;

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A disk. It stays registered with SQLite until the process ends.
#[derive(Clone, Debug)]
pub struct Disk {
    name: String,
    state: Arc<State>,
}

/// How a write, a sync or a truncation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No space is left.
    Full,
    /// The device reports an error.
    Broken,
}

#[derive(Debug, Default)]
struct State {
    inner: Mutex<Inner>,
    goes_on: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    planned: Option<Planned>,
    /// Whether the planned failure has happened.
    has_failed: bool,
    is_full: bool,
    hangs: bool,
    /// Whether unsynced changes are recorded.
    may_lose_power: bool,
    has_power: bool,
    /// Changes to each file since its last sync, in order.
    unsynced: HashMap<PathBuf, Vec<Change>>,
}

/// One change to a file.
#[derive(Debug)]
struct Change {
    offset: u64,
    before: Vec<u8>,
    after: Vec<u8>,
    size_before: u64,
    size_after: u64,
}

/// A call to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A write or a truncation.
    Write,
    Sync,
}

/// One planned failure.
#[derive(Clone, Copy, Debug)]
struct Planned {
    call: Call,
    /// Syncs that succeed before it.
    syncs: u32,
    failure: Failure,
}

impl Disk {
    /// A disk without faults. Panics if SQLite has no file system to build on.
    #[must_use]
    pub fn new() -> Self {
        let state = Arc::new(State::default());
        state.lock().has_power = true;
        let name = vfs::register(state.clone());
        Self { name, state }
    }

    /// The name for the end of a connection's address: `sqlite:///path/to/file.db?vfs=…`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes the first such call after the next `syncs` syncs fail, once. SQLite syncs its log at each commit.
    pub fn fail_at(&self, call: Call, syncs: u32, failure: Failure) {
        let mut inner = self.state.lock();
        (inner.planned, inner.has_failed) = (Some(Planned { call, syncs, failure }), false);
    }

    /// Cancels the planned failure, and returns whether one has happened.
    pub fn heal(&self) -> bool {
        let mut inner = self.state.lock();
        inner.planned = None;
        std::mem::take(&mut inner.has_failed)
    }

    /// Sets whether every write fails for lack of space.
    pub fn set_full(&self, is_full: bool) {
        self.state.lock().is_full = is_full;
    }

    /// Sets whether calls hang, until this is called with `false`.
    pub fn set_hanging(&self, hangs: bool) {
        self.state.lock().hangs = hangs;
        self.state.goes_on.notify_all();
    }

    /// Sets whether to record unsynced changes, which [`Self::cut_power`] needs. Costs a read of everything
    /// overwritten.
    pub fn set_losing_power(&self, may_lose_power: bool) {
        let mut inner = self.state.lock();
        inner.may_lose_power = may_lose_power;
        inner.unsynced.clear();
    }

    /// Makes every later call fail. Writes to `to` what may remain of the database `from` and its log once the power is
    /// back: of the unsynced changes, those for which `survives` returns true.
    pub fn cut_power(&self, from: &Path, to: &Path, mut survives: impl FnMut() -> bool) -> io::Result<()> {
        let mut inner = self.state.lock();
        inner.has_power = false;
        for suffix in ["", "-wal"] {
            let (from, to) = (with_suffix(from, suffix), with_suffix(to, suffix));
            match std::fs::copy(&from, &to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                copied => copied?,
            };
            let changes = inner.unsynced.remove(&from).unwrap_or_default();
            lose_unsynced(&OpenOptions::new().write(true).open(&to)?, &changes, &mut survives)?;
        }
        Ok(())
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn lose_unsynced(file: &File, changes: &[Change], survives: &mut dyn FnMut() -> bool) -> io::Result<()> {
    for change in changes.iter().rev() {
        file.write_all_at(&change.before, change.offset)?;
        file.set_len(change.size_before)?;
    }
    for change in changes.iter().filter(|_| survives()) {
        file.write_all_at(&change.after, change.offset)?;
        if change.size_after < change.size_before {
            file.set_len(change.size_after)?;
        }
    }
    Ok(())
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How `call` fails, if it does. Waits as long as the disk hangs.
    fn failure(&self, call: Call) -> Option<Failure> {
        let hangs = |inner: &mut Inner| inner.hangs && inner.has_power;
        let inner = self.goes_on.wait_while(self.lock(), hangs);
        let mut inner = inner.unwrap_or_else(PoisonError::into_inner);
        if !inner.has_power {
            return Some(Failure::Broken);
        }
        if inner.is_full && call == Call::Write {
            return Some(Failure::Full);
        }
        match &mut inner.planned {
            Some(Planned { call: planned, syncs: 0, failure }) if *planned == call => {
                let failure = *failure;
                (inner.planned, inner.has_failed) = (None, true);
                Some(failure)
            }
            Some(Planned { syncs, .. }) if call == Call::Sync => {
                *syncs = syncs.saturating_sub(1);
                None
            }
            _ => None,
        }
    }

    fn remembers(&self) -> bool {
        self.lock().may_lose_power
    }

    fn remember(&self, path: &Path, change: Change) {
        self.lock().unsynced.entry(path.to_owned()).or_default().push(change);
    }

    fn is_synced(&self, path: &Path) {
        self.lock().unsynced.remove(path);
    }
}
