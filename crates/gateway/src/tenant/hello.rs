//! What the gateway says of itself on the per-tenant URL.

use http::HeaderMap;
use json::Node;
use mcp::answer;
use mcp::headers::MCP_SESSION_ID;
use mcp::version::{Era, ProtocolVersion};
use rand::RngCore;

use crate::path::Post;
use crate::refusal::Refusal;
use crate::session::store::{SessionKey, TenantSession};
use crate::upstream::Answer;

/// Largest `params` of `initialize` that servers are told; longer ones are told less.
const MAX_PARAMS: usize = 16 << 10;
const CAPABILITIES: &str = r#"{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"listChanged":true},"tasks":{"cancel":{},"requests":{"tools":{"call":{}}}}}"#;
const MODERN_CAPABILITIES: &str = r#"{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"listChanged":true},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
const INSTRUCTIONS: &str = "Tools of several servers behind one address. A tool is named by its \
    server and its own name, with two underscores between. An answer that begins with [POLICY \
    DENIED] or [APPROVAL REQUIRED] says what the rules of this organisation ask for.";

/// A session that a client asks for, and the revision agreed on.
pub(crate) struct Greeting {
    pub(crate) version: ProtocolVersion,
    pub(crate) session: TenantSession,
}

/// What is agreed on with a client that initializes where the gateway is the server.
pub(crate) fn greeting(post: &Post<'_>) -> Greeting {
    let wanted = post.call.message.param("protocolVersion").and_then(Node::as_str);
    let wanted = wanted.as_deref().and_then(ProtocolVersion::find);
    let version = wanted
        .filter(|version| version.era() == Era::Legacy)
        .unwrap_or(ProtocolVersion::LATEST_LEGACY);
    let params = params(post, version);
    let session = TenantSession { version: version.to_string(), params, level: None };
    Greeting { version, session }
}

/// Opens a session; sessions with servers are opened when they are first needed.
pub(super) async fn initialize(post: &Post<'_>) -> Result<Answer, Refusal> {
    let Greeting { version, session } = greeting(post);
    let mut key = SessionKey::default();
    rand::rng().fill_bytes(&mut key);
    post.gw
        .sessions
        .create(post.caller.view.id, key, session)
        .await
        .map_err(|_lost| Refusal::Unavailable)?;
    let sealed = post.gw.seals.session(post.caller.holder(), &key);
    let sealed = sealed.and_then(|sealed| sealed.parse().ok()).ok_or(Refusal::Unavailable)?;
    let members = format!(
        r#""protocolVersion":"{version}","capabilities":{CAPABILITIES},"serverInfo":{},"instructions":{}"#,
        server_info(),
        json::quoted(INSTRUCTIONS)
    );
    let mut answer = ours(post, &members);
    if let Answer::Whole(whole) = &mut answer {
        whole.headers = HeaderMap::from_iter([(MCP_SESSION_ID, sealed)]);
    }
    Ok(answer)
}

/// What the client said of itself, for servers to be told.
fn params(post: &Post<'_>, version: ProtocolVersion) -> String {
    match post.call.message.params() {
        Some(params) if params.raw().len() <= MAX_PARAMS => params.raw_str().to_owned(),
        _ => format!(
            r#"{{"protocolVersion":"{version}","capabilities":{{}},"clientInfo":{{"name":"drawbridge","version":"{}"}}}}"#,
            env!("CARGO_PKG_VERSION")
        ),
    }
}

/// `server/discover` of the stateless revision.
pub(super) fn discover(post: &Post<'_>) -> Answer {
    let members = format!(
        r#""supportedVersions":["{}"],"capabilities":{MODERN_CAPABILITIES},"instructions":{},"ttlMs":0,"cacheScope":"private","_meta":{{"io.modelcontextprotocol/serverInfo":{}}}"#,
        ProtocolVersion::LATEST,
        json::quoted(INSTRUCTIONS),
        server_info()
    );
    ours(post, &members)
}

pub(super) fn pong(post: &Post<'_>) -> Answer {
    ours(post, "")
}

/// A result of our own.
pub(super) fn ours(post: &Post<'_>, members: &str) -> Answer {
    let id = post.call.message.id_raw().unwrap_or_default();
    Answer::ours(answer::result(id, post.call.dialect.era, members))
}

/// What the gateway calls itself.
pub(crate) fn server_info() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(r#"{{"name":"drawbridge","title":"Drawbridge","version":"{version}"}}"#)
}
