//! Opening a session of the gateway's own with a server that has sessions.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use json::Node;
use mcp::headers::MCP_SESSION_ID;
use mcp::method::Method;
use mcp::version::{Era, ProtocolVersion};

use super::ask::{Asking, Failure};
use super::judge::Scope;
use super::wire::{self, Way};
use crate::gateway::Gateway;
use crate::session::store::UpstreamSession;
use crate::view::BindingView;

/// How long a server may take to open a session.
const DEADLINE: Duration = Duration::from_secs(10);
const READY: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// Opens a session with these `params` of `initialize`; the server's whole answer comes with it.
/// What is held for it at the server's side of the gateway ends with the grant in `scope`.
pub(crate) async fn open(
    gw: &Arc<Gateway>,
    binding: &BindingView,
    params: &str,
    scope: &Scope,
) -> Result<(UpstreamSession, Bytes), Failure> {
    let way = Way::with(binding, HeaderMap::new()).on_behalf_of(scope);
    let asking = Asking::new(gw, way, DEADLINE);
    let (headers, answer) = asking.ask(Method::Initialize, params).await?;
    let chosen = json::parse(&answer).ok().and_then(|tape| {
        let version = tape.root().pointer("/result/protocolVersion").and_then(Node::as_str)?;
        ProtocolVersion::find(&version).filter(|version| version.era() == Era::Legacy)
    });
    let version = chosen.ok_or_else(|| Failure::of("The server speaks no revision in common."))?;
    let id = headers.get(MCP_SESSION_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let session = UpstreamSession { id, version: version.to_string() };
    let way = Way::opened(binding, &session).on_behalf_of(scope);
    // A server that does not take it will say so at the first call.
    let _taken = wire::note(gw, way, Bytes::from_static(READY.as_bytes())).await;
    Ok((session, answer))
}
