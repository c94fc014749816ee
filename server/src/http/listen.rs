//! Takes connections. Of a crowd that comes at once only so many are served at a time, so that memory stays small; the
//! others wait for a moment, and nobody is refused.
use super::Front;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections whose first request is under way.
const FIRST_REQUESTS: usize = 512;
/// How long a first request counts among them, and how long one more waits: those ahead may be slow on purpose, or wait
/// for news.
const TURN: Duration = Duration::from_secs(2);
/// How long a client may say nothing at all.
const SILENCE: Duration = Duration::from_secs(75);
/// How long a connection is kept that nobody uses: longer than proxies keep theirs, so that it is they who close it
/// (<https://cloud.google.com/load-balancing/docs/https#timeouts_and_retries>).
const KEPT: Duration = Duration::from_secs(620);
/// How long to leave the system alone that has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Serves until told to stop, and then what is under way. Connections are among `tasks`.
pub async fn serve(listener: TcpListener, front: Front, stop: CancellationToken, tasks: TaskTracker) {
    let crowd = Arc::new(Semaphore::new(FIRST_REQUESTS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(NO_ROOM).await;
                continue;
            }
        };
        let (front, crowd, stop) = (front.clone(), crowd.clone(), stop.clone());
        tasks.spawn(async move {
            // Who has said nothing yet needs no more than this.
            tokio::select! {
                ready = tokio::time::timeout(SILENCE, socket.readable()) => if !matches!(ready, Ok(Ok(()))) { return },
                () = stop.cancelled() => return,
            }
            // Who has waited long enough is served all the same.
            let turn = tokio::time::timeout(TURN, crowd.acquire_owned()).await;
            let turn = turn.ok().and_then(Result::ok);
            Box::pin(talk(socket, peer, front, turn, stop)).await;
        });
    }
}

/// Answers all requests of one connection. `turn` is over with the first answer, or when it has lasted long enough.
async fn talk(
    socket: TcpStream,
    peer: SocketAddr,
    front: Front,
    turn: Option<OwnedSemaphorePermit>,
    stop: CancellationToken,
) {
    // An answer is written at once.
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let turn = Mutex::new(turn);
    let end_turn = || drop(turn.lock().unwrap_or_else(PoisonError::into_inner).take());
    let service = service_fn(|request| {
        let (front, end_turn) = (&front, &end_turn);
        async move {
            let response = front.answer(peer, request).await;
            end_turn();
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(KEPT);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(socket), service));
    // What goes wrong now is the client's doing: it went away, or does not speak HTTP.
    if tokio::time::timeout(TURN, until_stopped(connection.as_mut(), &stop)).await.is_ok() {
        return;
    }
    end_turn();
    until_stopped(connection, &stop).await;
}

/// Serves to the end of the connection; once stopped, to the end of the request under way.
async fn until_stopped<C: GracefulConnection>(mut connection: Pin<&mut C>, stop: &CancellationToken) {
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
