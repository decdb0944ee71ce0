//! `initialize` at a stateless server: answered by what the server says of itself, in a session
//! of our own.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use json::Node;
use mcp::headers::MCP_SESSION_ID;
use mcp::message;
use mcp::method::Method;
use rand::RngCore;

use super::request::{described, way};
use super::{Request, answers, session_header};
use crate::bridge::errand::Errand;
use crate::bridge::retell;
use crate::refusal::Refusal;
use crate::session::store::SessionKey;
use crate::upstream::ask::Asking;
use crate::upstream::{Failed, Sent};

const DEADLINE: Duration = Duration::from_secs(10);

pub(super) async fn initialize(errand: &Errand, request: Request) -> Sent {
    let Errand { gw, binding, .. } = errand;
    let Some(greeting) = request.greeting else { return Err(Failed::unsent(Refusal::NoSession)) };
    let params = format!(r#"{{"_meta":{}}}"#, described(Some(&greeting.session), binding));
    let way = way(binding, Method::ServerDiscover, HeaderMap::new());
    let asked = Asking::new(gw, way, DEADLINE).ask(Method::ServerDiscover, &params).await;
    let (_, found) = asked.map_err(|failure| Failed::unsent(Refusal::Upstream(failure.text)))?;
    let found = message::parse_from_upstream(&found).map_err(|_malformed| unreadable())?;
    let result = found.result().filter(|result| Node::is_object(*result)).ok_or_else(unreadable)?;
    let name = binding.server.slug.as_str();
    let version = greeting.version.as_str();
    let answer = answers::greeting(&errand.id, version, found.bytes(), result, name);
    let mut key = SessionKey::default();
    rand::rng().fill_bytes(&mut key);
    let unavailable = || Failed::unsent(Refusal::Unavailable);
    let sealed = gw.seals.bridged(errand.holder, &key).ok_or_else(unavailable)?;
    let sealed = session_header(&sealed).ok_or_else(unavailable)?;
    let kept = gw.sessions.create(errand.holder.organisation, key, greeting.session).await;
    kept.map_err(|_lost| unavailable())?;
    let mut response = retell::whole(answer, StatusCode::OK);
    response.headers_mut().insert(MCP_SESSION_ID, sealed);
    Ok(response)
}

fn unreadable() -> Failed {
    let text = "The server's answer to server/discover cannot be read.";
    Failed::unsent(Refusal::Upstream(text.to_owned()))
}
