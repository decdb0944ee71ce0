//! Bridges: clients of one era at servers of the other.

mod both;
mod down;
mod up;

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::world::reply;

/// A stream that a test writes messages to.
pub(super) fn written_to(receiver: UnboundedReceiver<Value>) -> Response {
    let events = stream::unfold(receiver, |mut receiver| async move {
        let message = receiver.recv().await?;
        let event = Bytes::from(format!("event: message\ndata: {message}\n\n"));
        Some((Ok::<_, Infallible>(event), receiver))
    });
    reply(200, "text/event-stream", Body::from_stream(events))
}

/// The next message of a stream; none at its end.
pub(super) async fn message(body: &mut Incoming) -> Option<Value> {
    loop {
        let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.unwrap()?;
        let text = String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap();
        let data = text.lines().find_map(|line| line.strip_prefix("data:"));
        if let Some(data) = data {
            return Some(serde_json::from_str(data).unwrap());
        }
    }
}

/// Waits for what comes soon, or fails.
pub(super) async fn soon<T>(wanted: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(5), wanted).await.expect("in time")
}
