//! Takes connections. Of a crowd that comes at once only so many are served at a time, so that memory stays small; the
//! others wait for a moment, and nobody is refused.
use super::Front;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections whose first request is under way.
const FIRST_REQUESTS: usize = 512;
/// How long one more waits for its turn: then it is served all the same, since those ahead may be slow on purpose.
const TURN: Duration = Duration::from_secs(2);
/// How long a client may be silent, and how long the head of a request may take: longer than proxies keep a connection
/// that nobody uses, so that it is they who close it.
const SILENCE: Duration = Duration::from_secs(75);
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
            let turn = tokio::time::timeout(TURN, crowd.acquire_owned()).await;
            let turn = turn.ok().and_then(Result::ok);
            Box::pin(talk(socket, peer, front, turn, stop)).await;
        });
    }
}

/// Answers all requests of one connection. `turn` is over with the first.
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
    let service = service_fn(|request| {
        let turn = turn.lock().unwrap_or_else(PoisonError::into_inner).take();
        let front = &front;
        async move {
            let response = front.answer(peer, request).await;
            drop(turn);
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(SILENCE);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(socket), service));
    // What goes wrong now is the client's doing: it went away, or does not speak HTTP.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
