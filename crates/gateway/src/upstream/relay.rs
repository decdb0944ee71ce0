//! A stream of events on its way from a server to a client: each judged as it arrives and passed
//! on at once, byte for byte unless the policy edits it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use mcp::headers;
use mcp::message::{self, MessageKind};
use mcp::sse::{self, Decoder, Event};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::answer::Seen;
use super::exchange::Exchange;
use super::judge::{Act, Judge, Judged, Scope, expiry};
use super::reading::{Reading, Refused};
use super::wire::{self, Way};
use crate::call::Verdict;
use crate::gateway::Gateway;
use crate::refusal::{Asked, Refusal};
use crate::trail::{Phase, Trail};

/// How long a server may take to accept a refusal of what it asked.
const DECLINE_DEADLINE: Duration = Duration::from_secs(10);

/// How far is looked ahead in a stream.
const MAX_AHEAD: usize = 64;
const MAX_BYTES_AHEAD: usize = 1 << 20;
/// How long a server may keep its stream open after the answer.
const AFTER_ANSWER: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct Relay {
    gw: Arc<Gateway>,
    headers: HeaderMap,
    upstream: Option<Reading>,
    decoder: Decoder,
    judge: Judge,
    scope: Scope,
    changes: watch::Receiver<i64>,
    way: Way,
    ready: VecDeque<Bytes>,
    /// Events that were looked at and not passed on yet.
    ahead: VecDeque<Event>,
    /// The answer that the stream is for; none on a GET.
    awaited: Option<Awaited>,
    trail: Option<Trail>,
    /// The server gave its events ids, so a client can come back for the rest.
    is_resumable: bool,
    /// It ends only when someone ends it.
    is_endless: bool,
    /// When a stream that has given its answer is closed.
    ends_at: Option<tokio::time::Instant>,
    /// Its events are merged with those of other streams.
    is_merged: bool,
    /// The share of a stream that is no call in what its organisation may have open.
    room: Option<OwnedSemaphorePermit>,
}

struct Awaited {
    asked: Asked,
    verdict: Verdict,
    outlives_client: bool,
    first_byte: Duration,
}

impl Relay {
    /// Of the stream that answers a POST.
    pub(super) fn of_post(
        gw: &Arc<Gateway>,
        exchange: Exchange,
        (way, headers): (Way, HeaderMap),
        response: http::Response<Reading>,
        verdict: Verdict,
    ) -> Self {
        let judge = Judge::of_post(gw, &exchange);
        let is_endless = exchange.method == mcp::method::Method::SubscriptionsListen;
        let awaited = Awaited {
            outlives_client: exchange.outlives_client(),
            first_byte: exchange.first_byte(gw),
            asked: exchange.asked,
            verdict,
        };
        let body = response.into_body();
        let mut relay = Self::new(gw, judge, exchange.scope, way, headers, body, Some(awaited));
        relay.is_endless = is_endless;
        if is_endless {
            // Who only listens keeps no call from its place.
            relay.way.seat = None;
        }
        relay
    }

    /// Of a stream of its own.
    pub(crate) fn of_get(
        gw: &Arc<Gateway>,
        judge: Judge,
        scope: Scope,
        way: Way,
        response: http::Response<Reading>,
        room: OwnedSemaphorePermit,
    ) -> Self {
        let mut headers = headers::for_client(response.headers());
        headers.remove(CONTENT_TYPE);
        let mut relay = Self::new(gw, judge, scope, way, headers, response.into_body(), None);
        relay.is_endless = true;
        relay.room = Some(room);
        relay
    }

    /// Of a stream that is merged with others: its messages alone, without ids and comments.
    pub(crate) fn of_news(
        gw: &Arc<Gateway>,
        judge: Judge,
        scope: Scope,
        way: Way,
        response: http::Response<Reading>,
    ) -> Self {
        let body = response.into_body();
        let mut relay = Self::new(gw, judge, scope, way, HeaderMap::new(), body, None);
        relay.is_endless = true;
        relay.is_merged = true;
        relay
    }

    fn new(
        gw: &Arc<Gateway>,
        judge: Judge,
        scope: Scope,
        way: Way,
        headers: HeaderMap,
        upstream: Reading,
        awaited: Option<Awaited>,
    ) -> Self {
        Self {
            headers,
            upstream: Some(upstream),
            decoder: Decoder::with_limit(gw.settings.max_answer_bytes),
            judge,
            changes: scope.live.changes(),
            scope,
            way: way.for_our_own(),
            ready: VecDeque::new(),
            ahead: VecDeque::new(),
            awaited,
            trail: None,
            is_resumable: false,
            is_endless: false,
            ends_at: None,
            is_merged: false,
            room: None,
            gw: Arc::clone(gw),
        }
    }

    /// The response; the trail of a call moves into its body.
    pub(crate) fn into_response(mut self, mut trail: Trail) -> Response {
        trail.status(|status| status.http = StatusCode::OK.as_u16());
        if let (true, Some(awaited)) = (self.is_endless, &self.awaited) {
            // It is no longer a call that is under way, but a stream that is open.
            trail.listens(&self.scope.live);
            // Hanging up is how such a stream ends.
            let Verdict { outcome, rule, message } = &awaited.verdict;
            trail.outcome(*outcome, rule, message);
        }
        let mut timed = Response::default();
        trail.time(&mut timed);
        self.trail = Some(trail);
        let mut response = self.into_stream();
        response.headers_mut().extend(timed.into_parts().0.headers);
        response
    }

    /// The response of a stream that is no call.
    pub(crate) fn into_stream(mut self) -> Response {
        let mut headers = std::mem::take(&mut self.headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        let events = stream::unfold(self, |mut relay| async move {
            relay.next().await.map(|bytes| (Ok::<_, std::convert::Infallible>(bytes), relay))
        });
        let mut response = Response::new(Body::from_stream(events));
        *response.headers_mut() = headers;
        response
    }

    /// The next bytes for the client; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some(bytes);
            }
            if let Some(event) = self.ahead.pop_front() {
                self.pass(event).await;
                continue;
            }
            match self.decoder.next_event() {
                Ok(Some(event)) => self.pass(event).await,
                Ok(None) if self.upstream.is_none() && self.awaited.is_none() => return None,
                Ok(None) if self.upstream.is_none() => self.ended(),
                Ok(None) => self.wait().await,
                Err(error) => self.give_up(Refusal::Upstream(error.to_string())),
            }
        }
    }

    /// Looks ahead to the answer: the code of its error. `None` if it is none, if the server asks
    /// something first, or if it has much to say before. Nothing is passed on meanwhile.
    pub(crate) async fn error_ahead(&mut self) -> Option<i64> {
        let (deadline, mut bytes) = (self.gw.settings.list_deadline, 0);
        let until = tokio::time::Instant::now() + deadline;
        while self.ahead.len() < MAX_AHEAD && bytes < MAX_BYTES_AHEAD {
            let Some(event) = self.decoder.next_event().ok()? else {
                self.upstream.as_ref()?;
                tokio::time::timeout_at(until, self.wait()).await.ok()?;
                continue;
            };
            bytes += event.data.as_ref().map_or(0, Bytes::len);
            let message = event.data.as_ref().map(|data| message::parse_from_upstream(data));
            let told = message.and_then(Result::ok).map(|message| {
                let code = message.error().and_then(|error| error.get("code")?.as_number());
                (message.kind(), code.and_then(|code| code.parse().ok()))
            });
            self.ahead.push_back(event);
            match told {
                Some((MessageKind::Response, code)) => return code,
                Some((MessageKind::Request, _)) => return None,
                Some((MessageKind::Notification, _)) | None => {}
            }
        }
        None
    }

    /// Waits for more from the server, for silence, or for a reason to end.
    async fn wait(&mut self) {
        let Some(upstream) = &mut self.upstream else { return };
        tokio::select! {
            frame = upstream.frame() => match frame {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.decoder.push(&data);
                    }
                }
                Some(Err(cause)) => match cause.downcast::<Refused>() {
                    Ok(refused) => self.give_up(refused.0),
                    Err(_) => self.ended(),
                },
                None => self.ended(),
            },
            () = tokio::time::sleep(self.gw.settings.keep_alive) => {
                if !self.is_merged {
                    self.ready.push_back(sse::comment("keep-alive"));
                }
                self.end_if_revoked();
            }
            _ = self.changes.changed() => self.end_if_revoked(),
            () = expiry(&self.scope.live, self.scope.standing, &self.gw.clock) => {
                self.end_if_revoked();
            }
            () = self.gw.closing.cancelled(), if self.is_endless => self.hang_up(),
            () = at(self.ends_at) => self.hang_up(),
            () = self.gw.cutting.cancelled() => self.give_up(Refusal::CutOff),
        }
    }

    /// A stream ends with the grant that it was opened by.
    fn end_if_revoked(&mut self) {
        if self.scope.binding(&self.gw).is_none() {
            self.hang_up();
            self.ready.clear();
        }
    }

    /// Nobody waits any more.
    fn hang_up(&mut self) {
        self.upstream = None;
        self.awaited = None;
    }

    async fn pass(&mut self, event: Event) {
        // A grant may have ended by time alone, of which nobody tells.
        self.end_if_revoked();
        if self.upstream.is_none() && self.awaited.is_none() && self.trail.is_none() {
            return;
        }
        if !self.is_resumable && event.id.as_ref().is_some_and(|id| !id.is_empty()) {
            self.is_resumable = true;
            self.judge.remember().await;
        }
        let Some(data) = event.data.as_ref().filter(|data| !data.is_empty()) else {
            if !self.is_merged {
                let takes_out = self.judge.takes_out();
                self.give(if takes_out { event.stripped(b"") } else { event.for_client() });
            }
            return;
        };
        let judged = self.judge.message(data).await;
        if self.is_merged {
            return self.pass_merged(judged, data).await;
        }
        let edited = match judged.act {
            Act::Pass if self.judge.takes_out() => event.stripped(data),
            Act::Pass => event.for_client(),
            Act::Replace(bytes) if self.judge.takes_out() => event.stripped(&bytes),
            Act::Replace(bytes) => event.with_data(&bytes),
            Act::Drop => event.without_data(),
            Act::Decline(answer) => return self.decline(answer).await,
            // Not a message, and not called one. Some clients read every event as a message
            // whatever it is called, so only its id passes.
            Act::Refuse(_) if !event.is_message() && judged.seen.is_none() => event.without_data(),
            Act::Refuse(refusal) => return self.refuse(refusal, &event),
        };
        self.give(edited);
        if let Some(seen) = judged.seen {
            self.answered(seen);
        }
    }

    /// Of a merged stream only questions and news pass: nobody waits on it for an answer.
    async fn pass_merged(&mut self, judged: Judged, data: &[u8]) {
        match judged.act {
            _ if judged.seen.is_some() => {}
            Act::Pass => self.give(sse::encode(Some("message"), None, data)),
            Act::Replace(bytes) => self.give(sse::encode(Some("message"), None, &bytes)),
            Act::Decline(answer) => self.decline(answer).await,
            Act::Drop | Act::Refuse(_) => {}
        }
    }

    /// Bytes for the client.
    fn give(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        if let Some(trail) = &mut self.trail {
            trail.answered(bytes.len());
        }
        self.ready.push_back(bytes);
    }

    /// The call's answer is about to go by: its record is complete, and appended before the
    /// client has the answer's last byte.
    fn answered(&mut self, seen: Seen) {
        let Some(mut trail) = self.trail.take() else { return };
        let Some(awaited) = self.awaited.take() else { return };
        self.ends_at = Some(tokio::time::Instant::now() + AFTER_ANSWER);
        let Verdict { outcome, rule, message } = &awaited.verdict;
        trail.phase(Phase::Upstream);
        trail.outcome(*outcome, rule, message);
        trail.status(|status| {
            status.jsonrpc = seen.jsonrpc;
            status.is_error = seen.is_error;
        });
    }

    /// The client gets a refusal in the place of an event. It is the answer: nothing follows it.
    fn refuse(&mut self, refusal: Refusal, event: &Event) {
        let Some(message) = self.refused(refusal) else { return };
        self.upstream = None;
        self.decoder = Decoder::default();
        self.ready.push_back(event.with_data(&message));
    }

    async fn decline(&mut self, answer: Vec<u8>) {
        let way = self.way.clone();
        let sent = way.send(&self.gw, Method::POST, answer.into(), DECLINE_DEADLINE).await;
        if let Err(error) = sent {
            tracing::info!(error = ?error, "a server could not be told that it may not ask");
        }
    }

    /// The server's stream is over. Without the answer that it was for, the client is told,
    /// unless it can come back for the rest.
    fn ended(&mut self) {
        self.upstream = None;
        if self.is_resumable {
            // The client comes back with the last event's id; the answer is read there.
            self.answered(Seen::default());
        } else if self.awaited.is_some() {
            let text = "The server's stream ended without an answer.";
            self.give_up(Refusal::Upstream(text.to_owned()));
        }
    }

    fn give_up(&mut self, refusal: Refusal) {
        self.upstream = None;
        self.decoder = Decoder::default();
        let Some(message) = self.refused(refusal) else { return };
        self.ready.push_back(sse::encode(Some("message"), None, &message));
    }

    /// Closes the record with a refusal; what the client is told, if it still waits.
    fn refused(&mut self, refusal: Refusal) -> Option<Vec<u8>> {
        let mut trail = self.trail.take()?;
        let awaited = self.awaited.take()?;
        trail.phase(Phase::Upstream);
        let message = refusal.message(&awaited.asked, &mut trail);
        trail.answered(message.len());
        Some(message)
    }
}

/// At that time, if there is one.
async fn at(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

impl Drop for Relay {
    /// A client that hangs up cancels nothing where the era says so.
    fn drop(&mut self) {
        let (Some(awaited), Some(upstream)) = (self.awaited.take(), self.upstream.take()) else {
            return;
        };
        if awaited.outlives_client {
            let rest = wire::drain(upstream, self.way.seat.take());
            wire::linger(&self.gw, awaited.first_byte, rest);
        }
    }
}
