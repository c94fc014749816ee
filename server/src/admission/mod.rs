//! Admission control: how much of this process a client, or a crowd, may use at the same time. Every use ends by a
//! deadline, and a flood of one kind of request leaves room for the others.
mod budget;
mod connections;
mod files;

pub use budget::{Budget, Full, Share};
pub use connections::{Connection, Connections};
pub use files::raise_file_limit;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Open files other than connections: the database, calls to other systems, logs.
const OTHER_FILES: usize = 256;
/// The longest that a request waits for its turn.
const LANE_TIMEOUT: Duration = Duration::from_secs(10);
/// Webhook bodies get this fraction, a third, of the bytes of all other bodies.
const WEBHOOK_BYTES_PART: usize = 3;

/// The kind of a request, as far as the budgets distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// A press of Pay.
    Pay,
    /// A webhook from Stripe.
    Webhook,
    /// The health check, answered under any load.
    Health,
    /// A long poll for changes of a purchase.
    News,
    /// Everything else.
    Other,
}

/// The budgets of a process.
pub struct Admission {
    pub connections: Connections,
    /// Seat streams.
    pub streams: Budget,
    /// Long polls for changes of a purchase: as many as streams, in addition to them.
    news: Budget,
    others: Budget,
    pays: Budget,
    webhooks: Budget,
    bytes: Arc<Semaphore>,
    webhook_bytes: Arc<Semaphore>,
    /// For all bodies but webhooks', in bytes.
    most_bytes: usize,
}

/// Limits on what may be in use at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Maximum connections (`MAX_CONNECTIONS`).
    pub connections: usize,
    /// Maximum streams (`MAX_STREAMS`).
    pub streams: usize,
    /// Concurrent requests (`MAX_REQUESTS`). One client gets half of each kind; its further requests wait.
    pub requests: usize,
    /// The same for presses of Pay, whose answers wait for Stripe (`MAX_PAYS`).
    pub pays: usize,
    /// The same for Stripe's webhooks, which may all come from one client (`MAX_WEBHOOKS`).
    pub webhooks: usize,
    /// Bytes of request bodies in memory, plus a third as many for webhooks (`MAX_BODY_BYTES`).
    pub body_bytes: usize,
}

impl AdmissionLimits {
    /// Lowers the limits to fit a process that may have `files` open.
    #[must_use]
    pub fn within(self, files: usize) -> Self {
        let connections = self.connections.min(files.saturating_sub(OTHER_FILES).max(files / 2));
        Self { connections, streams: self.streams.min(connections / 2), ..self }
    }
}

impl Lane {
    /// The lane of a request.
    #[must_use]
    pub fn of(path: &str, query: Option<&str>) -> Self {
        match path {
            "/healthz" => Self::Health,
            "/v1/stripe/webhook" => Self::Webhook,
            path if path.ends_with("/pay") => Self::Pay,
            _ if query.is_some_and(|query| query.contains("wait=")) => Self::News,
            _ => Self::Other,
        }
    }
}

impl Admission {
    #[must_use]
    pub fn new(limits: AdmissionLimits) -> Self {
        let AdmissionLimits { connections, streams, requests, pays, webhooks, body_bytes } = limits;
        Self {
            connections: Connections::new(connections, quarter(connections)),
            streams: Budget::new("streams", streams, quarter(streams)),
            news: Budget::new("news", streams, quarter(streams)),
            others: Budget::new("requests", requests, requests.div_ceil(2)),
            pays: Budget::new("pays", pays, pays.div_ceil(2)),
            webhooks: Budget::new("webhooks", webhooks, webhooks),
            bytes: Semaphore::new(body_bytes).into(),
            webhook_bytes: Semaphore::new(body_bytes / WEBHOOK_BYTES_PART).into(),
            most_bytes: body_bytes,
        }
    }

    /// Waits for a turn in `lane`. Without a `client`, as for those without limits, only the total counts.
    pub async fn turn(&self, lane: Lane, client: Option<IpAddr>) -> Result<Option<Share>, Full> {
        let budget = match lane {
            Lane::Health => return Ok(None),
            // A client with too many long polls doesn't wait, but asks again later.
            Lane::News => return self.news.take(client).map(Some),
            Lane::Pay => &self.pays,
            Lane::Webhook => &self.webhooks,
            Lane::Other => &self.others,
        };
        budget.wait(client, LANE_TIMEOUT).await.map(Some)
    }

    /// Reserves memory for this many bytes of a body.
    pub fn room(&self, lane: Lane, bytes: usize) -> Result<OwnedSemaphorePermit, Full> {
        let budget = if lane == Lane::Webhook { &self.webhook_bytes } else { &self.bytes };
        let bytes = u32::try_from(bytes).map_err(|_| Full::All)?;
        budget.clone().try_acquire_many_owned(bytes).map_err(|_| Full::All)
    }

    /// Bytes of bodies in memory, except webhooks', and how many there may be.
    #[must_use]
    pub fn body_bytes(&self) -> (usize, usize) {
        (self.most_bytes - self.bytes.available_permits(), self.most_bytes)
    }

    /// Every budget that is counted in uses, for the metrics.
    #[must_use]
    pub fn budgets(&self) -> [&Budget; 5] {
        [&self.streams, &self.news, &self.others, &self.pays, &self.webhooks]
    }
}

/// One client's share of `all`: enough for an office behind one address, and it leaves room for three more.
fn quarter(all: usize) -> usize {
    all.div_ceil(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_everything_else() {
        let limits = AdmissionLimits {
            connections: 8192,
            streams: 4096,
            requests: 1,
            pays: 1,
            webhooks: 1,
            body_bytes: 1,
        };
        assert_eq!(limits.within(1_048_576), limits);
        assert_eq!(limits.within(1024), AdmissionLimits { connections: 768, streams: 384, ..limits });
        assert_eq!(limits.within(256), AdmissionLimits { connections: 128, streams: 64, ..limits });
    }

    #[test]
    fn every_kind_of_request_has_its_lane() {
        assert_eq!(Lane::of("/v1/stripe/webhook", None), Lane::Webhook);
        assert_eq!(Lane::of("/v1/purchases/x/pay", None), Lane::Pay);
        assert_eq!(Lane::of("/healthz", None), Lane::Health);
        assert_eq!(Lane::of("/readyz", None), Lane::Other);
        assert_eq!(Lane::of("/v1/purchases/x", Some("after=1&wait=30")), Lane::News);
    }
}
