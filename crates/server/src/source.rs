//! What the gateway asks of the database: snapshots of organisations.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use control::App;
use domain::vault::Keyring;
use domain::{GrantId, OrganisationId, ServerId, Slug, ToolState, UpstreamAuth};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use gateway::source::{
    BindingSnapshot, ConnectionSnapshot, GrantSnapshot, OrganisationSnapshot, PolicySnapshot,
    ServerSnapshot, Source, TokenSnapshot, ToolSnapshot, Unavailable,
};
use http::{HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use store::Store;
use store::snapshot::{BindingRow, ConnectionRow, ServerRow, Snapshot, TokenRow, ToolRow};

/// Reads snapshots, opens credentials.
pub(crate) struct Database {
    store: Store,
    keyring: Keyring,
    rediscover: Arc<ByControl>,
}

/// Lists a server's tools anew, through the control plane of this process. The two planes are
/// made one after the other, so it is known only after the gateway is.
#[derive(Default)]
pub(crate) struct ByControl(OnceLock<App>);

impl ByControl {
    /// From now on, by `app`.
    pub(crate) fn set(&self, app: App) {
        // Called once; a second time would change nothing.
        let _first = self.0.set(app);
    }
}

impl Database {
    pub(crate) fn new(store: Store, keyring: Keyring, rediscover: Arc<ByControl>) -> Self {
        Self { store, keyring, rediscover }
    }
}

impl Source for Database {
    fn organisation<'a>(
        &'a self,
        slug: &'a Slug,
    ) -> BoxFuture<'a, Result<Option<OrganisationSnapshot>, Unavailable>> {
        async move {
            let snapshot = self.store.snapshot(slug).await.map_err(Unavailable::because)?;
            Ok(snapshot.map(|snapshot| assemble(snapshot, &self.keyring)))
        }
        .boxed()
    }

    fn revision(
        &self,
        organisation: OrganisationId,
    ) -> BoxFuture<'_, Result<Option<i64>, Unavailable>> {
        async move { self.store.revision(organisation).await.map_err(Unavailable::because) }.boxed()
    }

    fn refresh(
        &self,
        organisation: OrganisationId,
        server: ServerId,
    ) -> BoxFuture<'_, Result<bool, Unavailable>> {
        async move {
            match self.rediscover.0.get() {
                Some(app) => Ok(app.rediscover(organisation, server).await),
                None => Ok(false),
            }
        }
        .boxed()
    }
}

fn assemble(snapshot: Snapshot, keyring: &Keyring) -> OrganisationSnapshot {
    let organisation = snapshot.organisation;
    let grants = grants(snapshot.tokens, snapshot.connections, snapshot.bindings);
    let mut tools: HashMap<ServerId, Vec<ToolSnapshot>> = HashMap::new();
    for tool in snapshot.tools {
        tools.entry(tool.server).or_default().push(tool_snapshot(tool));
    }
    let servers = snapshot
        .servers
        .into_iter()
        .filter_map(|server| {
            let tools = tools.remove(&server.id).unwrap_or_default();
            server_snapshot(organisation.id, server, tools, keyring)
        })
        .collect();
    let policies = snapshot
        .policies
        .into_iter()
        .map(|policy| PolicySnapshot {
            id: policy.id,
            version: policy.version,
            document: policy.document.into(),
        })
        .collect();
    OrganisationSnapshot {
        id: organisation.id,
        slug: organisation.slug,
        name: organisation.name,
        settings: organisation.settings.0,
        revision: organisation.revision,
        paused: organisation.paused_at.is_some(),
        grants,
        servers,
        policies,
    }
}

/// Grants that something can be called with: each has a token, or a client that logged in.
fn grants(
    tokens: Vec<TokenRow>,
    connections: Vec<ConnectionRow>,
    bindings: Vec<BindingRow>,
) -> Vec<GrantSnapshot> {
    let mut grants: HashMap<GrantId, GrantSnapshot> = HashMap::new();
    for token in tokens {
        let grant = grants
            .entry(token.grant)
            .or_insert_with(|| bare_grant(token.grant, token.label, token.grant_expires_at));
        grant.tokens.push(TokenSnapshot { digest: token.digest, expires_at: token.expires_at });
    }
    for row in connections {
        let grant = grants
            .entry(row.grant)
            .or_insert_with(|| bare_grant(row.grant, row.label, row.grant_expires_at));
        let token = row.token.map(|(digest, end)| TokenSnapshot { digest, expires_at: Some(end) });
        match grant.connections.iter_mut().find(|known| known.id == row.id) {
            Some(known) => known.tokens.extend(token),
            None => grant.connections.push(ConnectionSnapshot {
                id: row.id,
                server: row.server,
                tokens: token.into_iter().collect(),
            }),
        }
    }
    for binding in bindings {
        if let Some(grant) = grants.get_mut(&binding.grant) {
            grant.bindings.push(BindingSnapshot { server: binding.server, policy: binding.policy });
        }
    }
    grants.into_values().collect()
}

fn bare_grant(id: GrantId, label: String, expires_at: Option<DateTime<Utc>>) -> GrantSnapshot {
    GrantSnapshot {
        id,
        label,
        tokens: Vec::new(),
        connections: Vec::new(),
        expires_at,
        revoked: false,
        bindings: Vec::new(),
    }
}

fn tool_snapshot(tool: ToolRow) -> ToolSnapshot {
    let fingerprint = tool.fingerprint.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    });
    ToolSnapshot {
        name: tool.name,
        category: tool.category,
        risk: tool.level,
        state: tool.state,
        fingerprint,
        definition: tool.definition.into(),
    }
}

/// A server whose credentials do not open, or whose URL does not read, is left out: nothing is
/// sent to it, and its calls are refused as to an unknown one.
fn server_snapshot(
    organisation: OrganisationId,
    server: ServerRow,
    tools: Vec<ToolSnapshot>,
    keyring: &Keyring,
) -> Option<ServerSnapshot> {
    let headers =
        UpstreamAuth::open(server.auth_sealed.as_deref(), keyring, organisation, server.id)
            .inspect_err(
                |cause| tracing::error!(server.id = %server.id, %cause, "a server is left out"),
            )
            .ok()?;
    let modern = server.protocol_versions.iter().any(|version| version.as_str() >= "2026-07-28");
    let legacy = server.protocol_versions.iter().any(|version| version.as_str() < "2026-07-28");
    Some(ServerSnapshot {
        id: server.id,
        slug: server.slug,
        name: server.name,
        url: server.url.parse().ok()?,
        transport: server.transport,
        speaks_modern: modern,
        speaks_legacy: legacy || server.protocol_versions.is_empty(),
        auth_headers: header_map(&headers)?,
        paused: server.paused_at.is_some(),
        tools: tools.into_iter().filter(|tool| tool.state != ToolState::Removed).collect(),
        tools_at: server.discovered_at,
    })
}

fn header_map(auth: &UpstreamAuth) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let UpstreamAuth::Headers(headers) = auth else { return Some(Vec::new()) };
    headers
        .iter()
        .map(|(name, value)| {
            #[expect(clippy::disallowed_methods, reason = "the header that goes to the server")]
            let mut value = HeaderValue::from_str(value.expose_secret()).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
        })
        .collect()
}
