//! An answer on its way over a bridge: read message by message from the server, whichever way it
//! chose to send them, and told message by message to the client.

use std::sync::Mutex;

use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use mcp::client::read_all;
use mcp::message;
use mcp::sse::{self, Decoder};

use crate::front::body::is_stream;
use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::upstream::reading::{Reading, Refused};
use crate::upstream::wire;
use crate::upstream::{Failed, Sent};

/// Bodies of errors are short.
const MAX_ERROR: usize = 64 << 10;

/// The messages of one answer.
pub(super) struct Messages {
    whole: Option<Bytes>,
    upstream: Option<Reading>,
    decoder: Decoder,
    /// The last event that can be resumed after.
    pub(super) last_event: Option<HeaderValue>,
}

impl Messages {
    /// Of a response. One without success counts only if it carries a JSON-RPC error.
    pub(super) async fn of(gw: &Gateway, response: Response<Reading>) -> Result<Self, Refusal> {
        let (head, body) = response.into_parts();
        let decoder = Decoder::with_limit(gw.settings.max_answer_bytes);
        let empty = Self { whole: None, upstream: None, decoder, last_event: None };
        if head.status.is_success() && is_stream(&head.headers) {
            return Ok(Self { upstream: Some(body), ..empty });
        }
        let limit = if head.status.is_success() { gw.settings.max_answer_bytes } else { MAX_ERROR };
        let read = tokio::time::timeout(gw.settings.call_deadline, read_all(body, limit)).await;
        let late = |_| Refusal::Upstream("The server's answer did not end in time.".to_owned());
        let whole = read.map_err(late)?.map_err(|e| Refusal::Upstream(e.to_string()));
        if head.status.is_success() {
            return Ok(Self { whole: Some(whole?), ..empty });
        }
        // A login challenge is for the gateway, whatever it says to the client.
        let is_challenge = [StatusCode::UNAUTHORIZED, StatusCode::PROXY_AUTHENTICATION_REQUIRED];
        match whole {
            Ok(whole) if is_error(&whole) && !is_challenge.contains(&head.status) => {
                Ok(Self { whole: Some(whole), ..empty })
            }
            _ => Err(Refusal::Upstream(wire::complaint(head.status))),
        }
    }

    /// Whether there may be more than one.
    pub(super) fn is_stream(&self) -> bool {
        self.upstream.is_some()
    }

    /// Goes on with another stream.
    pub(super) fn resume(&mut self, upstream: Reading) {
        self.upstream = Some(upstream);
    }

    /// The next message; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        if let Some(whole) = self.whole.take() {
            return Ok(Some(whole));
        }
        loop {
            let event = self.decoder.next_event();
            if let Some(event) = event.map_err(|error| Refusal::Upstream(error.to_string()))? {
                if let Some(id) = event.id.as_deref().filter(|id| !id.is_empty()) {
                    self.last_event = HeaderValue::from_bytes(id).ok();
                }
                match event.data.filter(|data| !data.is_empty()) {
                    Some(data) => return Ok(Some(data)),
                    None => continue,
                }
            }
            let Some(upstream) = &mut self.upstream else { return Ok(None) };
            match upstream.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.decoder.push(&data);
                    }
                }
                Some(Err(_)) | None => self.upstream = None,
            }
        }
    }
}

fn is_error(body: &[u8]) -> bool {
    message::parse_from_upstream(body).is_ok_and(|message| message.error().is_some())
}

// === Telling ===

/// What is told next.
pub(super) enum Said {
    /// Something on the way.
    Word(Vec<u8>),
    /// The answer, with the status it has if it is told alone.
    Answer(Vec<u8>, StatusCode),
    /// There will be no answer but this.
    Broken(Refusal),
}

impl Said {
    pub(super) fn answer(message: Vec<u8>) -> Self {
        Self::Answer(message, StatusCode::OK)
    }
}

/// One side's messages, retold in the other's era. Dropped when the client hangs up.
pub(super) trait Telling: Send + 'static {
    /// The next message for the client.
    fn next(&mut self) -> impl Future<Output = Said> + Send;
}

/// The response for the client: at once a stream where the server streams; else a stream only if
/// something has to be said before the answer.
pub(super) async fn respond(
    mut telling: impl Telling,
    server_streams: bool,
    client_streams: bool,
) -> Sent {
    if server_streams && client_streams {
        return Ok(streamed(telling, None));
    }
    loop {
        match telling.next().await {
            Said::Word(word) if client_streams => return Ok(streamed(telling, Some(word))),
            Said::Word(_) => {}
            Said::Answer(message, status) => return Ok(whole(message, status)),
            Said::Broken(refusal) => return Err(Failed::sent(refusal)),
        }
    }
}

/// One message as a response.
pub(super) fn whole(message: Vec<u8>, status: StatusCode) -> Response<Reading> {
    let mut response = Response::new(Reading::Whole(Some(message.into())));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    *response.headers_mut() = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
    response
}

/// A stream as a response.
pub(super) fn streamed(telling: impl Telling, first: Option<Vec<u8>>) -> Response<Reading> {
    let events = stream::unfold(Some((telling, first)), |state| async move {
        let (mut telling, first) = state?;
        let said = match first {
            Some(word) => Said::Word(word),
            None => telling.next().await,
        };
        Some(match said {
            Said::Word(word) => (Ok(framed(&word)), Some((telling, None))),
            Said::Answer(message, _) => (Ok(framed(&message)), None),
            Said::Broken(refusal) => (Err(Refused(refusal)), None),
        })
    });
    let body = UnsyncBoxBody::new(StreamBody::new(events));
    let mut response = Response::new(Reading::Retold(Mutex::new(body)));
    let events = HeaderValue::from_static("text/event-stream");
    *response.headers_mut() = HeaderMap::from_iter([(CONTENT_TYPE, events)]);
    response
}

fn framed(message: &[u8]) -> Frame<Bytes> {
    Frame::data(sse::encode(Some("message"), None, message))
}
