//! `resources/read` on the per-tenant URL. URIs say nothing of their server, so the servers whose
//! policy lets it be read are asked in the order of their slugs, until one has it. One that asks
//! for input first is found again by its `requestState`, into which the server is sealed.

use std::borrow::Cow;

use domain::ServerId;
use json::Node;
use sha2::{Digest, Sha256};

use crate::bridge::splices::{self, Fate};
use crate::path::Post;
use crate::refusal::{Refusal, Thing};
use crate::session::seal::{Holder, Seals};
use crate::target::Target;
use crate::trail::Trail;
use crate::upstream::Answer;

const NOT_FOUND: [i64; 2] = [-32_002, -32_602];
const STATE: &str = "requestState";

pub(super) async fn read(post: &Post<'_>, trail: &mut Trail) -> Result<Answer, Refusal> {
    if [STATE, "inputResponses"].iter().any(|key| post.call.message.param(key).is_some()) {
        return again(post, trail).await;
    }
    let uri = post.call.subject().into_owned();
    let mut last = Err(Refusal::Hidden(Thing::Resource(uri.clone()), policy::rule::HIDDEN));
    for binding in &post.caller.grant.bindings {
        let target = Target::new(&post.caller.grant, binding, uri.clone(), post.bytes.clone());
        match post.forward(target, trail).await {
            Ok(mut answer) => {
                if !is_not_found(&mut answer).await {
                    return Ok(answer);
                }
                last = Ok(answer);
            }
            Err(Refusal::Hidden(..)) => {}
            // The first reason that says something is the one that is told.
            Err(refusal) if matches!(last, Err(Refusal::Hidden(..))) => last = Err(refusal),
            Err(_) => {}
        }
    }
    last
}

/// What a server asked for goes to that server, and to no other.
async fn again(post: &Post<'_>, trail: &mut Trail) -> Result<Answer, Refusal> {
    let uri = post.call.subject().into_owned();
    let presented = post.call.message.param(STATE).and_then(Node::as_str);
    let carried = presented.and_then(|presented| {
        Carried::open(&post.gw.seals, post.caller.holder(), &uri, &presented)
    });
    let bad = "\"requestState\" is not one that was given for this resource. Repeat without it.";
    let carried = carried.ok_or(Refusal::BadParams(bad))?;
    let binding = post.caller.grant.binding_to(carried.server).ok_or(Refusal::BadParams(bad))?;
    let own = |member: &json::Member<'_>| match (member.key_is(STATE), carried.state.is_empty()) {
        (false, _) => Fate::Kept,
        (true, true) => Fate::LeftOut,
        (true, false) => Fate::Replaced(carried.state.clone()),
    };
    let params = splices::object(post.bytes, post.call.message.params(), own, &[]);
    let edit = splices::params(post.call.message.root(), params);
    let body = json::splice(post.bytes, &[edit]).into();
    let binding = std::sync::Arc::clone(binding);
    post.forward(Target::new(&post.caller.grant, &binding, uri, body), trail).await
}

/// A server's `requestState` on its way through a client, with whose it is and for which resource.
pub(crate) struct Carried {
    server: ServerId,
    /// As JSON; empty where the server gave none.
    state: String,
}

impl Carried {
    fn open(seals: &Seals, holder: Holder, uri: &str, presented: &str) -> Option<Self> {
        let content = seals.open_carried(holder, presented.as_bytes())?;
        let (server, rest) = content.split_first_chunk::<16>()?;
        let (digest, state) = rest.split_first_chunk::<32>()?;
        let is_same = *digest == <[u8; 32]>::from(Sha256::digest(uri));
        is_same.then_some(Self {
            server: ServerId::from_uuid(uuid::Uuid::from_bytes(*server)),
            state: String::from_utf8(state.to_vec()).ok()?,
        })
    }

    /// The edit of a result that asks for input: its state, sealed. `None` if it cannot be carried.
    pub(crate) fn seal(
        seals: &Seals,
        holder: Holder,
        (server, uri): (ServerId, &str),
        result: Node<'_>,
    ) -> Option<(std::ops::Range<usize>, Cow<'static, [u8]>)> {
        let own = result.get(STATE);
        let state = own.map(Node::raw).unwrap_or_default();
        let digest = <[u8; 32]>::from(Sha256::digest(uri));
        let content = [server.as_uuid().as_bytes(), &digest[..], state].concat();
        let sealed = json::quoted(&seals.carried(holder, &content)?);
        let end = result.span().end.saturating_sub(1);
        Some(match own {
            Some(own) => (own.span(), Cow::Owned(sealed.into_bytes())),
            // It has members: it said that it asks.
            None => (end..end, Cow::Owned(format!(",\"{STATE}\":{sealed}").into_bytes())),
        })
    }
}

async fn is_not_found(answer: &mut Answer) -> bool {
    let code = match answer {
        Answer::Whole(whole) => whole.seen.jsonrpc,
        Answer::Stream(relay) => relay.error_ahead().await,
        Answer::Bare(..) | Answer::Open(_) => None,
    };
    code.is_some_and(|code| NOT_FOUND.contains(&code))
}
