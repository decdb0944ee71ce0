//! A request of a client with a session, written for a stateless server: with what the client
//! said when it initialized, and the headers that mirror the body. The rest is copied byte for
//! byte, the id included.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use json::{Member, Node};
use mcp::era::{self, META_CAPABILITIES, META_CLIENT, META_VERSION};
use mcp::headers::{MCP_METHOD, MCP_NAME, MCP_PROTOCOL_VERSION};
use mcp::message::Message;
use mcp::method::Method;
use mcp::version::{Era, ProtocolVersion};

use super::{NO_SESSION_NAMED, text_of};
use crate::bridge::askable::Askable;
use crate::bridge::down::META_LOG_LEVEL;
use crate::bridge::splices::{self, Fate};
use crate::call::{Call, ClientName};
use crate::path::Post;
use crate::permit;
use crate::refusal::Refusal;
use crate::session::store::{SessionKey, TenantSession};
use crate::target::Target;
use crate::tenant::hello::{self, Greeting};
use crate::upstream::wire::Way;
use crate::view::{BindingView, GrantView};

/// See the module.
pub(crate) struct Request {
    pub(super) body: Bytes,
    pub(super) way: Way,
    pub(super) askable: Askable,
    pub(super) subject: String,
    /// What `logging/setLevel` wants.
    pub(super) level: Option<String>,
    /// What `initialize` agrees on.
    pub(super) greeting: Option<Greeting>,
    session: Option<SessionKey>,
    /// The bytes that were judged, and by what they are judged again.
    judged: Bytes,
    client: Option<ClientName>,
    digest: Option<[u8; 16]>,
}

impl Request {
    pub(crate) fn of(post: &Post<'_>, target: &Target) -> Self {
        let (call, message) = (post.call, post.call.message);
        let greeting = (call.method() == Method::Initialize).then(|| hello::greeting(post));
        let opened = post.session.row();
        let row = opened.map(|(_, row)| row).or(greeting.as_ref().map(|g| &g.session));
        let askable = row.map_or(Askable::default(), askable).within(&target.binding);
        // Without a stream there is no way to ask.
        let askable = if post.accepts.stream { askable } else { Askable::default() };
        Self {
            body: encoded(message, row, askable, target.own_name(message).as_deref()).into(),
            way: way(&target.binding, call.method(), mirrors(message, target)),
            askable,
            subject: target.subject.clone(),
            level: text_of(message.param("level")),
            greeting,
            session: opened.map(|(key, _)| key),
            judged: post.bytes.clone(),
            client: call.client.clone(),
            digest: call.session,
        }
    }

    /// The session that it belongs to.
    pub(super) fn key(&self) -> Result<SessionKey, Refusal> {
        self.session.ok_or(NO_SESSION_NAMED)
    }

    /// Judges the same bytes again: much may have changed while a person thought.
    pub(super) fn judge_again(
        &self,
        grant: &GrantView,
        binding: &Arc<BindingView>,
        at: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), Refusal> {
        let message = mcp::message::parse(&self.judged).map_err(Refusal::Malformed)?;
        let dialect = era::Dialect { era: Era::Legacy, version: None };
        let (client, session) = (self.client.clone(), self.digest);
        let call = Call { message: &message, dialect, client, session, at };
        permit::authorize(grant, binding, &call, &self.subject).map(drop)
    }
}

/// The way to a stateless server, for a message of this method.
pub(crate) fn way(binding: &BindingView, method: Method, mut mirrors: HeaderMap) -> Way {
    let version = HeaderValue::from_static("2026-07-28");
    mirrors.insert(MCP_PROTOCOL_VERSION, version);
    mirrors.insert(MCP_METHOD, HeaderValue::from_static(method.name()));
    Way::with(binding, mirrors)
}

/// The headers that mirror what a request is about, and the arguments that its tool wants there.
fn mirrors(message: &Message<'_>, target: &Target) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if message.method().subject().is_some() {
        headers.insert(MCP_NAME, era::mirrored(&target.subject));
    }
    if message.method() == Method::ToolsCall {
        let mirrors = target.binding.server.mirrors(&target.subject);
        headers.extend(mcp::mirrors::headers(mirrors, message.arguments()));
    }
    headers
}

/// What the client can be asked, by its session.
fn askable(row: &TenantSession) -> Askable {
    let tape = json::parse(row.params.as_bytes()).ok();
    Askable::read(tape.as_ref().and_then(|tape| tape.root().get("capabilities")))
}

/// The judged bytes with what the session says; `own_name` as JSON, where the server has another
/// name for what is called.
pub(in crate::bridge) fn encoded(
    message: &Message<'_>,
    row: Option<&TenantSession>,
    askable: Askable,
    own_name: Option<&str>,
) -> Vec<u8> {
    let source = message.bytes();
    let meta = meta(row, askable, source, message.meta());
    let judge = |member: &Member<'_>| match member.key().as_ref() {
        "name" => Fate::replaced_by(own_name.map(str::to_owned)),
        // The first is written anew; the others only a stateless client sends.
        "_meta" | "inputResponses" | "requestState" => Fate::LeftOut,
        _ => Fate::Kept,
    };
    let params = splices::object(source, message.params(), judge, &[("_meta", meta)]);
    json::splice(source, &[splices::params(message.root(), params)])
}

/// `_meta` of a request of the gateway's own, on behalf of a session.
pub(crate) fn described(row: Option<&TenantSession>, binding: &BindingView) -> String {
    let askable = row.map_or(Askable::default(), askable).within(binding);
    meta(row, askable, b"", None)
}

fn meta(
    row: Option<&TenantSession>,
    askable: Askable,
    source: &[u8],
    written: Option<Node<'_>>,
) -> String {
    let tape = row.and_then(|row| json::parse(row.params.as_bytes()).ok());
    let client = tape.as_ref().and_then(|tape| tape.root().get("clientInfo"));
    let client = client.filter(|client| client.is_object()).map(Node::raw_str);
    let client = client.map_or_else(hello::server_info, str::to_owned);
    let level = row.and_then(|row| row.level.as_deref()).map(json::quoted);
    let ours = [
        (META_VERSION, json::quoted(ProtocolVersion::LATEST.as_str())),
        (META_CAPABILITIES, askable.written()),
        (META_CLIENT, client),
        (META_LOG_LEVEL, level.unwrap_or_default()),
    ];
    let is_ours = |member: &Member<'_>| ours.iter().any(|(key, _)| member.key_is(key));
    splices::object(source, written, |member| Fate::left_out_if(is_ours(member)), &ours)
}
