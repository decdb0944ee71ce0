//! The admin audit log: one row for each committed change.

use chrono::Utc;
use domain::{ApiKeyId, GrantId, PolicyId, ServerId};
use serde_json::{Value, json};
use uuid::{NoContext, Timestamp, Uuid};

use crate::{Result, TenantTx};

/// A change worth remembering.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each variant says what happened to what")]
pub enum Event {
    ServerRegistered(ServerId),
    ServerChanged(ServerId),
    ServerRemoved(ServerId),
    ServerDiscovered(ServerId),
    ServerPaused(ServerId),
    ServerResumed(ServerId),
    ToolReviewed { server: ServerId, tool: String, accepted: bool },
    PolicyCreated(PolicyId),
    PolicyPublished { policy: PolicyId, version: i32 },
    PolicyRenamed(PolicyId),
    PolicyTestsChanged(PolicyId),
    PolicyRemoved(PolicyId),
    GrantCreated(GrantId),
    GrantChanged(GrantId),
    BindingChanged { grant: GrantId, server: ServerId },
    GrantRotated(GrantId),
    GrantRevoked(GrantId),
    ClientConnected { grant: GrantId, client: String },
    ClientDisconnected { grant: GrantId, client: String },
    ClientTokenReused { grant: GrantId, client: String },
    ApiKeyCreated(ApiKeyId),
    ApiKeyRevoked(ApiKeyId),
    OrganisationChanged,
}

impl Event {
    const fn kind(&self) -> &'static str {
        match self {
            Self::ServerRegistered(_) => "server.registered",
            Self::ServerChanged(_) => "server.changed",
            Self::ServerRemoved(_) => "server.removed",
            Self::ServerDiscovered(_) => "server.discovered",
            Self::ServerPaused(_) => "server.paused",
            Self::ServerResumed(_) => "server.resumed",
            Self::ToolReviewed { .. } => "tool.reviewed",
            Self::PolicyCreated(_) => "policy.created",
            Self::PolicyPublished { .. } => "policy.published",
            Self::PolicyRenamed(_) => "policy.renamed",
            Self::PolicyTestsChanged(_) => "policy.tests_changed",
            Self::PolicyRemoved(_) => "policy.removed",
            Self::GrantCreated(_) => "grant.created",
            Self::GrantChanged(_) => "grant.changed",
            Self::BindingChanged { .. } => "grant.binding_changed",
            Self::GrantRotated(_) => "grant.rotated",
            Self::GrantRevoked(_) => "grant.revoked",
            Self::ClientConnected { .. } => "grant.client_connected",
            Self::ClientDisconnected { .. } => "grant.client_disconnected",
            Self::ClientTokenReused { .. } => "grant.client_token_reused",
            Self::ApiKeyCreated(_) => "api_key.created",
            Self::ApiKeyRevoked(_) => "api_key.revoked",
            Self::OrganisationChanged => "organisation.changed",
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::ServerRegistered(id)
            | Self::ServerChanged(id)
            | Self::ServerRemoved(id)
            | Self::ServerDiscovered(id)
            | Self::ServerPaused(id)
            | Self::ServerResumed(id)
            | Self::ToolReviewed { server: id, .. } => id.to_string(),
            Self::PolicyCreated(id)
            | Self::PolicyPublished { policy: id, .. }
            | Self::PolicyRenamed(id)
            | Self::PolicyTestsChanged(id)
            | Self::PolicyRemoved(id) => id.to_string(),
            Self::GrantCreated(id)
            | Self::GrantChanged(id)
            | Self::BindingChanged { grant: id, .. }
            | Self::GrantRotated(id)
            | Self::GrantRevoked(id)
            | Self::ClientConnected { grant: id, .. }
            | Self::ClientDisconnected { grant: id, .. }
            | Self::ClientTokenReused { grant: id, .. } => id.to_string(),
            Self::ApiKeyCreated(id) | Self::ApiKeyRevoked(id) => id.to_string(),
            Self::OrganisationChanged => String::new(),
        }
    }

    fn detail(&self) -> Value {
        match self {
            Self::ToolReviewed { tool, accepted, .. } => {
                json!({ "tool": tool, "accepted": accepted })
            }
            Self::PolicyPublished { version, .. } => json!({ "version": version }),
            Self::BindingChanged { server, .. } => json!({ "server": server }),
            Self::ClientConnected { client, .. }
            | Self::ClientDisconnected { client, .. }
            | Self::ClientTokenReused { client, .. } => json!({ "client": client }),
            _ => json!({}),
        }
    }
}

impl TenantTx {
    pub(crate) async fn insert_event(&mut self, event: &Event) -> Result<()> {
        let now = Utc::now();
        let at = Timestamp::from_unix(
            NoContext,
            now.timestamp().unsigned_abs(),
            now.timestamp_subsec_nanos(),
        );
        sqlx::query!(
            "insert into audit_events (organisation_id, id, at, actor, kind, subject, detail)
             values ($1, $2, $3, $4, $5, $6, $7)",
            self.organisation as _,
            Uuid::new_v7(at),
            now,
            self.actor.to_string(),
            event.kind(),
            event.subject(),
            event.detail(),
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }
}
