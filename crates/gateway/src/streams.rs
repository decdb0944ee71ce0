//! GET and DELETE, of the eras with sessions: the stream on which a server speaks unasked, and
//! the end of a session.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use mcp::headers::{MCP_SESSION_ID, for_client};
use mcp::version::Era;

use crate::bridge::{Crossing, up};
use crate::front::body::{self, is_stream};
use crate::gateway::Gateway;
use crate::identify::{Caller, Place};
use crate::inbound::Inbound;
use crate::refusal::Refusal;
use crate::session::joined::Joined;
use crate::tenant;
use crate::upstream::Relay;
use crate::upstream::judge::{Judge, Scope};
use crate::upstream::wire::{self, Way};

const DELETE_DEADLINE: Duration = Duration::from_secs(10);

/// The stream of one server; on the per-tenant URL, of all of them.
pub(crate) async fn open(gw: &Arc<Gateway>, request: &Inbound, caller: &Caller) -> Response {
    opened(gw, request, caller).await.unwrap_or_else(Refusal::without_call)
}

async fn opened(
    gw: &Arc<Gateway>,
    request: &Inbound,
    caller: &Caller,
) -> Result<Response, Refusal> {
    let is_tenant = matches!(caller.place, Place::Tenant);
    if is_tenant && !request.headers.contains_key(MCP_SESSION_ID) {
        // Without a session there is nothing to listen to.
        return Ok(not_allowed());
    }
    if !body::Accepts::of(&request.headers).stream {
        let text = "Accept must allow text/event-stream.";
        return Err(Refusal::Http(StatusCode::NOT_ACCEPTABLE, text));
    }
    let room = Arc::clone(&caller.live.stream_room).try_acquire_owned();
    let room = room.map_err(|_full| Refusal::Busy)?;
    let session = Joined::named(gw, caller, &request.headers).await?;
    let binding = match (&caller.place, &session) {
        (Place::Server(binding), _) => binding,
        (Place::Tenant, Joined::Tenant(key, row)) => {
            return Ok(tenant::listen(gw, caller, (*key, row.clone()), room));
        }
        (Place::Tenant, _) => return Err(Refusal::NoSession),
    };
    let scope = Scope {
        live: Arc::clone(&caller.live),
        standing: caller.standing(),
        server: binding.server.id,
    };
    let _paused = scope.binding(gw).ok_or(Refusal::Unavailable)?;
    if Crossing::of(Era::Legacy, &session, &binding.server)? == Crossing::Up {
        let (key, row) = session.row().ok_or(up::NO_SESSION_NAMED)?;
        let Some(response) = up::listen::open(gw, &scope, binding, key, row).await? else {
            return Ok(not_allowed());
        };
        let judge = Judge::of_stream(gw, scope.clone(), caller.holder(), session.binding());
        let way = Way::with(binding, HeaderMap::new());
        return Ok(Relay::of_get(gw, judge, scope, way, response, room).into_stream());
    }
    let mut way = Way::direct(binding, &session, &request.headers).on_behalf_of(&scope);
    way.headers.remove(CONTENT_TYPE);
    way.headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    let sent = way.clone().send(gw, Method::GET, Bytes::new(), gw.settings.list_deadline).await;
    let response = sent.map_err(|error| Refusal::Upstream(error.to_string()))?;
    if response.status().is_success() && is_stream(response.headers()) {
        let judge = Judge::of_stream(gw, scope.clone(), caller.holder(), session.binding());
        way.headers.remove(ACCEPT);
        let way = Way::with(binding, way.headers);
        return Ok(Relay::of_get(gw, judge, scope, way, response, room).into_stream());
    }
    passed_on(&response)
}

/// Ends a session.
pub(crate) async fn close(gw: &Arc<Gateway>, request: &Inbound, caller: &Caller) -> Response {
    closed(gw, request, caller).await.unwrap_or_else(Refusal::without_call)
}

async fn closed(
    gw: &Arc<Gateway>,
    request: &Inbound,
    caller: &Caller,
) -> Result<Response, Refusal> {
    let session = Joined::named(gw, caller, &request.headers).await?;
    match (&session, &caller.place) {
        (Joined::Tenant(key, _) | Joined::Bridged(key, _), _) => {
            tenant::end(gw, caller, *key).await?;
            Ok(Response::default())
        }
        (_, Place::Server(binding)) => {
            let mut way = Way::direct(binding, &session, &request.headers);
            way.headers.remove(CONTENT_TYPE);
            let sent = way.send(gw, Method::DELETE, Bytes::new(), DELETE_DEADLINE).await;
            passed_on(&sent.map_err(|error| Refusal::Upstream(error.to_string()))?)
        }
        (_, Place::Tenant) => Err(Refusal::NoSession),
    }
}

/// A server's status, where clients find their way by it.
fn passed_on<B>(response: &http::Response<B>) -> Result<Response, Refusal> {
    let status = response.status();
    if !status.is_success() && !wire::passes(status) {
        return Err(Refusal::Upstream(wire::complaint(status)));
    }
    let mut answer = Response::default();
    *answer.status_mut() = status;
    *answer.headers_mut() = for_client(response.headers());
    answer.headers_mut().remove(CONTENT_TYPE);
    Ok(answer)
}

/// What is not offered here, as clients expect to be told.
pub(crate) fn not_allowed() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    let allowed = HeaderValue::from_static("POST, DELETE, OPTIONS");
    response.headers_mut().insert(ALLOW, allowed);
    response
}
