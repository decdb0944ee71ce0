//! What the gateway must know about an organisation, and the trait by which it asks. The binary
//! implements [`Source`] over its store; the gateway itself cannot name a database.
//!
//! A snapshot is plain data, read once and then compiled into a view; nothing here is looked at
//! while a call is judged.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::secret::KeyDigest;
use domain::{
    ConnectionId, GrantId, OrganisationId, OrganisationSettings, PolicyId, ServerId, Slug,
    ToolState, Transport,
};
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue};
use url::Url;

/// Where views come from.
pub trait Source: Send + Sync + 'static {
    /// Everything of one organisation, of one moment (one transaction, or one statement);
    /// `None` where there is no such organisation.
    fn organisation<'a>(
        &'a self,
        slug: &'a Slug,
    ) -> BoxFuture<'a, Result<Option<OrganisationSnapshot>, Unavailable>>;

    /// The newest revision of an organisation; `None` where it is gone. Asked when a token is not
    /// known: another replica may have issued it a moment ago. One small read.
    fn revision(
        &self,
        organisation: OrganisationId,
    ) -> BoxFuture<'_, Result<Option<i64>, Unavailable>>;

    /// Lists the tools of a server anew, because a call named one that we do not know and our
    /// list is older than 5 s. `true` if what is stored changed, so that the view must be read
    /// again. The gateway asks at most once at a time and once per 5 s for one server; the
    /// implementation bounds its own time (≤ 10 s). `Ok(false)` is always a correct answer.
    fn refresh(
        &self,
        organisation: OrganisationId,
        server: ServerId,
    ) -> BoxFuture<'_, Result<bool, Unavailable>>;
}

/// The source cannot be reached; known views serve on for a while, unknown ones are 503.
#[derive(Debug, thiserror::Error)]
#[error("the organisation's data cannot be read at the moment")]
pub struct Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Unavailable {
    /// Because of `cause`.
    pub fn because(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// One organisation at one moment.
#[derive(Debug, Clone)]
pub struct OrganisationSnapshot {
    /// Its id.
    pub id: OrganisationId,
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// What it chose for itself.
    pub settings: OrganisationSettings,
    /// Grows with every change of anything in this snapshot.
    pub revision: i64,
    /// Whether the organisation's kill switch is on: every call is refused.
    pub paused: bool,
    /// Its grants, revoked ones may be left out.
    pub grants: Vec<GrantSnapshot>,
    /// Its servers.
    pub servers: Vec<ServerSnapshot>,
    /// The version in force of each policy that a binding names.
    pub policies: Vec<PolicySnapshot>,
}

/// One grant.
#[derive(Debug, Clone)]
pub struct GrantSnapshot {
    /// Its id.
    pub id: GrantId,
    /// Its label, recorded with each call.
    pub label: String,
    /// The tokens that are good for it: the current one, and one that is being rotated out.
    pub tokens: Vec<TokenSnapshot>,
    /// The clients that logged in to use it.
    pub connections: Vec<ConnectionSnapshot>,
    /// When the grant ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// The servers it reaches, and under which policy.
    pub bindings: Vec<BindingSnapshot>,
}

/// One token of a grant.
#[derive(Debug, Clone)]
pub struct TokenSnapshot {
    /// Its SHA-256.
    pub digest: KeyDigest,
    /// When this token ends, if before its grant.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A client that logged in to use a grant, at one address.
#[derive(Debug, Clone)]
pub struct ConnectionSnapshot {
    /// Its id.
    pub id: ConnectionId,
    /// The server whose address its tokens are good at; none for the address of all servers.
    pub server: Option<ServerId>,
    /// Its access tokens; none while it has yet to refresh them.
    pub tokens: Vec<TokenSnapshot>,
}

/// A grant reaches a server under a policy.
#[derive(Debug, Clone)]
pub struct BindingSnapshot {
    /// The server.
    pub server: ServerId,
    /// The policy; none denies everything.
    pub policy: Option<PolicyId>,
}

/// One policy, in the version that is in force.
#[derive(Debug, Clone)]
pub struct PolicySnapshot {
    /// Its id.
    pub id: PolicyId,
    /// Its version; a document never changes under one (id, version).
    pub version: i32,
    /// The normalised document, as JSON.
    pub document: Arc<str>,
}

/// One upstream server.
#[derive(Clone)]
pub struct ServerSnapshot {
    /// Its id.
    pub id: ServerId,
    /// Its name in URLs and before tool names.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// Where it is.
    pub url: Url,
    /// How to speak to it.
    pub transport: Transport,
    /// Whether discovery found that it speaks the stateless revision (2026-07-28).
    pub speaks_modern: bool,
    /// Whether discovery found that it speaks the revisions with `initialize`; true where
    /// discovery has not run yet.
    pub speaks_legacy: bool,
    /// Credentials sent with each request. Values are marked sensitive.
    pub auth_headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether its kill switch is on.
    pub paused: bool,
    /// Its known tools.
    pub tools: Vec<ToolSnapshot>,
    /// When its tools were last listed.
    pub tools_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for ServerSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSnapshot")
            .field("id", &self.id)
            .field("slug", &self.slug)
            .field("tools", &self.tools.len())
            .finish_non_exhaustive()
    }
}

/// One tool, as it was pinned.
#[derive(Debug, Clone)]
pub struct ToolSnapshot {
    /// Its name.
    pub name: String,
    /// The word of its category, pinned with the definition.
    pub category: String,
    /// The word of its risk level.
    pub risk: String,
    /// Where its definition stands in review. `Removed` ones may be left out.
    pub state: ToolState,
    /// SHA-256 of the definition, as text; equal fingerprints are equal definitions.
    pub fingerprint: String,
    /// The pinned definition, as the server listed it: JSON with `inputSchema`, `annotations`,
    /// `_meta`. Read once, when the view is compiled.
    pub definition: Arc<str>,
}
