//! Limits connections, in total and per client. If there is no room for another, the client with the most loses the one
//! that has been idle the longest. Every connection also has a deadline, whatever it waits for.
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long a client may send nothing at all: browsers connect before they know what for.
const SILENCE: Duration = Duration::from_secs(75);
/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);
/// How long its body may take: longer than the body reader allows, which can answer with a reason.
const BODY: Duration = Duration::from_secs(60);
/// How long an answer may take: longer than any handler may.
const ANSWER: Duration = Duration::from_secs(120);
/// Keep-alive timeout: longer than that of proxies, so that they close idle connections first
/// (<https://cloud.google.com/load-balancing/docs/https#timeouts_and_retries>).
const KEPT: Duration = Duration::from_secs(620);
/// How long a client may leave unread what it is sent.
const UNREAD: Duration = Duration::from_secs(30);

/// Times are milliseconds since this instant, so that they fit into an atomic.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// All connections of a process.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    most: usize,
    each: usize,
    open: Mutex<Open>,
    /// How many were refused since the start, and closed to make room or for being late.
    refused: AtomicU64,
    closed: AtomicU64,
}

#[derive(Default)]
struct Open {
    /// The number of the next connection.
    next: u64,
    count: usize,
    /// By client, oldest first.
    clients: HashMap<IpAddr, BTreeMap<u64, Arc<State>>>,
}

/// One connection, counted until it is dropped.
pub struct Connection {
    all: Connections,
    client: IpAddr,
    number: u64,
    state: Arc<State>,
}

struct State {
    phase: AtomicU8,
    /// When the phase began.
    since: AtomicU64,
    /// When the phase must be over.
    due: AtomicU64,
    /// When the client must have read some of what is being sent; zero if nothing waits.
    read_due: AtomicU64,
    close: Notify,
}

/// The next thing a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// For the next request.
    Kept,
    /// For the first byte.
    Silent,
    /// For the rest of a head.
    Head,
    /// For the rest of a body.
    Body,
    /// For our answer.
    Answer,
    /// For the next event of a stream.
    Stream,
}

impl Connections {
    #[must_use]
    pub fn new(most: usize, each: usize) -> Self {
        let (refused, closed) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Inner { most, each, open: Mutex::default(), refused, closed }))
    }

    /// Admits one more connection, unless there is no room and none may be closed. `shares` says that the peer speaks
    /// for many clients, so that no limit per client applies.
    #[must_use]
    pub fn take(&self, client: IpAddr, shares: bool) -> Option<Connection> {
        let mut open = self.open();
        let own = open.clients.get(&client).map_or(0, BTreeMap::len);
        let makes_room = if !shares && own >= self.0.each {
            Some(open.close_one_of(client))
        } else if open.count >= self.0.most {
            Some(open.close_one())
        } else {
            None
        };
        match makes_room {
            Some(false) => {
                self.0.refused.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            Some(true) => {
                self.0.closed.fetch_add(1, Ordering::Relaxed);
            }
            None => {}
        }
        let state = Arc::new(State::new());
        let number = open.next;
        open.next += 1;
        open.count += 1;
        open.clients.entry(client).or_default().insert(number, state.clone());
        Some(Connection { all: self.clone(), client, number, state })
    }

    /// Closes the connections that are late.
    pub fn close_late(&self) {
        let now = moment();
        let open = self.open();
        let late = open.clients.values().flat_map(BTreeMap::values).filter(|state| state.is_late(now));
        for state in late {
            self.0.closed.fetch_add(1, Ordering::Relaxed);
            state.close.notify_one();
        }
    }

    #[must_use]
    pub fn most(&self) -> usize {
        self.0.most
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.open().count
    }

    /// How many connections were refused, and how many were closed to make room or for being late.
    #[must_use]
    pub fn turned_away(&self) -> (u64, u64) {
        (self.0.refused.load(Ordering::Relaxed), self.0.closed.load(Ordering::Relaxed))
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Closes one connection of the client with the most, or of the next one if all of those are being answered.
    fn close_one(&mut self) -> bool {
        let mut clients: Vec<_> = self.clients.iter().map(|(client, all)| (all.len(), *client)).collect();
        clients.sort_unstable_by_key(|(count, _)| std::cmp::Reverse(*count));
        clients.into_iter().any(|(_, client)| self.close_one_of(client))
    }

    /// Closes the connection of `client` that has been idle the longest, except those that are being answered.
    fn close_one_of(&mut self, client: IpAddr) -> bool {
        let Some(all) = self.clients.get(&client) else { return false };
        let idle = all.iter().filter(|(_, state)| state.phase() < Phase::Answer as u8);
        let stalest = idle.min_by_key(|(number, state)| (state.since.load(Ordering::Relaxed), **number));
        let Some((&number, state)) = stalest else { return false };
        state.close.notify_one();
        self.remove(client, number);
        true
    }

    fn remove(&mut self, client: IpAddr, number: u64) {
        let Some(all) = self.clients.get_mut(&client) else { return };
        if all.remove(&number).is_some() {
            self.count -= 1;
        }
        if all.is_empty() {
            self.clients.remove(&client);
        }
    }
}

impl Connection {
    /// Returns once the connection must be closed.
    pub async fn closed(&self) {
        self.state.close.notified().await;
    }

    /// Bytes have arrived: if no request is in progress, one begins.
    pub fn heard(&self) {
        if self.state.phase() <= Phase::Silent as u8 {
            self.state.enter(Phase::Head, HEAD);
        }
    }

    /// The body is being read.
    pub fn reads_body(&self) {
        self.state.enter(Phase::Body, BODY);
    }

    /// The request is being handled.
    pub fn answers(&self) {
        self.state.enter(Phase::Answer, ANSWER);
    }

    /// The answer is a stream, which ends by itself after `most`.
    pub fn streams(&self, most: Duration) {
        self.state.enter(Phase::Stream, most);
    }

    /// The answer is ready, and is being sent.
    pub fn answered(&self) {
        if self.state.phase() == Phase::Answer as u8 || self.state.phase() == Phase::Body as u8 {
            self.state.enter(Phase::Kept, KEPT);
        }
    }

    /// Records whether a write waits for the client to read.
    pub fn writes(&self, waits: bool) {
        let state = &self.state;
        if !waits {
            state.read_due.store(0, Ordering::Relaxed);
        } else if state.read_due.load(Ordering::Relaxed) == 0 {
            state.read_due.store(after(UNREAD), Ordering::Relaxed);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.open().remove(self.client, self.number);
    }
}

impl State {
    fn new() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Silent as u8),
            since: AtomicU64::new(moment()),
            due: AtomicU64::new(after(SILENCE)),
            read_due: AtomicU64::new(0),
            close: Notify::new(),
        }
    }

    fn phase(&self) -> u8 {
        self.phase.load(Ordering::Relaxed)
    }

    fn enter(&self, phase: Phase, most: Duration) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.since.store(moment(), Ordering::Relaxed);
        self.due.store(after(most), Ordering::Relaxed);
    }

    fn is_late(&self, now: u64) -> bool {
        let read_due = self.read_due.load(Ordering::Relaxed);
        self.due.load(Ordering::Relaxed) < now || (read_due != 0 && read_due < now)
    }
}

fn moment() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn after(wait: Duration) -> u64 {
    moment().saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn is_closed(connection: &Connection) -> bool {
        connection.closed().now_or_never().is_some()
    }

    #[test]
    fn a_client_beyond_its_share_loses_its_own_and_nobody_elses() {
        let connections = Connections::new(10, 2);
        let other = connections.take(OTHER, false).unwrap();
        let own: Vec<_> = (0..3).map(|_| connections.take(ONE, false).unwrap()).collect();
        assert_eq!(own.iter().map(is_closed).collect::<Vec<_>>(), [true, false, false], "the oldest");
        assert!(!is_closed(&other));
        assert_eq!((connections.count(), connections.turned_away()), (3, (0, 1)));
        drop(own);
        assert_eq!(connections.count(), 1, "one that was closed for another is not counted twice");
    }

    #[test]
    fn where_all_are_taken_the_client_with_most_makes_room() {
        let connections = Connections::new(3, 3);
        let first = connections.take(OTHER, false).unwrap();
        let [slow, kept] = [connections.take(ONE, true).unwrap(), connections.take(ONE, true).unwrap()];
        slow.heard();
        kept.heard();
        kept.answers();
        kept.answered();
        let next = connections.take(OTHER, false).unwrap();
        assert!(
            is_closed(&slow) && !is_closed(&kept) && !is_closed(&first),
            "the stalest of whoever has most"
        );
        drop(slow);
        for busy in [&first, &kept, &next] {
            busy.heard();
            busy.answers();
        }
        assert!(connections.take(OTHER, false).is_none(), "whoever is being answered is not cut off");
        assert_eq!(connections.turned_away(), (1, 1));
    }

    #[test]
    fn whatever_is_waited_for_comes_to_an_end() {
        let state = State::new();
        let at = |wait: Duration| state.is_late(after(wait));
        assert!(!at(SILENCE - Duration::from_secs(1)) && at(SILENCE + Duration::from_secs(1)));
        state.enter(Phase::Head, HEAD);
        assert!(!at(HEAD - Duration::from_secs(1)) && at(HEAD + Duration::from_secs(1)));
        state.enter(Phase::Stream, KEPT);
        assert!(!at(UNREAD + Duration::from_secs(1)));
        state.read_due.store(after(UNREAD), Ordering::Relaxed);
        assert!(at(UNREAD + Duration::from_secs(1)), "who reads nothing is not written to for ever");
    }
}
