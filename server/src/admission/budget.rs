//! Concurrency limits, in total and per client.
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// A limited number of concurrent uses, shared by all clients.
#[derive(Clone)]
pub struct Budget(Arc<Inner>);

struct Inner {
    name: &'static str,
    most: usize,
    each: usize,
    all: Arc<Semaphore>,
    /// Of the clients that use or wait for something now.
    clients: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
    refused: AtomicU64,
}

/// One use of a budget, released when dropped.
pub struct Share {
    _own: Option<OwnShare>,
    _all: OwnedSemaphorePermit,
}

/// A client's permit from its own limit.
struct OwnShare {
    budget: Budget,
    client: IpAddr,
    permit: Option<OwnedSemaphorePermit>,
}

/// The budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// For all clients.
    All,
    /// For this client.
    Client,
}

impl Budget {
    #[must_use]
    pub fn new(name: &'static str, most: usize, each: usize) -> Self {
        let all = Arc::new(Semaphore::new(most));
        Self(Arc::new(Inner { name, most, each, all, clients: Mutex::default(), refused: AtomicU64::new(0) }))
    }

    /// Takes one use if one is left. Without a `client` it counts only against the total.
    pub fn take(&self, client: Option<IpAddr>) -> Result<Share, Full> {
        let own = client.map(|client| {
            let permit = self.of(client).try_acquire_owned();
            permit.map(|permit| self.own(client, permit)).map_err(|_| self.refuse(Full::Client))
        });
        let own = own.transpose()?;
        let all = self.0.all.clone().try_acquire_owned().map_err(|_| self.refuse(Full::All))?;
        Ok(Share { _own: own, _all: all })
    }

    /// Takes one use as soon as one is free. Clients are served in order: first within their own limit, then among all.
    pub async fn wait(&self, client: Option<IpAddr>, patience: Duration) -> Result<Share, Full> {
        let until = Instant::now() + patience;
        let mut own = None;
        if let Some(client) = client {
            let permit = timeout_at(until, self.of(client).acquire_owned()).await;
            own = Some(
                self.own(client, permit.ok().and_then(Result::ok).ok_or_else(|| self.refuse(Full::Client))?),
            );
        }
        let all = timeout_at(until, self.0.all.clone().acquire_owned()).await;
        let all = all.ok().and_then(Result::ok).ok_or_else(|| self.refuse(Full::All))?;
        Ok(Share { _own: own, _all: all })
    }

    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    #[must_use]
    pub fn most(&self) -> usize {
        self.0.most
    }

    #[must_use]
    pub fn used(&self) -> usize {
        self.0.most - self.0.all.available_permits()
    }

    /// How often a use was refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    fn refuse(&self, why: Full) -> Full {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        why
    }

    fn of(&self, client: IpAddr) -> Arc<Semaphore> {
        self.clients().entry(client).or_insert_with(|| Arc::new(Semaphore::new(self.0.each))).clone()
    }

    fn own(&self, client: IpAddr, permit: OwnedSemaphorePermit) -> OwnShare {
        OwnShare { budget: self.clone(), client, permit: Some(permit) }
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<Semaphore>>> {
        self.0.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OwnShare {
    fn drop(&mut self) {
        self.permit.take();
        // Forget a client that neither uses nor waits for anything.
        let mut clients = self.budget.clients();
        if clients.get(&self.client).is_some_and(|own| Arc::strong_count(own) == 1) {
            clients.remove(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
    const OTHER: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)));

    #[tokio::test]
    async fn one_client_leaves_room_for_others() {
        let budget = Budget::new("streams", 3, 2);
        let held = [budget.take(ONE).unwrap(), budget.take(ONE).unwrap()];
        assert_eq!(budget.take(ONE).err(), Some(Full::Client));
        let other = budget.take(OTHER).unwrap();
        assert_eq!(budget.take(None).err(), Some(Full::All));
        assert_eq!((budget.used(), budget.refused()), (3, 2));
        drop((held, other));
        assert!(budget.take(ONE).is_ok() && budget.clients().is_empty(), "nobody is remembered");
    }

    #[tokio::test]
    async fn who_waits_is_next_and_not_for_ever() {
        let budget = Budget::new("requests", 2, 1);
        let first = budget.take(ONE).unwrap();
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.wait(ONE, Duration::from_secs(60)).await.is_ok() }
        });
        assert!(budget.wait(OTHER, Duration::from_secs(60)).await.is_ok(), "others do not wait behind it");
        assert_eq!(budget.wait(ONE, Duration::ZERO).await.err(), Some(Full::Client));
        drop(first);
        assert!(waiting.await.unwrap());
    }
}
