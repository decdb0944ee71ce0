//! What a server answered, judged, on its way to the client.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use mcp::client::read_all;
use mcp::headers::{self, MCP_SESSION_ID};

use super::exchange::Exchange;
use super::judge::{Act, Judge};
use super::reading::Reading;
use super::relay::Relay;
use super::wire;
use crate::call::Verdict;
use crate::front::body::json_response;
use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::session::joined::{DirectSession, Joined};
use crate::session::seal::MAX_SESSION;
use crate::trail::Trail;

/// Bodies of errors are short.
const MAX_ERROR: usize = 64 << 10;

/// What goes back to the client.
pub(crate) enum Answer {
    /// One JSON-RPC answer.
    Whole(Whole),
    /// A stream, with the answer somewhere in it.
    Stream(Box<Relay>),
    /// A stream of the gateway's own, which answers nothing.
    Open(Response),
    /// A status that says it all.
    Bare(StatusCode, HeaderMap),
}

/// One JSON-RPC answer, or what a server said instead of one.
pub(crate) struct Whole {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) seen: Seen,
    pub(crate) verdict: Verdict,
}

/// What a JSON-RPC answer says of its own success.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) jsonrpc: Option<i64>,
    pub(crate) is_error: Option<bool>,
}

impl Answer {
    pub(crate) fn accepted() -> Self {
        Self::bare(StatusCode::ACCEPTED)
    }

    pub(crate) fn bare(status: StatusCode) -> Self {
        Self::Bare(status, HeaderMap::new())
    }

    /// An answer of the gateway itself.
    pub(crate) fn ours(body: Vec<u8>) -> Self {
        Self::Whole(Whole {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: body.into(),
            seen: Seen::default(),
            verdict: Verdict::allowed(),
        })
    }

    /// Reads and judges an answer that is not a stream.
    pub(super) async fn read(
        gw: &Arc<Gateway>,
        exchange: Exchange,
        response: http::Response<Reading>,
        verdict: Verdict,
    ) -> Result<Self, Refusal> {
        let (head, body) = response.into_parts();
        let is_success = head.status.is_success();
        let limit = if is_success { gw.settings.max_answer_bytes } else { MAX_ERROR };
        let read = tokio::time::timeout(exchange.first_byte(gw), read_all(body, limit)).await;
        let body = match read {
            Ok(Ok(body)) => body,
            Ok(Err(error)) => return Err(Refusal::Upstream(error.to_string())),
            Err(_elapsed) => {
                return Err(Refusal::Upstream("The server's answer did not end in time.".into()));
            }
        };
        if !is_success {
            return read_failure(gw, &exchange, head.status, &head.headers, body).await;
        }
        let mut judge = Judge::of_post(gw, &exchange);
        let judged = judge.message(&body).await;
        let seen = judged.seen.ok_or_else(bad_answer)?;
        let body = match judged.act {
            Act::Pass => body,
            Act::Replace(bytes) => bytes.into(),
            Act::Refuse(refusal) => return Err(refusal),
            Act::Drop | Act::Decline(_) => return Err(bad_answer()),
        };
        let headers = client_headers(gw, &exchange, &head.headers)?;
        Ok(Self::Whole(Whole { status: head.status, headers, body, seen, verdict }))
    }

    /// Sends it off; the record is closed with it, or moves into the stream.
    pub(crate) fn finish(self, mut trail: Trail) -> Response {
        match self {
            Self::Whole(whole) => whole.finish(&mut trail),
            Self::Stream(relay) => relay.into_response(trail),
            Self::Open(response) => {
                trail.outcome(domain::Outcome::Allowed, "", "");
                trail.status(|status| status.http = response.status().as_u16());
                response
            }
            Self::Bare(status, headers) => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                response
            }
        }
    }
}

impl Whole {
    fn finish(self, trail: &mut Trail) -> Response {
        let Verdict { outcome, rule, message } = &self.verdict;
        trail.outcome(*outcome, rule, message);
        trail.status(|status| {
            status.http = self.status.as_u16();
            status.jsonrpc = self.seen.jsonrpc;
            status.is_error = self.seen.is_error;
        });
        trail.answered(self.body.len());
        let mut response = json_response(self.status, self.body);
        response.headers_mut().extend(self.headers);
        trail.time(&mut response);
        response
    }
}

/// A server's answer that has another status than success. Clients find their way by some of
/// them; what carries a JSON-RPC error is an answer all the same.
async fn read_failure(
    gw: &Arc<Gateway>,
    exchange: &Exchange,
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Answer, Refusal> {
    if wire::may_be_forgotten(status) {
        exchange.forget_session(gw).await;
    }
    // A login challenge is for the gateway, whatever it says to the client.
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return Err(Refusal::Upstream(wire::complaint(status)));
    }
    let judged = Judge::of_post(gw, exchange).message(&body).await;
    let is_error = judged.seen.is_some_and(|seen| seen.jsonrpc.is_some());
    let error = match judged.act {
        Act::Pass if is_error => Some(body),
        Act::Replace(bytes) if is_error => Some(bytes.into()),
        Act::Refuse(refusal @ Refusal::Denied(_)) if is_error => return Err(refusal),
        _ => None,
    };
    if error.is_none() && !wire::passes(status) {
        return Err(Refusal::Upstream(wire::complaint(status)));
    }
    let verdict = Verdict { outcome: domain::Outcome::UpstreamError, ..Verdict::allowed() };
    Ok(Answer::Whole(Whole {
        status,
        headers: headers::for_client(headers),
        body: error.unwrap_or_default(),
        seen: judged.seen.unwrap_or_default(),
        verdict,
    }))
}

/// The headers of an answer; the id of a session that it opens is sealed.
pub(super) fn client_headers(
    gw: &Gateway,
    exchange: &Exchange,
    upstream: &HeaderMap,
) -> Result<HeaderMap, Refusal> {
    let mut headers = headers::for_client(upstream);
    if let Some(id) = upstream.get(MCP_SESSION_ID).filter(|_| exchange.opens_session()) {
        if id.len() > MAX_SESSION {
            return Err(Refusal::Upstream(TOO_LONG.to_owned()));
        }
        let session =
            DirectSession { client: exchange.client.clone(), upstream: id.as_bytes().to_vec() };
        // A bridge has sealed its own.
        let is_sealed = exchange.is_bridged.then(|| id.clone());
        let sealed = is_sealed.or_else(|| session.sealed(&gw.seals, exchange.holder));
        let sealed = sealed.ok_or_else(|| Refusal::Upstream(TOO_LONG.to_owned()))?;
        headers.insert(MCP_SESSION_ID, sealed);
    }
    // Ours is JSON whatever the server called it; a stream says so itself.
    headers.remove(CONTENT_TYPE);
    Ok(headers)
}

/// What is said of a server whose session id cannot be carried ([`MAX_SESSION`]).
const TOO_LONG: &str = "The server's session id is longer than 5 120 bytes, which is more than can \
                        be passed on to a client in a header.";

pub(super) fn bad_answer() -> Refusal {
    Refusal::Upstream(
        "The server's answer is not a JSON-RPC answer. Is its URL that of an MCP server?".into(),
    )
}

impl Exchange {
    /// A server that no longer knows the session it gave to the gateway is asked for a new one
    /// when the client comes back.
    async fn forget_session(&self, gw: &Gateway) {
        if let Joined::Tenant(key, _) = &self.session {
            crate::tenant::leave(gw, *key, self.scope.server).await;
        }
    }
}
