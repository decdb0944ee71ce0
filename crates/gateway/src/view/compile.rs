//! From a snapshot to a view. What did not change since the view before is taken over, compiled
//! policies above all. Whatever cannot be read denies.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{PolicyId, ServerId, ToolState};
use mcp::mirrors::{self, Mirror};
use policy::{Category, Compiled, ToolFacts};
use sha2::{Digest, Sha256};

use super::names;
use super::organisation::{
    BindingView, GrantView, Issued, OrganisationView, PolicyView, ServerView, TokenView,
};
use crate::source::{
    BindingSnapshot, ConnectionSnapshot, GrantSnapshot, OrganisationSnapshot, PolicySnapshot,
    ServerSnapshot, TokenSnapshot, ToolSnapshot,
};
use crate::upstream::Health;

impl OrganisationView {
    /// Compiles a snapshot that was asked for at `read_at`; each server has so many seats.
    pub(super) fn compile(
        snapshot: OrganisationSnapshot,
        known: Option<&Self>,
        seats: usize,
        read_at: DateTime<Utc>,
    ) -> Self {
        let mut bench = Bench::new(&snapshot, known, seats);
        let (mut tokens, mut grants) = (HashMap::new(), HashMap::new());
        for grant in snapshot.grants.iter().filter(|grant| !grant.revoked) {
            let view = Arc::new(bench.grant(grant));
            let mut add = |token: &TokenSnapshot, issued| {
                let (expires_at, grant) = (token.expires_at, Arc::clone(&view));
                tokens.insert(token.digest, TokenView { expires_at, grant, issued });
            };
            for token in &grant.tokens {
                add(token, None);
            }
            for ConnectionSnapshot { id, server, tokens } in &grant.connections {
                let issued = Issued { connection: *id, server: *server };
                for token in tokens {
                    add(token, Some(issued));
                }
            }
            grants.insert(grant.id, view);
        }
        let (servers, policies) = (bench.servers(), bench.policies);
        Self {
            id: snapshot.id,
            slug: snapshot.slug,
            settings: snapshot.settings,
            revision: snapshot.revision,
            is_paused: snapshot.paused,
            read_at,
            tokens,
            grants,
            servers,
            policies,
        }
    }
}

/// The work in progress on one snapshot.
struct Bench<'s> {
    documents: HashMap<PolicyId, &'s PolicySnapshot>,
    servers: HashMap<ServerId, Pinned<'s>>,
    known: Option<&'s OrganisationView>,
    policies: HashMap<(PolicyId, ServerId), Arc<PolicyView>>,
    bindings: HashMap<(ServerId, Option<PolicyId>), Arc<BindingView>>,
}

/// A server, with the tools that its policies are compiled for.
struct Pinned<'s> {
    view: Arc<ServerView>,
    tools: &'s [ToolSnapshot],
    digest: [u8; 32],
}

impl<'s> Bench<'s> {
    fn new(
        snapshot: &'s OrganisationSnapshot,
        known: Option<&'s OrganisationView>,
        seats: usize,
    ) -> Self {
        let pinned = |server: &'s ServerSnapshot| Pinned {
            view: Arc::new(server_view(server, known, seats)),
            tools: &server.tools,
            digest: digest(&server.tools),
        };
        Self {
            documents: snapshot.policies.iter().map(|policy| (policy.id, policy)).collect(),
            servers: snapshot.servers.iter().map(|server| (server.id, pinned(server))).collect(),
            known,
            policies: HashMap::new(),
            bindings: HashMap::new(),
        }
    }

    fn servers(&self) -> HashMap<ServerId, Arc<ServerView>> {
        self.servers.iter().map(|(id, pinned)| (*id, Arc::clone(&pinned.view))).collect()
    }

    fn grant(&mut self, grant: &GrantSnapshot) -> GrantView {
        let mut bindings: Vec<_> =
            grant.bindings.iter().filter_map(|binding| self.binding(binding)).collect();
        bindings.sort_by(|a, b| a.server.slug.cmp(&b.server.slug));
        GrantView {
            id: grant.id,
            label: grant.label.clone(),
            expires_at: grant.expires_at,
            connections: grant.connections.iter().map(|connection| connection.id).collect(),
            bindings,
        }
    }

    fn binding(&mut self, binding: &BindingSnapshot) -> Option<Arc<BindingView>> {
        let key = (binding.server, binding.policy);
        if let Some(made) = self.bindings.get(&key) {
            return Some(Arc::clone(made));
        }
        let server = Arc::clone(&self.servers.get(&binding.server)?.view);
        let policy = binding.policy.and_then(|policy| self.policy(policy, binding.server));
        let made = Arc::new(BindingView { server, policy });
        self.bindings.insert(key, Arc::clone(&made));
        Some(made)
    }

    fn policy(&mut self, policy: PolicyId, server: ServerId) -> Option<Arc<PolicyView>> {
        let key = (policy, server);
        let (document, pinned) = (self.documents.get(&policy)?, self.servers.get(&server)?);
        let unchanged = |view: &&Arc<PolicyView>| {
            view.version == document.version && view.tools == pinned.digest
        };
        let known = self.known.and_then(|known| known.policies.get(&key)).filter(unchanged);
        let view = match known {
            Some(view) => Arc::clone(view),
            None => Arc::new(PolicyView {
                id: policy,
                version: document.version,
                compiled: compiled(document, pinned.tools)?,
                tools: pinned.digest,
            }),
        };
        self.policies.insert(key, Arc::clone(&view));
        Some(view)
    }
}

/// A document that does not compile counts as none, which denies everything.
fn compiled(policy: &PolicySnapshot, tools: &[ToolSnapshot]) -> Option<Compiled> {
    let facts: Vec<ToolFacts> = tools.iter().filter_map(facts).collect();
    match policy::parse(&policy.document).and_then(|document| policy::compile(&document, &facts)) {
        Ok(compiled) => Some(compiled),
        Err(problems) => {
            tracing::error!(
                policy.id = %policy.id,
                policy.version = policy.version,
                ?problems,
                "a stored policy cannot be read; all its calls are denied"
            );
            None
        }
    }
}

/// What the policy must know of a tool; nothing of one that is not there any more.
fn facts(tool: &ToolSnapshot) -> Option<ToolFacts> {
    // A category that this release does not know is taken for the gravest.
    let category = Category::parse(&tool.category).unwrap_or(Category::Financial);
    let state = match tool.state {
        ToolState::Removed => return None,
        ToolState::Current => policy::ToolState::Current,
        // What only reads is accepted by itself.
        ToolState::New if category == Category::Read => policy::ToolState::Current,
        ToolState::New => policy::ToolState::New,
        ToolState::Changed => policy::ToolState::Quarantined,
    };
    let definition = json::parse(tool.definition.as_bytes()).ok();
    let member = |name| {
        let node = definition.as_ref()?.root().get(name)?;
        Some(node.raw_str().to_owned())
    };
    Some(ToolFacts {
        name: tool.name.clone(),
        category,
        risk: tool.risk.clone(),
        input_schema: member("inputSchema"),
        annotations: member("annotations"),
        state,
    })
}

/// The arguments of a tool that headers mirror, if there are any.
fn mirrors(tool: &ToolSnapshot) -> Option<(String, Vec<Mirror>)> {
    // Most tools have none, and need not be read for that.
    tool.definition.contains(mirrors::KEYWORD).then_some(())?;
    let definition = json::parse(tool.definition.as_bytes()).ok()?;
    let found = mirrors::of_schema(definition.root().get("inputSchema")?);
    (!found.is_empty()).then(|| (tool.name.clone(), found))
}

/// Equal for tools whose facts are equal.
fn digest(tools: &[ToolSnapshot]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for tool in tools {
        let parts = [&tool.name, &tool.category, &tool.risk, &tool.fingerprint];
        for part in parts.map(String::as_bytes).into_iter().chain([tool.state.as_str().as_bytes()])
        {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().into()
}

/// A server, with what is known of how it fares while it stays where it was.
fn server_view(
    server: &ServerSnapshot,
    known: Option<&OrganisationView>,
    seats: usize,
) -> ServerView {
    let mut view = ServerView::from(server);
    let before = known.and_then(|known| known.servers.get(&server.id));
    view.health = match before.filter(|before| before.uri == view.uri) {
        Some(before) => Arc::clone(&before.health),
        None => Arc::new(Health::new(seats)),
    };
    view
}

impl From<&ServerSnapshot> for ServerView {
    fn from(server: &ServerSnapshot) -> Self {
        let there = || server.tools.iter().filter(|tool| tool.state != ToolState::Removed);
        let names = there().map(|tool| tool.name.as_str());
        Self {
            id: server.id,
            slug: server.slug.clone(),
            name: server.name.clone(),
            // One that cannot be a target has no host, which the client refuses.
            uri: server.url.as_str().parse().unwrap_or_default(),
            transport: server.transport,
            auth_headers: server.auth_headers.clone(),
            is_paused: server.paused,
            speaks_modern: server.speaks_modern,
            speaks_legacy: server.speaks_legacy,
            tools_at: server.tools_at,
            cut_names: names::cut_names(&server.slug, names.clone()),
            health: Arc::new(Health::new(0)),
            tools: names.map(str::to_owned).collect(),
            mirrors: there().filter_map(mirrors).collect(),
        }
    }
}
