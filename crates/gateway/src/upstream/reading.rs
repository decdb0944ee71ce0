//! The body of a server's answer, whichever way it came: over HTTP, or sorted out of the one
//! stream of the old transport.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};

use super::channel::Fed;

/// See the module.
pub(crate) enum Reading {
    /// As the server sends it.
    Server(Incoming),
    /// What belongs to one request, out of a stream that many share.
    Channel(Fed),
    /// All of it, at once.
    Whole(Option<Bytes>),
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Body for Reading {
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        match self.get_mut() {
            Self::Server(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Channel(fed) => fed.poll_event(cx).map(|event| event.map(|e| Ok(Frame::data(e)))),
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }
}
