//! The first words, in whichever era the server understands.

use std::time::{Duration, Instant};

use json::Node;

use super::Transport;
use super::error::DiscoverError;
use super::wire::{Wire, client_info};
use crate::message::parse_from_upstream;
use crate::method::Method;
use crate::version::{Era, ProtocolVersion};

/// How long a server may take to show that it speaks the modern era as well.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// What a server says when it is greeted.
pub(super) struct Hello {
    pub(super) version: ProtocolVersion,
    pub(super) server_name: Option<String>,
    pub(super) server_version: Option<String>,
    pub(super) capabilities_raw: String,
    pub(super) instructions: Option<String>,
    pub(super) tools_supported: bool,
    pub(super) prompts_supported: bool,
    pub(super) resources_supported: bool,
    pub(super) latency: Duration,
}

/// Greets the server: by `initialize`, and if that is not understood by `server/discover`, and if
/// that is not either on the old transport. The first failure is the one to report.
pub(super) async fn hello(wire: &mut Wire<'_>) -> Result<Hello, DiscoverError> {
    if wire.transport() == Transport::Sse {
        wire.open_channel().await?;
        return initialize(wire).await;
    }
    let first = match initialize(wire).await {
        Err(error) if error.is_era_evidence() => error,
        settled => return settled,
    };
    if let Ok(hello) = server_discover(wire).await {
        return Ok(hello);
    }
    wire.speak(None);
    match wire.open_channel().await {
        Ok(()) => initialize(wire).await,
        Err(_) => Err(first),
    }
}

/// Whether a server that was met in the legacy era understands the modern one too.
pub(super) async fn also_speaks_modern(wire: &mut Wire<'_>) -> bool {
    if wire.transport() == Transport::Sse {
        return false;
    }
    let version = wire.speaks();
    let probe = tokio::time::timeout(PROBE_TIMEOUT, server_discover(wire)).await;
    wire.speak(version);
    matches!(probe, Ok(Ok(_)))
}

async fn initialize(wire: &mut Wire<'_>) -> Result<Hello, DiscoverError> {
    let start = Instant::now();
    let (version, us) = (ProtocolVersion::LATEST_LEGACY, client_info());
    let members = format!(r#""protocolVersion":"{version}","capabilities":{{}},"clientInfo":{us}"#);
    let answer = wire.ask(Method::Initialize, &members).await?;
    let latency = start.elapsed();
    let hello = read(&answer, |result| {
        let version = result.get("protocolVersion").and_then(Node::as_str).unwrap_or_default();
        let known = ProtocolVersion::find(&version).filter(|known| known.era() == Era::Legacy);
        known.ok_or_else(|| version.into_owned())
    })?;
    wire.speak(Some(hello.version));
    wire.tell(Method::Initialized).await?;
    Ok(Hello { latency, ..hello })
}

async fn server_discover(wire: &mut Wire<'_>) -> Result<Hello, DiscoverError> {
    let start = Instant::now();
    wire.speak(Some(ProtocolVersion::LATEST));
    let answer = wire.ask(Method::ServerDiscover, "").await?;
    let latency = start.elapsed();
    let hello = read(&answer, |result| {
        let supported = result.get("supportedVersions").into_iter().flat_map(Node::items);
        let named: Vec<_> = supported.filter_map(Node::as_str).collect();
        let is_known = named.iter().any(|name| name == ProtocolVersion::LATEST.as_str());
        if is_known { Ok(ProtocolVersion::LATEST) } else { Err(named.join(", ")) }
    })?;
    Ok(Hello { latency, ..hello })
}

fn read(
    answer: &[u8],
    version: impl Fn(Node<'_>) -> Result<ProtocolVersion, String>,
) -> Result<Hello, DiscoverError> {
    let malformed = || DiscoverError::BadList { pointer: "/result".to_owned() };
    let Ok(message) = parse_from_upstream(answer) else { return Err(malformed()) };
    let result = message.result().filter(|result| result.is_object()).ok_or_else(malformed)?;
    let version =
        version(result).map_err(|version| DiscoverError::UnsupportedVersion { version })?;
    let text =
        |node: Option<Node<'_>>| node.and_then(Node::as_str).map(std::borrow::Cow::into_owned);
    // Where the two eras put it.
    let server = result
        .get("serverInfo")
        .or_else(|| result.get("_meta")?.get("io.modelcontextprotocol/serverInfo"));
    let capabilities = result.get("capabilities").filter(|node| node.is_object());
    let supports = |name| capabilities.is_some_and(|node| node.get(name).is_some());
    Ok(Hello {
        version,
        server_name: text(server.and_then(|server| server.get("name"))),
        server_version: text(server.and_then(|server| server.get("version"))),
        capabilities_raw: capabilities.map_or("{}", Node::raw_str).to_owned(),
        instructions: text(result.get("instructions")),
        tools_supported: supports("tools"),
        prompts_supported: supports("prompts"),
        resources_supported: supports("resources"),
        latency: Duration::ZERO,
    })
}
