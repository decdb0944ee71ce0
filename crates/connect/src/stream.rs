//! Messages on their way to one HTTP client, as a stream of events. Bounded: a client that does
//! not read loses its stream, and holds up nobody else.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use mcp::sse;
use tokio::sync::mpsc;

/// Messages that may wait for their client.
const ROOM: usize = 1_024;
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where messages go in.
pub(crate) type Sender = mpsc::Sender<Bytes>;

/// A way for messages to a client.
pub(crate) fn open() -> (Sender, mpsc::Receiver<Bytes>) {
    mpsc::channel(ROOM)
}

/// The response that carries them. `guard` is dropped with it, however it ends.
pub(crate) fn response<G: Send + 'static>(messages: mpsc::Receiver<Bytes>, guard: G) -> Response {
    let events = stream::unfold((messages, guard), |(mut messages, guard)| async move {
        let event = match tokio::time::timeout(KEEP_ALIVE, messages.recv()).await {
            Ok(Some(message)) => sse::encode(Some("message"), None, &message),
            Ok(None) => return None,
            Err(_silence) => sse::comment("keep-alive"),
        };
        Some((Ok::<_, Infallible>(event), (messages, guard)))
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
