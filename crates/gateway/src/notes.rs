//! Messages that want no answer: a client's notifications, and its answers to what a server
//! asked. They are passed on or dropped, and 202 either way; nothing is recorded.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use mcp::message::MessageKind;
use mcp::version::Era;

use crate::call::Call;
use crate::gateway::Gateway;
use crate::identify::{Caller, Place};
use crate::permit;
use crate::refusal::Refusal;
use crate::session::joined::Joined;
use crate::tenant;
use crate::upstream::Answer;
use crate::upstream::judge::method_of_tag;
use crate::upstream::wire::{self, Way};
use crate::view::BindingView;

/// Passes on a notification or an answer of the client.
pub(crate) async fn pass_on(
    gw: &Arc<Gateway>,
    caller: &Caller,
    call: &Call<'_>,
    session: &Joined,
    bytes: &Bytes,
    headers: &HeaderMap,
) -> Result<Answer, Refusal> {
    if caller.view.is_paused {
        return Ok(Answer::accepted());
    }
    match (call.message.kind(), &caller.place) {
        (MessageKind::Response, _) => answer(gw, caller, call, session, bytes, headers).await,
        (_, Place::Server(binding)) => {
            if !permit::forwards_notification(call.method(), call.dialect.era) {
                return Ok(Answer::accepted());
            }
            let way = Way::direct(binding, session, headers);
            wire::note(gw, way, bytes.clone()).await
        }
        (_, Place::Tenant) => {
            tenant::broadcast(gw, caller, session, call.method(), bytes).await;
            Ok(Answer::accepted())
        }
    }
}

/// The client's answer to what a server asked of it, in this session, and nothing else.
async fn answer(
    gw: &Arc<Gateway>,
    caller: &Caller,
    call: &Call<'_>,
    session: &Joined,
    bytes: &Bytes,
    headers: &HeaderMap,
) -> Result<Answer, Refusal> {
    const UNASKED: Refusal =
        Refusal::Http(StatusCode::BAD_REQUEST, "Bad Request: nobody asked for this answer");
    if call.dialect.era == Era::Modern {
        return Err(UNASKED);
    }
    let id = call.message.root().get("id").ok_or(UNASKED)?;
    let presented = id.as_str().ok_or(UNASKED)?;
    let (holder, now) = (caller.holder(), gw.clock.now());
    let asked = gw.seals.open_request(holder, session.binding(), presented.as_bytes(), now);
    let asked = asked.ok_or(UNASKED)?;
    let binding: &Arc<BindingView> = caller.grant.binding_to(asked.server).ok_or(UNASKED)?;
    // The policy may have changed since it was asked.
    if !method_of_tag(asked.method).is_some_and(|method| permit::may_ask(binding, method)) {
        return Err(UNASKED);
    }
    let body = json::splice(bytes, &[(id.span(), Cow::Borrowed(asked.id.as_slice()))]);
    let way = match session {
        Joined::Tenant(key, _) => tenant::way_back(gw, *key, binding).await?,
        Joined::Outside | Joined::Direct(_) => Way::direct(binding, session, headers),
    };
    wire::note(gw, way, body.into()).await
}
