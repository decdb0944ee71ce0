//! A client with a session at a stateless server. The session is the gateway's own, a row that
//! every replica reads; what the client said when it initialized goes along with each request.
//! What the server asks by an answer is asked of the client as a request of its era, and the call
//! is made again with what it answered.

mod answers;
pub(crate) mod cancel;
mod conversation;
mod greet;
pub(crate) mod listen;
pub(in crate::bridge) mod request;

use std::sync::Arc;

use http::{HeaderValue, Method as HttpMethod, StatusCode};
use json::Node;
use mcp::answer;
use mcp::message::Message;
use mcp::method::Method;
use mcp::version::Era;

use super::down::LEVELS;
use super::errand::Errand;
use super::retell::{self, Messages};
use crate::gateway::Gateway;
use crate::notes::UNASKED;
use crate::refusal::Refusal;
use crate::session::store::SessionKey;
use crate::upstream::{Answer, Failed, Sent};
use conversation::Conversation;

pub(crate) use request::{Request, described, way};

/// Names of what is noted in a session.
pub(crate) mod note {
    /// The level of log messages that the client wants.
    pub(crate) const LEVEL: &str = "level";
    /// A resource that the client watches.
    pub(crate) const WATCH: &str = "watch:";
    /// A question that waits for its answer.
    pub(crate) const ASKED: &str = "asked:";
    /// What the client answered to a question.
    pub(crate) const ANSWER: &str = "answer:";
}

/// Resources that a session watches at most, and how long their names are.
const MAX_WATCHED: usize = 256;
const MAX_URI: usize = 4_096;
/// Largest answer of a client to a question.
const MAX_ANSWER: usize = 1 << 20;

pub(crate) const NO_SESSION_NAMED: Refusal =
    Refusal::Http(StatusCode::BAD_REQUEST, "Bad Request: one Mcp-Session-Id is required");

/// Runs an errand.
pub(super) async fn run(errand: Errand, request: Request) -> Sent {
    match errand.method {
        Method::Initialize => Box::pin(greet::initialize(&errand, request)).await,
        Method::Ping => Ok(done(&errand)),
        Method::LoggingSetLevel => set_level(&errand, &request).await,
        Method::ResourcesSubscribe | Method::ResourcesUnsubscribe => watch(&errand, &request).await,
        _ => Box::pin(call(errand, request)).await,
    }
}

fn done(errand: &Errand) -> http::Response<crate::upstream::reading::Reading> {
    retell::whole(answer::result(&errand.id, Era::Legacy, ""), StatusCode::OK)
}

/// Kept in the session, and sent along with each request.
async fn set_level(errand: &Errand, request: &Request) -> Sent {
    let key = request.key().map_err(Failed::unsent)?;
    let level = LEVELS.iter().find(|known| request.level.as_deref() == Some(**known));
    let unknown = || Failed::unsent(Refusal::BadParams("\"level\" is not a level."));
    let level = level.ok_or_else(unknown)?.to_string();
    noted(errand, key, note::LEVEL.to_owned(), Some(level)).await
}

/// Kept in the session; the client's stream listens for it.
async fn watch(errand: &Errand, request: &Request) -> Sent {
    let key = request.key().map_err(Failed::unsent)?;
    let is_on = errand.method == Method::ResourcesSubscribe;
    let watched = errand.gw.sessions.notes(key, note::WATCH).await;
    let watched = watched.map_err(|_lost| Failed::unsent(Refusal::Unavailable))?;
    if is_on && (watched.len() >= MAX_WATCHED || request.subject.len() > MAX_URI) {
        let text = "This session cannot watch more resources.";
        return Err(Failed::unsent(Refusal::BadParams(text)));
    }
    let name = format!("{}{}", note::WATCH, request.subject);
    noted(errand, key, name, is_on.then(String::new)).await
}

async fn noted(errand: &Errand, key: SessionKey, name: String, word: Option<String>) -> Sent {
    match errand.gw.sessions.note(key, name, word).await {
        Ok(()) => Ok(done(errand)),
        Err(_lost) => Err(Failed::unsent(Refusal::Unavailable)),
    }
}

async fn call(errand: Errand, request: Request) -> Sent {
    let key = request.key().map_err(Failed::unsent)?;
    let under_way = errand.gw.bridges.under_way.begin(key, &errand.id);
    let mut way = request.way.clone();
    way.headers.extend(errand.trace.clone());
    let sending = way.send(&errand.gw, HttpMethod::POST, request.body.clone(), errand.first_byte);
    let sent = under_way.token.run_until_cancelled(sending).await;
    let response = sent.ok_or_else(|| Failed::sent(Refusal::Cancelled))??;
    let messages = Messages::of(&errand.gw, response).await.map_err(Failed::sent)?;
    let (server_streams, client_streams) = (messages.is_stream(), errand.accepts.stream);
    let conversation = Conversation::begin(errand, request, key, messages, under_way);
    retell::respond(conversation, server_streams, client_streams).await
}

// === What the client says without asking ===

/// Takes note of a notification. Most are about sessions, which the server knows nothing of.
pub(crate) fn heard(gw: &Gateway, key: SessionKey, message: &Message<'_>) {
    if message.method() == Method::Cancelled
        && let Some(id) = message.param("requestId")
    {
        gw.bridges.under_way.cancel(key, id.raw_str());
    }
}

/// Takes the client's answer to a question, for whichever replica asked.
pub(crate) async fn answered(
    gw: &Arc<Gateway>,
    key: SessionKey,
    asked: &[u8],
    message: &Message<'_>,
) -> Result<Answer, Refusal> {
    if message.bytes().len() > MAX_ANSWER {
        let text = "The answer is too large.";
        return Err(Refusal::Http(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    let tape = json::parse(asked).ok();
    let id = tape.as_ref().and_then(|tape| tape.root().as_str()).ok_or(UNASKED)?;
    // Nothing is kept that nobody waits for, and of two answers the first one counts.
    let waits = gw.sessions.take(key, format!("{}{id}", note::ASKED)).await;
    waits.map_err(|_lost| Refusal::NoSession)?.ok_or(UNASKED)?;
    let text = String::from_utf8_lossy(message.bytes()).into_owned();
    let kept = gw.sessions.note(key, format!("{}{id}", note::ANSWER), Some(text)).await;
    kept.map_err(|_lost| Refusal::NoSession)?;
    Ok(Answer::accepted())
}

/// The header of a session that was opened.
fn session_header(sealed: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(sealed).ok()
}

fn text_of(node: Option<Node<'_>>) -> Option<String> {
    node.and_then(Node::as_str).map(Into::into)
}
