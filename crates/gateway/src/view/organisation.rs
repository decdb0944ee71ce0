//! One organisation as its calls see it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::secret::KeyDigest;
use domain::{
    ConnectionId, GrantId, OrganisationId, OrganisationSettings, PolicyId, ServerId, Slug,
    Transport,
};
use http::{HeaderName, HeaderValue, Uri};
use mcp::mirrors::Mirror;
use policy::Compiled;

use super::names;
use crate::upstream::Health;

/// An organisation at one moment, compiled. Never changed.
pub(crate) struct OrganisationView {
    pub(crate) id: OrganisationId,
    pub(crate) slug: Slug,
    pub(crate) settings: OrganisationSettings,
    pub(crate) revision: i64,
    pub(crate) is_paused: bool,
    /// When its snapshot was asked for.
    pub(crate) read_at: DateTime<Utc>,
    pub(super) tokens: HashMap<KeyDigest, TokenView>,
    pub(super) grants: HashMap<GrantId, Arc<GrantView>>,
    pub(super) servers: HashMap<ServerId, Arc<ServerView>>,
    /// Every policy in force, for the next view to take over.
    pub(super) policies: HashMap<(PolicyId, ServerId), Arc<PolicyView>>,
}

/// A token that was pasted into a client, or issued to one that logged in.
pub(crate) struct TokenView {
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(crate) grant: Arc<GrantView>,
    /// The client that it was issued to, and where it is good.
    pub(crate) issued: Option<Issued>,
}

/// To whom a token was issued, and for which address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Issued {
    pub(crate) connection: ConnectionId,
    /// None: the address of all servers.
    pub(crate) server: Option<ServerId>,
}

/// By what a caller is known from view to view: a grant, and the connection if it logged in.
/// Never token bytes: a refreshed token changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) grant: GrantId,
    pub(crate) connection: Option<ConnectionId>,
}

impl OrganisationView {
    /// A token, if it is good at the moment.
    pub(crate) fn token(&self, token: &KeyDigest, now: DateTime<Utc>) -> Option<&TokenView> {
        let token = self.tokens.get(token)?;
        let holds = token.expires_at.is_none_or(|end| now < end) && token.grant.holds(now);
        holds.then_some(token)
    }

    /// A grant, if it still holds, and with it the connection through which it is used.
    pub(crate) fn grant(&self, standing: Standing, now: DateTime<Utc>) -> Option<&Arc<GrantView>> {
        let grant = self.grants.get(&standing.grant).filter(|grant| grant.holds(now))?;
        let is_there = |connection| grant.connections.contains(&connection);
        standing.connection.is_none_or(is_there).then_some(grant)
    }

    /// A server.
    pub(crate) fn server(&self, id: ServerId) -> Option<&Arc<ServerView>> {
        self.servers.get(&id)
    }
}

/// One grant that was not revoked.
pub(crate) struct GrantView {
    pub(crate) id: GrantId,
    pub(crate) label: String,
    pub(super) expires_at: Option<DateTime<Utc>>,
    /// The clients that logged in to use it.
    pub(super) connections: HashSet<ConnectionId>,
    /// In the order of the servers' slugs.
    pub(crate) bindings: Vec<Arc<BindingView>>,
}

impl GrantView {
    fn holds(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// When it ends by itself.
    pub(crate) const fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }

    /// The binding to the server of that slug.
    pub(crate) fn binding(&self, server: &str) -> Option<&Arc<BindingView>> {
        self.bindings.iter().find(|binding| binding.server.slug.as_str() == server)
    }

    /// The binding to a server.
    pub(crate) fn binding_to(&self, server: ServerId) -> Option<&Arc<BindingView>> {
        self.bindings.iter().find(|binding| binding.server.id == server)
    }
}

/// A server that a grant reaches, under a policy or (denying all) under none.
pub(crate) struct BindingView {
    pub(crate) server: Arc<ServerView>,
    pub(crate) policy: Option<Arc<PolicyView>>,
}

/// A policy compiled for one server's tools.
pub(crate) struct PolicyView {
    pub(crate) id: PolicyId,
    pub(crate) version: i32,
    pub(crate) compiled: Compiled,
    /// Of the tools it was compiled for.
    pub(super) tools: [u8; 32],
}

/// One upstream server.
pub(crate) struct ServerView {
    pub(crate) id: ServerId,
    pub(crate) slug: Slug,
    pub(crate) name: String,
    pub(crate) uri: Uri,
    pub(crate) transport: Transport,
    pub(crate) auth_headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) is_paused: bool,
    pub(crate) speaks_modern: bool,
    pub(crate) speaks_legacy: bool,
    pub(crate) tools_at: Option<DateTime<Utc>>,
    /// How it fares; taken over from the view before.
    pub(crate) health: Arc<Health>,
    pub(super) tools: HashSet<String>,
    pub(super) cut_names: HashMap<String, String>,
    pub(super) mirrors: HashMap<String, Vec<Mirror>>,
}

impl ServerView {
    /// Whether a tool of that name was listed when the server was last discovered.
    pub(crate) fn knows(&self, tool: &str) -> bool {
        self.tools.contains(tool)
    }

    /// The arguments of a tool that headers mirror, by its pinned definition.
    pub(crate) fn mirrors(&self, tool: &str) -> &[Mirror] {
        self.mirrors.get(tool).map(Vec::as_slice).unwrap_or_default()
    }

    /// How a tool of this server is called on the per-tenant URL.
    pub(crate) fn shown(&self, name: &str) -> String {
        names::shown(&self.slug, name)
    }

    /// How a prompt of this server is called on the per-tenant URL. Never cut: nothing could
    /// undo it, and clients set no limit to the names of prompts.
    pub(crate) fn shown_prompt(&self, name: &str) -> String {
        format!("{}{}{name}", self.slug, names::SEPARATOR)
    }

    /// The server's own name for what is shown as `{slug}__{rest}`.
    pub(crate) fn own_name<'n>(&'n self, shown: &'n str) -> Option<&'n str> {
        if let Some(name) = self.cut_names.get(shown) {
            return Some(name);
        }
        shown.strip_prefix(self.slug.as_str())?.strip_prefix(names::SEPARATOR)
    }
}
