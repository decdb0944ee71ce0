//! How a server looks from outside.

use chrono::{DateTime, Utc};
use domain::{ServerId, ServerStatus, Slug, Transport};
use serde::Serialize;
use store::servers::Server;

use crate::acts;
use crate::failure::Failure;
use crate::guard::Can;
use crate::urls;

/// A server. Of its credentials only the names of the headers are shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ServerView {
    #[schema(value_type = String, example = "srv_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    id: ServerId,
    /// Its name for people.
    name: String,
    /// Its name in gateway URLs.
    #[schema(value_type = String, example = "billing")]
    slug: Slug,
    /// Where it is.
    url: String,
    /// How it is spoken to: `auto`, `streamable_http` or `sse`.
    #[schema(value_type = String)]
    transport: Transport,
    auth: AuthView,
    /// Where MCP clients reach it, with a grant.
    gateway_url: String,
    /// What the last discovery found: `new`, `ready`, `unreachable` or `unauthorized`.
    #[schema(value_type = String, example = "ready")]
    status: ServerStatus,
    /// Why it is not ready, in a sentence.
    problem: Option<String>,
    /// Tools that it lists.
    tools_count: i64,
    /// Protocol revisions that it speaks, newest first.
    protocol_versions: Vec<String>,
    /// What it calls itself.
    server_name: Option<String>,
    server_version: Option<String>,
    /// When it was last discovered successfully.
    discovered_at: Option<DateTime<Utc>>,
    /// Since when nothing is forwarded to it; null while it is not paused.
    paused_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

/// What is added to each request.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AuthView {
    /// `none` or `headers`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Names of the headers; their values never come back.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    header_names: Vec<String>,
}

impl ServerView {
    /// The view of a row.
    pub(super) fn new<P>(caller: &Can<P>, server: Server) -> Self {
        let gateway = &caller.app().settings().gateway_url;
        let kind = if server.auth_header_names.is_empty() { "none" } else { "headers" };
        Self {
            id: server.id,
            gateway_url: urls::gateway_server(gateway, caller.slug(), &server.slug),
            name: server.name,
            slug: server.slug,
            url: server.url,
            transport: server.transport,
            auth: AuthView { kind, header_names: server.auth_header_names },
            status: server.status,
            problem: server.problem,
            tools_count: server.tools_count,
            protocol_versions: server.protocol_versions,
            server_name: server.server_name,
            server_version: server.server_version,
            discovered_at: server.discovered_at,
            paused_at: server.paused_at,
            created_at: server.created_at,
        }
    }

    /// The server of this id as it is now.
    pub(super) async fn read<P>(caller: &mut Can<P>, id: ServerId) -> Result<Self, Failure> {
        let server = acts::servers::find(caller, id).await?;
        Ok(Self::new(caller, server))
    }
}
