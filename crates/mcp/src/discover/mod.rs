//! Meeting a server: the real handshake, every page of its tools, and a clear word if it fails.
//!
//! Both eras are tried the way clients try them: `initialize` first, then `server/discover`, then
//! the old transport with two endpoints. Whatever was opened is closed again.

mod error;
mod handshake;
mod tools;
mod wire;

use std::time::Duration;

use http::HeaderMap;
use url::Url;

use crate::client::Client;
use crate::version::{Era, ProtocolVersion};

pub use error::{DiscoverError, Hint};
pub use tools::ToolDefinition;
use wire::Wire;
pub use wire::endpoint_of as endpoint;

/// A server as a tenant described it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub url: Url,
    /// Its credentials.
    pub headers: HeaderMap,
    /// How it is believed to speak. One that turns out to speak HTTP+SSE is met all the same.
    pub transport: Transport,
}

/// The two HTTP transports of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One endpoint, since 2025-03-26.
    StreamableHttp,
    /// Two endpoints, 2024-11-05: a stream, and an address to post to that the stream names.
    Sse,
}

/// How much of a server's time and of our memory a discovery may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Everything together, farewell included.
    pub deadline: Duration,
    /// Pages of `tools/list`.
    pub max_pages: usize,
    /// Tools over all pages.
    pub max_tools: usize,
    /// Bytes of all answers.
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            max_pages: 200,
            max_tools: 10_000,
            max_bytes: 32 * 1024 * 1024,
        }
    }
}

/// What a server said about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// The version that both sides agreed on.
    pub version: ProtocolVersion,
    /// The transport it was met on.
    pub transport: Transport,
    /// The eras it was seen to speak, the one that was used first.
    pub eras: Vec<Era>,
    /// What it calls itself.
    pub server_name: Option<String>,
    /// Which version it says it is.
    pub server_version: Option<String>,
    /// Its capabilities as JSON.
    pub capabilities_raw: String,
    /// What it tells models about itself.
    pub instructions: Option<String>,
    /// Whether it says that it has tools.
    pub tools_supported: bool,
    /// Whether it says that it has prompts.
    pub prompts_supported: bool,
    /// Whether it says that it has resources.
    pub resources_supported: bool,
    /// Its tools, in its order.
    pub tools: Vec<ToolDefinition>,
    /// Tools that have no readable definition, or the name of an earlier one. They are left out.
    pub unreadable_tools: usize,
    /// How long it took to answer the first request that it answered.
    pub latency: Duration,
}

/// Meets a server and lists its tools.
pub async fn discover(
    client: &Client,
    target: &Target,
    limits: Limits,
) -> Result<Discovery, DiscoverError> {
    let mut wire = Wire::new(client, target, limits);
    // A tenth of the time is kept for the farewell.
    let farewell = limits.deadline / 10;
    let meeting = tokio::time::timeout(farewell * 9, meet(&mut wire, limits)).await;
    // A session that nobody ends is the server's to clean up.
    let _ = tokio::time::timeout(farewell, wire.end()).await;
    meeting.unwrap_or(Err(DiscoverError::TimedOut))
}

async fn meet(wire: &mut Wire<'_>, limits: Limits) -> Result<Discovery, DiscoverError> {
    let hello = handshake::hello(wire).await?;
    let list = tools::list(wire, hello.tools_supported, limits).await?;
    let mut eras = vec![hello.version.era()];
    if hello.version.era() == Era::Legacy && handshake::also_speaks_modern(wire).await {
        eras.push(Era::Modern);
    }
    Ok(Discovery {
        version: hello.version,
        transport: wire.transport(),
        eras,
        server_name: hello.server_name,
        server_version: hello.server_version,
        capabilities_raw: hello.capabilities_raw,
        instructions: hello.instructions,
        tools_supported: hello.tools_supported,
        prompts_supported: hello.prompts_supported,
        resources_supported: hello.resources_supported,
        tools: list.tools,
        unreadable_tools: list.unreadable,
        latency: hello.latency,
    })
}
