//! Sends requests over keep-alive connections, each as soon as the previous answer arrives.
use anyhow::Context;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A request as it goes over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Request(Arc<[u8]>);

/// Requests to send in order, starting over at the end.
pub(crate) type Requests = Arc<[Request]>;

/// Continues from load to load, so that each client address recurs as rarely as possible.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// How to send the requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) length: Duration,
}

/// The results of a load.
#[derive(Debug)]
pub(crate) struct Measured {
    answers: Vec<(u16, Duration)>,
    pub(crate) took: Duration,
}

impl Request {
    pub(crate) fn get(path: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").into_bytes().into())
    }

    /// As a proxy forwards it for the `n`th client.
    pub(crate) fn get_as(n: usize, path: &str) -> Self {
        let client = address(n);
        Self(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{client}\r\n").into_bytes().into())
    }

    /// The same as a POST with a JSON body.
    pub(crate) fn post_as(n: usize, path: &str, body: &str) -> Self {
        let client = address(n);
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\n{client}content-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        Self([head.as_bytes(), body.as_bytes()].concat().into())
    }
}

/// The header with a client address from the network that is reserved for benchmarks (RFC 2544).
fn address(n: usize) -> String {
    format!("x-forwarded-for: 198.18.{}.{}\r\n", n / 250 % 250, n % 250)
}

impl Load {
    pub(crate) async fn run(self, requests: &Requests) -> anyhow::Result<Measured> {
        let start = Instant::now();
        let mut connections = JoinSet::new();
        for _ in 0..self.connections {
            let requests = requests.clone();
            connections.spawn(async move {
                let mut connection = Connection::open(self.address).await?;
                let mut answers = Vec::new();
                while start.elapsed() < self.length {
                    let place = NEXT.fetch_add(1, Ordering::Relaxed) % requests.len();
                    answers.push(connection.ask(&requests[place]).await?);
                }
                anyhow::Ok(answers)
            });
        }
        let mut answers = Vec::new();
        while let Some(of_one) = connections.join_next().await {
            answers.extend(of_one??);
        }
        if let Some((status, _)) = answers.iter().find(|(status, _)| *status >= 400) {
            anyhow::bail!("a request was answered {status}");
        }
        Ok(Measured { answers, took: start.elapsed() })
    }
}

/// Sends all requests at the same time, once each, each over its own connection.
pub(crate) async fn rush(address: SocketAddr, requests: &Requests) -> anyhow::Result<Measured> {
    let mut clients = JoinSet::new();
    let start = Instant::now();
    for request in requests.iter() {
        let request = request.clone();
        clients.spawn(async move {
            let asked = Instant::now();
            let (status, _) = Connection::open(address).await?.ask(&request).await?;
            anyhow::Ok((status, asked.elapsed()))
        });
    }
    let mut answers = Vec::new();
    while let Some(answer) = clients.join_next().await {
        answers.push(answer??);
    }
    Ok(Measured { answers, took: start.elapsed() })
}

/// The bytes of the answer to one request. Fails unless its status is below 300.
pub(crate) async fn one(address: SocketAddr, request: &Request) -> anyhow::Result<Vec<u8>> {
    let mut connection = Connection::open(address).await?;
    let (status, _) = connection.ask(request).await?;
    anyhow::ensure!(status < 300, "answered {status}");
    Ok(connection.buffer)
}

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        self.answers.len() as f64 / self.took.as_secs_f64()
    }

    /// The latency that this share of all answers stayed below.
    pub(crate) fn latency(&self, share: f64) -> Duration {
        let mut all: Vec<_> = self.answers.iter().map(|(_, latency)| *latency).collect();
        all.sort();
        let place = (all.len() as f64 * share) as usize;
        all.get(place.min(all.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    pub(crate) fn answers_with(&self, wanted: u16) -> usize {
        self.answers.iter().filter(|(status, _)| *status == wanted).count()
    }

    pub(crate) fn statuses(&self) -> Vec<u16> {
        let mut statuses: Vec<_> = self.answers.iter().map(|(status, _)| *status).collect();
        statuses.sort_unstable();
        statuses.dedup();
        statuses
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// The status, and how long the whole answer took.
    async fn ask(&mut self, request: &Request) -> anyhow::Result<(u16, Duration)> {
        let start = Instant::now();
        self.stream.write_all(&request.0).await?;
        self.buffer.clear();
        let (status, head, length) = loop {
            let read = self.stream.read_buf(&mut self.buffer).await?;
            anyhow::ensure!(read > 0, "the connection was closed");
            if let Some(head) = find(&self.buffer, b"\r\n\r\n") {
                let text = std::str::from_utf8(&self.buffer[..head])?;
                let status = text.get(9..12).context("a status")?.parse()?;
                let length = text.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
                });
                break (status, head + 4, length.unwrap_or(0));
            }
        };
        while self.buffer.len() < head + length {
            let read = self.stream.read_buf(&mut self.buffer).await?;
            anyhow::ensure!(read > 0, "the connection was closed");
        }
        Ok((status, start.elapsed()))
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
