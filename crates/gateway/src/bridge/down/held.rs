//! Calls in the middle of which the server asked something. Their streams are held on this
//! replica, for some minutes and within bounds, until the client comes back with its answer.

use std::sync::Arc;

use dashmap::DashMap;
use mcp::method::Method;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::conversation::{Ask, Conversation, Told};
use super::request::Request;
use super::state::{self, Bound, GOOD_FOR, HoldId, NOTHING_HELD};
use super::{answers, call};
use crate::bridge::errand::Errand;
use crate::bridge::retell::{self, Said};
use crate::gateway::Gateway;
use crate::permit;
use crate::refusal::{Refusal, Ruling};
use crate::upstream::wire;
use crate::upstream::{Answer, Failed, Sent};

/// Calls held on one replica, and of one grant. Each also takes of its organisation's room for
/// streams.
const MAX_HELD: usize = 16_384;
const MAX_OF_GRANT: usize = 32;
/// The key of the one question that is asked at a time.
const KEY: &str = "1";

/// All held calls of one replica.
pub(crate) struct Holds {
    calls: DashMap<HoldId, Held>,
    room: Arc<Semaphore>,
}

struct Held {
    conversation: Box<Conversation>,
    ask: Ask,
    _room: OwnedSemaphorePermit,
    _share: OwnedSemaphorePermit,
}

impl Default for Holds {
    fn default() -> Self {
        Self { calls: DashMap::new(), room: Arc::new(Semaphore::new(MAX_HELD)) }
    }
}

impl Held {
    fn of(conversation: Box<Conversation>, ask: Ask) -> Option<Self> {
        let Errand { gw, scope, .. } = &conversation.errand;
        let calls = gw.bridges.held.calls.iter();
        let of_grant = calls
            .filter(|held| held.conversation.errand.scope.standing.grant == scope.standing.grant);
        if of_grant.count() >= MAX_OF_GRANT {
            return None;
        }
        let room = Arc::clone(&gw.bridges.held.room).try_acquire_owned().ok()?;
        let share = Arc::clone(&scope.live.stream_room).try_acquire_owned().ok()?;
        Some(Self { conversation, ask, _room: room, _share: share })
    }
}

/// Holds a call until its client comes back; what the client is told meanwhile. One that finds no
/// room is cancelled.
pub(super) fn hold(conversation: Box<Conversation>, ask: Ask) -> Said {
    let id: HoldId = rand::random();
    let Some(state) = sealed(&conversation, id) else { return Said::Broken(Refusal::Unavailable) };
    let question = question(&ask);
    let told = answers::input_required(&conversation.errand.id, &question, &state);
    let gw = Arc::clone(&conversation.errand.gw);
    let Some(held) = Held::of(conversation, ask) else { return Said::Broken(Refusal::Busy) };
    gw.bridges.held.calls.insert(id, held);
    expire(&gw, id);
    Said::answer(told)
}

/// Asks though nothing is held: the call is made anew when the client comes back.
pub(super) fn nothing(conversation: &Conversation, requests: &str) -> Said {
    match sealed(conversation, NOTHING_HELD) {
        Some(state) => {
            Said::answer(answers::input_required(&conversation.errand.id, requests, &state))
        }
        None => Said::Broken(Refusal::Unavailable),
    }
}

fn question(ask: &Ask) -> String {
    format!(r#"{{"{KEY}":{{"method":"{}","params":{}}}}}"#, ask.method.name(), ask.params)
}

fn sealed(conversation: &Conversation, id: HoldId) -> Option<String> {
    let Errand { gw, holder, scope, .. } = &conversation.errand;
    let bound = Bound { server: scope.server, digest: conversation.digest };
    state::sealed(&gw.seals, *holder, bound, id, gw.clock.now())
}

/// A call whose client does not come back is dropped, and thereby cancelled.
fn expire(gw: &Arc<Gateway>, id: HoldId) {
    let (weak, closing) = (Arc::downgrade(gw), gw.closing.clone());
    let good_for = GOOD_FOR.to_std().unwrap_or_default();
    gw.lingering.spawn(async move {
        let _closed = closing.run_until_cancelled(tokio::time::sleep(good_for)).await;
        if let Some(gw) = weak.upgrade() {
            gw.bridges.held.calls.remove(&id);
        }
    });
}

/// Goes on with a held call: its client came back with these answers.
pub(super) async fn go_on(
    errand: Errand,
    request: Request,
    (state, responses): (String, String),
) -> Sent {
    let bound = Bound { server: errand.scope.server, digest: request.digest };
    let Errand { gw, holder, .. } = &errand;
    let id = state::open(&gw.seals, *holder, bound, &state, gw.clock.now());
    let id = id.ok_or_else(|| Failed::unsent(Refusal::BadParams(NOT_GOOD)))?;
    if id == NOTHING_HELD {
        return call(errand, request).await;
    }
    let answer = json::parse(responses.as_bytes()).ok().and_then(|tape| {
        let answer = tape.root().get(KEY).filter(|answer| answer.is_object())?;
        Some(answer.raw_str().to_owned())
    });
    let Some(answer) = answer else {
        let text = "\"inputResponses\" does not answer what was asked.";
        return Err(Failed::unsent(Refusal::BadParams(text)));
    };
    let (_, held) = gw.bridges.held.calls.remove(&id).ok_or_else(gone)?;
    let Held { mut conversation, ask, .. } = held;
    // The policy may have changed since it was asked.
    if !permit::may_ask(&errand.binding, ask.method) {
        return Err(Failed::unsent(denied(ask.method)));
    }
    let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{answer}}}"#, ask.id);
    deliver(gw, &conversation, body).await.map_err(Failed::sent)?;
    let client_streams = errand.accepts.stream;
    conversation.errand = errand;
    conversation.heard = request.heard;
    let server_streams = conversation.is_stream();
    retell::respond(Told::of(conversation), server_streams, client_streams).await
}

/// Gives the server its answer. One that does not take it has forgotten that it asked.
async fn deliver(gw: &Gateway, conversation: &Conversation, body: String) -> Result<(), Refusal> {
    let changed = || Refusal::Upstream("The server was changed meanwhile.".to_owned());
    let way = conversation.way().ok_or_else(changed)?;
    match wire::note(gw, way, body.into()).await? {
        Answer::Bare(status, _) if !status.is_success() => {
            Err(Refusal::Upstream(wire::complaint(status)))
        }
        _ => Ok(()),
    }
}

const NOT_GOOD: &str =
    "\"requestState\" is not good for this call, or too old. Repeat the call without it.";

fn gone() -> Failed {
    Failed::unsent(Refusal::BadParams(
        "The call that waited for this answer is no longer held here. Repeat it from the start.",
    ))
}

fn denied(method: Method) -> Refusal {
    Refusal::Denied(Ruling {
        rule: "/server_requests".to_owned(),
        message: format!("The policy does not let this server ask {:?}.", method.name()),
    })
}
