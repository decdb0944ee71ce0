//! A request of the stateless era, written for a server with sessions: under a number of our own,
//! without what the client says of itself in each request. The rest is copied byte for byte.

use bytes::Bytes;
use json::{Member, Node};
use mcp::era::{META_CAPABILITIES, META_CLIENT, META_VERSION};
use mcp::message::Message;
use mcp::method::Method;

use super::state;
use crate::bridge::askable::Askable;
use crate::bridge::splices::{self, Fate};
use crate::path::Post;
use crate::target::Target;

/// `_meta` key of the log messages that a client wants.
pub(in crate::bridge) const META_LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const PROGRESS: &str = "progressToken";
/// The levels of log messages, the gravest last.
pub(in crate::bridge) const LEVELS: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// See the module.
pub(crate) struct Request {
    pub(super) body: Bytes,
    /// Its id at the server.
    pub(super) number: u64,
    pub(super) askable: Askable,
    pub(super) heard: Heard,
    /// What answers and state are bound to.
    pub(super) digest: [u8; 32],
    /// The state that the client brings back, and its answers as an object.
    state: Option<String>,
    responses: Option<String>,
    /// What a `subscriptions/listen` wants.
    pub(super) wanted: Wanted,
}

/// What the client wants to hear on the way.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    /// The token of its progress, as written.
    pub(super) progress: Option<String>,
    /// The mildest log message, as its place in [`LEVELS`].
    pub(super) level: Option<usize>,
}

/// The changes that a client wants to hear of.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) tools: bool,
    pub(super) prompts: bool,
    pub(super) resources: bool,
    pub(super) uris: Vec<String>,
}

impl Request {
    pub(crate) fn of(post: &Post<'_>, target: &Target) -> Self {
        let message = post.call.message;
        let number = post.gw.bridges.fresh_id();
        let meta = |key| message.meta().and_then(|meta| meta.get(key));
        let text = |node: Option<Node<'_>>| node.map(|node| node.raw_str().to_owned());
        let level = meta(META_LOG_LEVEL);
        Self {
            body: encoded(message, number, target.own_name(message).as_deref()).into(),
            number,
            askable: Askable::read(meta(META_CAPABILITIES)),
            heard: Heard {
                progress: text(meta(PROGRESS)),
                level: LEVELS.iter().position(|known| level.is_some_and(|l| l.is_str(known))),
            },
            digest: state::digest(message, &target.subject),
            state: message.param("requestState").and_then(Node::as_str).map(Into::into),
            responses: text(message.param("inputResponses")),
            wanted: Wanted::read(message),
        }
    }

    /// The state that the client brings back with its answers, if it does.
    pub(super) fn answers(&self) -> Option<(String, String)> {
        let state = self.state.clone()?;
        Some((state, self.responses.clone().unwrap_or_else(|| "{}".to_owned())))
    }
}

/// The judged bytes under another id; `own_name` as JSON, where the server has another name for
/// what is called.
pub(in crate::bridge) fn encoded(
    message: &Message<'_>,
    number: u64,
    own_name: Option<&str>,
) -> Vec<u8> {
    let source = message.bytes();
    let ours = [META_VERSION, META_CAPABILITIES, META_CLIENT, META_LOG_LEVEL];
    let is_ours = |member: &Member<'_>| ours.iter().any(|key| member.key_is(key));
    let meta = |meta| splices::object(source, Some(meta), |m| Fate::left_out_if(is_ours(m)), &[]);
    let meta = message.meta().map(meta).filter(|left| left != "{}");
    let judge = |member: &Member<'_>| match member.key().as_ref() {
        "_meta" => meta.clone().map_or(Fate::LeftOut, Fate::Replaced),
        "name" => Fate::replaced_by(own_name.map(str::to_owned)),
        "inputResponses" | "requestState" => Fate::LeftOut,
        _ => Fate::Kept,
    };
    let params = splices::object(source, message.params(), judge, &[]);
    let root = message.root();
    let edits: Vec<_> = splices::id(root, &number.to_string())
        .into_iter()
        .chain([splices::params(root, params)])
        .collect();
    json::splice(source, &edits)
}

impl Wanted {
    fn read(message: &Message<'_>) -> Self {
        if message.method() != Method::SubscriptionsListen {
            return Self::default();
        }
        let wanted = message.param("notifications");
        let is = |key| wanted.and_then(|w| w.get(key)?.as_bool()).unwrap_or_default();
        let uris = wanted.and_then(|wanted| wanted.get("resourceSubscriptions"));
        let uris = uris.into_iter().flat_map(Node::items).filter_map(Node::as_str);
        Self {
            tools: is("toolsListChanged"),
            prompts: is("promptsListChanged"),
            resources: is("resourcesListChanged"),
            uris: uris.map(Into::into).collect(),
        }
    }
}
