//! How grants look from outside.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{ConnectionId, GrantId, PolicyId, ServerId, Slug, UserId};
use serde::Serialize;
use store::connections::Connection;
use store::grants::{Binding, Grant};

use crate::acts::grants::{Addresses, Minted, addresses, snippets};
use crate::guard::Can;

/// A grant, without its token.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct GrantView {
    #[schema(value_type = String, example = "grt_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    id: GrantId,
    /// Who or what holds it.
    label: String,
    /// Whether calls with it are judged, or refused at the door.
    status: GrantStatus,
    /// The servers it reaches.
    bindings: Vec<BindingView>,
    /// The last characters of its newest token.
    hint: Option<String>,
    /// Where MCP clients reach all its servers.
    gateway_url: String,
    /// Where they reach one of them, by its slug.
    server_urls: BTreeMap<String, String>,
    /// Who made it.
    created_by: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    /// When it last called.
    used_at: Option<DateTime<Utc>>,
}

/// Where a grant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrantStatus {
    /// Its tokens open the gateway.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked, which is final.
    Revoked,
}

impl GrantStatus {
    /// Where this grant stands at `now`.
    pub(crate) fn of(grant: &Grant, now: DateTime<Utc>) -> Self {
        if grant.revoked_at.is_some() {
            Self::Revoked
        } else if grant.expires_at.is_some_and(|at| at <= now) {
            Self::Expired
        } else {
            Self::Active
        }
    }
}

/// A server that a grant reaches, and the policy it is under.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BindingView {
    #[schema(value_type = String)]
    server_id: ServerId,
    #[schema(value_type = String)]
    server_slug: Slug,
    server_name: String,
    /// Null: everything is denied.
    #[schema(value_type = Option<String>)]
    policy_id: Option<PolicyId>,
    policy_name: Option<String>,
}

impl From<Binding> for BindingView {
    fn from(binding: Binding) -> Self {
        Self {
            server_id: binding.server_id,
            server_slug: binding.server_slug,
            server_name: binding.server_name,
            policy_id: binding.policy_id,
            policy_name: binding.policy_name,
        }
    }
}

impl GrantView {
    /// The view of a grant and its bindings.
    pub(super) fn new<P>(caller: &Can<P>, grant: Grant, bindings: Vec<Binding>) -> Self {
        let Addresses { all, servers } = addresses(caller, &bindings);
        Self {
            id: grant.id,
            status: GrantStatus::of(&grant, caller.now()),
            label: grant.label,
            bindings: bindings.into_iter().map(BindingView::from).collect(),
            hint: grant.hint,
            gateway_url: all,
            server_urls: servers,
            created_by: grant.created_by,
            created_at: grant.created_at,
            expires_at: grant.expires_at,
            revoked_at: grant.revoked_at,
            used_at: grant.used_at,
        }
    }
}

/// A grant with the clients that logged in to use it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ShownGrant {
    #[serde(flatten)]
    grant: GrantView,
    /// Clients that hold tokens of this grant because somebody allowed it, newest first.
    connections: Vec<ConnectionView>,
}

/// A client that logged in to use a grant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ConnectionView {
    #[schema(value_type = String, example = "con_0199e2a0c1d27b3f8f5a6b7c8d9e0f10")]
    id: ConnectionId,
    /// `cli_…`, or the URL of its own description.
    client_id: String,
    /// What it calls itself; nobody checked that.
    client_name: String,
    /// Where it was sent back to with its code.
    redirect_uri: String,
    /// The gateway's URL that its tokens are good at.
    resource: String,
    /// The server that it may call; null for all servers of the grant.
    #[schema(value_type = Option<String>)]
    server_slug: Option<Slug>,
    /// Who allowed it.
    #[schema(value_type = String)]
    created_by: UserId,
    /// When it got its first tokens.
    created_at: DateTime<Utc>,
    /// When it last got new ones.
    refreshed_at: Option<DateTime<Utc>>,
    /// When it ends unless it is refreshed.
    expires_at: DateTime<Utc>,
}

impl ShownGrant {
    /// The view of a grant, its bindings and its clients.
    pub(super) fn new<P>(
        caller: &Can<P>,
        grant: Grant,
        bindings: Vec<Binding>,
        connections: Vec<Connection>,
    ) -> Self {
        let connections = connections.into_iter().map(ConnectionView::from).collect();
        Self { grant: GrantView::new(caller, grant, bindings), connections }
    }
}

impl From<Connection> for ConnectionView {
    fn from(connection: Connection) -> Self {
        Self {
            id: connection.id,
            client_id: connection.client_id,
            client_name: connection.client_name,
            redirect_uri: connection.redirect_uri,
            resource: connection.resource,
            server_slug: connection.server_slug,
            created_by: connection.user_id,
            created_at: connection.redeemed_at,
            refreshed_at: connection.refreshed_at,
            expires_at: connection.expires_at,
        }
    }
}

/// A grant whose token was just made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MintedView {
    #[serde(flatten)]
    grant: GrantView,
    /// The token itself. It is shown this once.
    #[schema(example = "dbg_…")]
    token: String,
    /// What to paste into each MCP client, by client.
    client_configs: BTreeMap<&'static str, String>,
}

impl MintedView {
    /// The view of a grant and its new token.
    pub(super) fn new<P>(caller: &Can<P>, minted: Minted) -> Self {
        let Minted { grant, bindings, token } = minted;
        let token = token.reveal().to_owned();
        let client_configs =
            snippets(caller, &bindings, &token).into_iter().map(|s| (s.client, s.text)).collect();
        Self { grant: GrantView::new(caller, grant, bindings), token, client_configs }
    }
}
