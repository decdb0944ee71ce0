//! The body of a server's answer, whichever way it came: over HTTP, sorted out of the one stream
//! of the old transport, or as a bridge retells it in the other era.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, Incoming};

use super::channel::Fed;
use crate::refusal::Refusal;

/// See the module.
pub(crate) enum Reading {
    /// As the server sends it.
    Server(Incoming),
    /// What belongs to one request, out of a stream that many share.
    Channel(Fed),
    /// All of it, at once.
    Whole(Option<Bytes>),
    /// What a bridge makes of it. The mutex is never locked: it makes the body one that can be
    /// shared, as what holds it must be.
    Retold(Mutex<UnsyncBoxBody<Bytes, Refused>>),
}

/// Ends a body before its end: the client is told this in the place of the answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer was refused")]
pub(crate) struct Refused(pub(crate) Refusal);

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
            Self::Retold(body) => {
                let body = body.get_mut().unwrap_or_else(PoisonError::into_inner);
                Pin::new(body).poll_frame(cx).map_err(Into::into)
            }
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }
}
