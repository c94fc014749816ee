//! Accepts as many connections as there is room for. In a burst, only some are served at a time, so that memory stays
//! small; the others wait for a moment.
//!
//! It buys a rush of 5,000 buyers answered in a second with 56 MiB at most, instead of 160 MiB (`docs/performance.md`).
//! To remove it, give every connection its turn at once.
use super::OfferingCache;
use crate::admission::Connection;
use crate::quiet::Quiet;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulConnection;
use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Maximum number of connections whose first request is in progress.
const FIRST_REQUESTS: usize = 512;
/// How long a first request counts among them, and how long another one waits: those ahead may be slow on purpose, or
/// be long polls.
const TURN: Duration = Duration::from_secs(2);
/// The largest head of a request, in bytes: those of browsers and proxies are a tenth of it.
const LONGEST_HEAD: usize = 64 * 1024;
/// How long to back off when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(100);
/// How often late connections are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// Serves until told to stop, and then finishes the requests in flight. Connections run in `tasks`.
pub async fn serve(listener: TcpListener, front: OfferingCache, stop: CancellationToken, tasks: TaskTracker) {
    let crowd = Arc::new(Semaphore::new(FIRST_REQUESTS));
    let connections = front.connections().clone();
    let mut looks = tokio::time::interval(LOOK);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = looks.tick() => {
                connections.close_late();
                continue;
            }
            () = stop.cancelled() => return,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                static UNTAKEN: Quiet = Quiet::new();
                if let Some(more) = UNTAKEN.speak() {
                    tracing::warn!(%error, more, "failed to accept a connection");
                }
                tokio::time::sleep(NO_ROOM).await;
                continue;
            }
        };
        // If there is no room and all connections are being answered, the new one is closed at once.
        let Some(connection) = front.take_connection(peer.ip()) else { continue };
        let (front, crowd, stop) = (front.clone(), crowd.clone(), stop.clone());
        tasks.spawn(async move {
            let connection = Arc::new(connection);
            // A client that hasn't sent anything yet costs no more than this.
            tokio::select! {
                ready = socket.readable() => if ready.is_err() { return },
                () = connection.closed() => return,
                () = stop.cancelled() => return,
            }
            // After the timeout, the connection is served anyway.
            let turn = tokio::time::timeout(TURN, crowd.acquire_owned()).await;
            let turn = turn.ok().and_then(Result::ok);
            Box::pin(talk(socket, peer, front, connection, turn, stop)).await;
        });
    }
}

/// Answers all requests of one connection. `turn` ends with the first answer, or after its timeout.
async fn talk(
    socket: TcpStream,
    peer: SocketAddr,
    front: OfferingCache,
    connection: Arc<Connection>,
    turn: Option<OwnedSemaphorePermit>,
    stop: CancellationToken,
) {
    // Send answers without Nagle's delay.
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let turn = Mutex::new(turn);
    let end_turn = || drop(turn.lock().unwrap_or_else(PoisonError::into_inner).take());
    let service = service_fn(|request| {
        let (front, connection, end_turn) = (&front, &connection, &end_turn);
        async move {
            connection.answers();
            let response = front.answer(peer, connection, request).await;
            connection.answered();
            end_turn();
            Ok::<_, Infallible>(response)
        }
    });
    let watched = Watched { socket, connection: connection.clone() };
    let mut http = http1::Builder::new();
    // The connection has its own deadlines.
    http.header_read_timeout(None).max_buf_size(LONGEST_HEAD);
    let mut served = std::pin::pin!(http.serve_connection(TokioIo::new(watched), service));
    let until_over = async {
        // Errors here are the client's doing: it went away, or does not speak HTTP.
        if tokio::time::timeout(TURN, until_stopped(served.as_mut(), &stop)).await.is_ok() {
            return;
        }
        end_turn();
        until_stopped(served, &stop).await;
    };
    tokio::select! {
        () = until_over => {}
        () = connection.closed() => {}
    }
}

/// Serves to the end of the connection or, once stopped, to the end of the request in flight.
async fn until_stopped<C: GracefulConnection>(mut connection: Pin<&mut C>, stop: &CancellationToken) {
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// A socket that reports reads and blocked writes, so that no client is waited for forever.
struct Watched {
    socket: TcpStream,
    connection: Arc<Connection>,
}

impl Watched {
    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        self.connection.writes(written.is_pending());
        written
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.connection.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, bytes);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
