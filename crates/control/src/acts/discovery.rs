//! Discovery: meet a server, classify its tools, pin what was found. The network only with no
//! transaction open, ten seconds at most; what went wrong is kept as a sentence.

use domain::{OrganisationId, ServerId, ServerStatus, Transport, UpstreamAuth};
use http::HeaderMap;
use mcp::discover::{self, DiscoverError, Discovery, Limits, Target};
use mcp::headers;
use mcp::version::{Era, ProtocolVersion};
use secrecy::ExposeSecret;
use store::servers::{Discovered, Server};
use store::tools::{ListedTool, ToolChanges};
use store::{Actor, Event, Tenant};

use super::tools::listed;
use crate::app::App;
use crate::failure::{Failure, Kind};

/// Meets a server and applies what it lists. A server that cannot be met is no failure: its
/// status and problem say so.
pub(crate) async fn discover(
    app: &App,
    tenant: Tenant,
    id: ServerId,
) -> Result<ToolChanges, Failure> {
    let (server, target) = target(app, tenant, id).await?;
    let met = discover::discover(app.upstream(), &target, Limits::default()).await;
    let changes = match met {
        Ok(discovery) => apply(app, tenant, &server, discovery).await?,
        Err(error) => {
            note(app, tenant, &server, &error).await?;
            ToolChanges::default()
        }
    };
    app.changes().changed(tenant.organisation).await;
    Ok(changes)
}

impl App {
    /// Lists a server's tools anew for the gateway, which met a name that it does not know. True
    /// if what is stored changed. Fails closed: whatever goes wrong, nothing has changed.
    pub async fn rediscover(&self, organisation: OrganisationId, server: ServerId) -> bool {
        let tenant = Tenant::by_system(organisation);
        match discover(self, tenant, server).await {
            Ok(changes) => changes != ToolChanges::default(),
            Err(failure) => {
                tracing::warn!(server.id = %server, ?failure, "a server was not listed anew");
                false
            }
        }
    }
}

/// The server, and how to meet it.
async fn target(app: &App, tenant: Tenant, id: ServerId) -> Result<(Server, Target), Failure> {
    let mut tx = app.store().tenant(tenant).await?;
    let server = tx.find_server(id).await?.ok_or_else(Failure::not_found)?;
    let sealed = tx.server_credentials(id).await?;
    drop(tx);
    let auth = UpstreamAuth::open(sealed.as_deref(), app.keyring(), tenant.organisation, id);
    let headers = header_map(&auth.map_err(Failure::internal)?)?;
    let url = server.url.parse().map_err(Failure::internal)?;
    let transport = match server.transport {
        Transport::Auto | Transport::StreamableHttp => discover::Transport::StreamableHttp,
        Transport::Sse => discover::Transport::Sse,
    };
    Ok((server, Target { url, headers, transport }))
}

fn header_map(auth: &UpstreamAuth) -> Result<HeaderMap, Failure> {
    let UpstreamAuth::Headers(stored) = auth else { return Ok(HeaderMap::new()) };
    let header = |(name, value): (&String, &secrecy::SecretString)| {
        #[expect(clippy::disallowed_methods, reason = "the header that goes to the server")]
        headers::credential(name, value.expose_secret())
    };
    stored.iter().map(header).collect::<Result<_, _>>().map_err(Failure::internal)
}

/// Pins what was found. What is listed at registration is what its registrar accepted; later
/// differences wait for review.
async fn apply(
    app: &App,
    tenant: Tenant,
    server: &Server,
    discovery: Discovery,
) -> Result<ToolChanges, Failure> {
    let found = found(&discovery);
    let tools = classify(discovery).await?;
    let mut tx = app.store().tenant(tenant).await?;
    let now = tx.find_server(server.id).await?.ok_or_else(Failure::not_found)?;
    if now.url != server.url {
        return Err(Failure::new(
            Kind::Conflict,
            "The server's address was changed while it was being asked. Ask again.",
        ));
    }
    let changes = tx.apply_listing(server.id, &tools, now.discovered_at.is_none()).await?;
    tx.note_discovery(server.id, app.now(), &found).await?;
    // The gateway asks for listings by itself; that is worth a row only where it found something.
    if tenant.actor == Actor::System && changes == ToolChanges::default() {
        tx.commit_unaudited("the server lists what it listed before").await?;
    } else {
        tx.commit(event(server.id, &changes)).await?;
    }
    Ok(changes)
}

/// What is remembered of a discovery: a definition that changed is an event of its own.
const fn event(server: ServerId, changes: &ToolChanges) -> Event {
    let ToolChanges { added, changed, removed } = *changes;
    if changed == 0 {
        return Event::ServerDiscovered(server);
    }
    Event::DefinitionsChanged { server, added, changed, removed }
}

/// What it said of itself.
fn found(discovery: &Discovery) -> Discovered {
    let mut versions = vec![discovery.version];
    if discovery.eras.contains(&Era::Modern) && discovery.version.era() != Era::Modern {
        versions.insert(0, ProtocolVersion::LATEST);
    }
    if discovery.eras.contains(&Era::Legacy) && discovery.version.era() != Era::Legacy {
        versions.push(ProtocolVersion::LATEST_LEGACY);
    }
    Discovered {
        transport: Some(match discovery.transport {
            discover::Transport::StreamableHttp => Transport::StreamableHttp,
            discover::Transport::Sse => Transport::Sse,
        }),
        protocol_versions: versions.iter().map(|version| version.as_str().to_owned()).collect(),
        server_name: clean(discovery.server_name.as_deref(), 200),
        server_version: clean(discovery.server_version.as_deref(), 100),
        instructions: clean(discovery.instructions.as_deref(), 20_000),
    }
}

/// Text of a stranger for a column: no NUL, which Postgres has no room for; not endless.
fn clean(text: Option<&str>, max_chars: usize) -> Option<String> {
    text.map(|text| text.chars().filter(|c| *c != '\0').take(max_chars).collect())
}

/// Off the async threads: thousands of tools take their time.
async fn classify(discovery: Discovery) -> Result<Vec<ListedTool>, Failure> {
    let classified = tokio::task::spawn_blocking(move || {
        let name = discovery.server_name.as_deref().unwrap_or_default();
        let says = discovery.instructions.as_deref().unwrap_or_default();
        discovery.tools.iter().filter_map(|tool| listed(name, says, tool)).collect()
    });
    classified.await.map_err(Failure::internal)
}

/// Keeps what went wrong; the tools known before stay.
async fn note(
    app: &App,
    tenant: Tenant,
    server: &Server,
    error: &DiscoverError,
) -> Result<(), Failure> {
    let status = match error {
        DiscoverError::Unauthorized { .. } | DiscoverError::Forbidden => ServerStatus::Unauthorized,
        _ => ServerStatus::Unreachable,
    };
    let problem = clean(Some(&error.to_string()), 1_000).unwrap_or_default();
    tracing::info!(server.id = %server.id, cause = ?error, "a server was not met");
    let mut tx = app.store().tenant(tenant).await?;
    tx.note_problem(server.id, status, &problem).await?;
    Ok(tx.commit_unaudited("nobody changed anything: the server did not answer").await?)
}
