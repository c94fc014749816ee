//! Closes a connection on which the rest of a request is still to come: no other request could follow there.
use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// A request's body, which notes when it has been read to its end.
pub(super) struct Watched {
    body: Incoming,
    is_read: Arc<AtomicBool>,
}

/// Whether the body has been read to its end.
pub(super) struct Unread(Arc<AtomicBool>);

impl Unread {
    /// Watches `body` while it is read.
    pub(super) fn watch(body: Incoming) -> (Watched, Self) {
        let is_read = Arc::new(AtomicBool::new(body.is_end_stream()));
        (Watched { body, is_read: is_read.clone() }, Self(is_read))
    }

    /// The response, which says that the connection closes unless the whole request was read.
    pub(super) fn close(&self, mut response: Response) -> Response {
        if !self.0.load(Ordering::Relaxed) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.is_read.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
