//! Messages that want no answer: a client's notifications, and its answers to what a server
//! asked. They are passed on or dropped, and 202 either way; nothing is recorded.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use mcp::message::MessageKind;
use mcp::version::Era;

use crate::bridge::{Crossing, up};
use crate::call::Call;
use crate::gateway::Gateway;
use crate::identify::{Caller, Place};
use crate::permit;
use crate::refusal::Refusal;
use crate::session::joined::Joined;
use crate::tasks::{self, Asking};
use crate::tenant;
use crate::upstream::Answer;
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
        (_, Place::Server(binding)) if binding.server.is_paused => Ok(Answer::accepted()),
        (_, Place::Server(binding)) => {
            if Crossing::of(call.dialect.era, session, &binding.server)? != Crossing::None {
                if let Some((key, _)) = session.row() {
                    up::heard(gw, key, call.message);
                }
                return Ok(Answer::accepted());
            }
            if !permit::forwards_notification(call.method(), call.dialect.era) {
                return Ok(Answer::accepted());
            }
            // What belongs to a task that is not this grant's is not passed on.
            let Ok(opened) = tasks::opened(&gw.seals, caller.holder(), call) else {
                return Ok(Answer::accepted());
            };
            let body = match opened.edits.as_slice() {
                [] => bytes.clone(),
                edits => json::splice(bytes, edits).into(),
            };
            wire::note(gw, Way::direct(binding, session, headers), body).await
        }
        // A task is one server's: what belongs to it is not for all of them.
        (_, Place::Tenant) if call.message.related_task().is_some() => Ok(Answer::accepted()),
        (_, Place::Tenant) => {
            if let Some((key, _)) = session.row() {
                up::heard(gw, key, call.message);
            }
            tenant::broadcast(gw, caller, session, call.method(), bytes).await;
            Ok(Answer::accepted())
        }
    }
}

/// For an answer that is no answer to anything that waits for one.
pub(crate) const UNASKED: Refusal =
    Refusal::Http(StatusCode::BAD_REQUEST, "Bad Request: nobody asked for this answer");

/// The client's answer to what a server asked of it, in this session, and nothing else.
async fn answer(
    gw: &Arc<Gateway>,
    caller: &Caller,
    call: &Call<'_>,
    session: &Joined,
    bytes: &Bytes,
    headers: &HeaderMap,
) -> Result<Answer, Refusal> {
    if call.dialect.era == Era::Modern {
        return Err(UNASKED);
    }
    let id = call.message.root().get("id").ok_or(UNASKED)?;
    let presented = id.as_str().ok_or(UNASKED)?;
    let (holder, now) = (caller.holder(), gw.clock.now());
    let asked = gw.seals.open_request(holder, session.binding(), presented.as_bytes(), now);
    let asked = asked.ok_or(UNASKED)?;
    let binding: &Arc<BindingView> = caller.grant.binding_to(asked.server).ok_or(UNASKED)?;
    if binding.server.is_paused {
        return Ok(Answer::accepted());
    }
    // The policy may have changed since it was asked.
    let asking = Asking::tagged(asked.method).ok_or(UNASKED)?;
    if !permit::may_ask(binding, asking.judged) {
        return Err(UNASKED);
    }
    if Crossing::of(Era::Legacy, session, &binding.server)? == Crossing::Up {
        let (key, _) = session.row().ok_or(Refusal::NoSession)?;
        return up::answered(gw, key, &asked.id, call.message).await;
    }
    let within = (holder, session.binding());
    let edits = tasks::answered(&gw.seals, within, asked.server, asking, call.message);
    let mut edits = edits.ok_or(UNASKED)?;
    edits.push((id.span(), Cow::Owned(asked.id)));
    let body = json::splice(bytes, &edits);
    let way = match session {
        Joined::Tenant(key, _) => tenant::way_back(gw, *key, binding).await?,
        Joined::Outside | Joined::Direct(_) | Joined::Bridged(..) => {
            Way::direct(binding, session, headers)
        }
    };
    wire::note(gw, way, body.into()).await
}
