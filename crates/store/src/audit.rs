//! The admin audit log: one row for each committed change.

use chrono::{DateTime, Utc};
use domain::{ApiKeyId, DeliveryId, EventId, GrantId, PolicyId, ServerId, WebhookId};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::chain::micros;
use crate::webhooks::Told;
use crate::{Error, Page, Paged, Result, TenantTx};

/// A change worth remembering.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each variant says what happened to what")]
pub enum Event {
    ServerRegistered(ServerId),
    ServerChanged(ServerId),
    ServerRemoved(ServerId),
    ServerDiscovered(ServerId),
    DefinitionsChanged { server: ServerId, added: usize, changed: usize, removed: usize },
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
    WebhookCreated(WebhookId),
    WebhookChanged(WebhookId),
    WebhookRotated(WebhookId),
    WebhookTested(WebhookId),
    WebhookReplayed { webhook: WebhookId, delivery: DeliveryId },
    WebhookRemoved(WebhookId),
}

/// Every kind of event, by name.
pub const KINDS: [&str; 30] = [
    "api_key.created",
    "api_key.revoked",
    "definition.changed",
    "grant.binding_changed",
    "grant.changed",
    "grant.client_connected",
    "grant.client_disconnected",
    "grant.client_token_reused",
    "grant.created",
    "grant.revoked",
    "grant.rotated",
    "organisation.changed",
    "policy.created",
    "policy.published",
    "policy.removed",
    "policy.renamed",
    "policy.tests_changed",
    "server.changed",
    "server.discovered",
    "server.paused",
    "server.registered",
    "server.removed",
    "server.resumed",
    "tool.reviewed",
    "webhook.changed",
    "webhook.created",
    "webhook.removed",
    "webhook.replayed",
    "webhook.rotated",
    "webhook.tested",
];

/// Whether this is a kind of event, or a group of kinds: what stands before the dot.
pub fn is_kind_or_group(text: &str) -> bool {
    KINDS.iter().any(|kind| *kind == text || kind.split('.').next() == Some(text))
}

impl Event {
    const fn kind(&self) -> &'static str {
        match self {
            Self::ServerRegistered(_) => "server.registered",
            Self::ServerChanged(_) => "server.changed",
            Self::ServerRemoved(_) => "server.removed",
            Self::ServerDiscovered(_) => "server.discovered",
            Self::DefinitionsChanged { .. } => "definition.changed",
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
            Self::WebhookCreated(_) => "webhook.created",
            Self::WebhookChanged(_) => "webhook.changed",
            Self::WebhookRotated(_) => "webhook.rotated",
            Self::WebhookTested(_) => "webhook.tested",
            Self::WebhookReplayed { .. } => "webhook.replayed",
            Self::WebhookRemoved(_) => "webhook.removed",
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::ServerRegistered(id)
            | Self::ServerChanged(id)
            | Self::ServerRemoved(id)
            | Self::ServerDiscovered(id)
            | Self::DefinitionsChanged { server: id, .. }
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
            Self::WebhookCreated(id)
            | Self::WebhookChanged(id)
            | Self::WebhookRotated(id)
            | Self::WebhookTested(id)
            | Self::WebhookReplayed { webhook: id, .. }
            | Self::WebhookRemoved(id) => id.to_string(),
        }
    }

    fn detail(&self) -> Value {
        match self {
            Self::ToolReviewed { tool, accepted, .. } => {
                json!({ "tool": tool, "accepted": accepted })
            }
            Self::DefinitionsChanged { added, changed, removed, .. } => {
                json!({ "added": added, "changed": changed, "removed": removed })
            }
            Self::WebhookReplayed { delivery, .. } => json!({ "delivery": delivery }),
            Self::PolicyPublished { version, .. } => json!({ "version": version }),
            Self::BindingChanged { server, .. } => json!({ "server": server }),
            Self::ClientConnected { client, .. }
            | Self::ClientDisconnected { client, .. }
            | Self::ClientTokenReused { client, .. } => json!({ "client": client }),
            _ => json!({}),
        }
    }
}

/// Which rows of the log are wanted; absent parts do not restrict.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// By this person or key: an id.
    pub actor: Option<String>,
    /// Of this kind, such as `grant.created`, or of a group of kinds, such as `grant`.
    pub kind: Option<String>,
    /// About this: an id.
    pub subject: Option<String>,
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
}

/// One row of the log.
#[derive(Debug, Clone)]
pub struct LoggedEvent {
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: an id, or `system`.
    pub actor: String,
    /// What happened.
    pub kind: String,
    /// To what: an id.
    pub subject: String,
    /// With what it was asked for.
    pub credential: String,
    /// From where.
    pub address: Option<String>,
    /// More about it.
    pub detail: Value,
    /// Its number in the chain; none for a row that is older than the chain.
    pub seq: Option<i64>,
    /// The digest before it.
    pub previous: Option<Vec<u8>>,
    /// Its own digest.
    pub digest: Option<Vec<u8>>,
    /// The row as its digest covers it, JSON.
    pub entry: Option<String>,
}

/// A row as its digest covers it. Fields are only ever added, and left out where absent.
#[derive(Serialize)]
struct Entry<'e> {
    id: EventId,
    time: DateTime<Utc>,
    actor: &'e str,
    credential: &'e str,
    address: Option<&'e str>,
    kind: &'e str,
    subject: &'e str,
    detail: &'e Value,
    changes: &'e RawValue,
}

impl TenantTx {
    /// Writes the row of a change, with what was noted of it, as the next link of the chain.
    pub(crate) async fn insert_event(&mut self, event: &Event) -> Result<()> {
        debug_assert!(KINDS.contains(&event.kind()), "{} is not among the kinds", event.kind());
        let changes = self.noted_changes().await?;
        let mut head = self.lock_events_head().await?;
        let at = micros(Utc::now());
        let (id, actor, subject) = (EventId::fresh(at), self.actor.to_string(), event.subject());
        let credential = self.origin.credential.to_string();
        let address = self.origin.address.map(|address| address.to_string());
        let detail = event.detail();
        let entry = Entry {
            id,
            time: at,
            actor: &actor,
            credential: &credential,
            address: address.as_deref(),
            kind: event.kind(),
            subject: &subject,
            detail: &detail,
            changes: &changes,
        };
        let entry = serde_json::to_string(&entry).map_err(unwritten)?;
        let previous = head.add(entry.as_bytes());
        let organisation = self.organisation;
        sqlx::query!(
            "insert into audit_events
                 (organisation_id, id, at, actor, kind, subject, detail, credential, address,
                  seq, previous, digest, entry)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            organisation as _,
            id as _,
            at,
            actor,
            event.kind(),
            subject,
            detail,
            credential,
            address,
            head.seq,
            previous.as_slice(),
            head.digest.as_slice(),
            entry,
        )
        .execute(self.conn())
        .await?;
        self.move_events_head(head).await?;
        self.queue_deliveries(&Told {
            id: id.to_string(),
            kind: event.kind(),
            time: at,
            actor: &actor,
            subject: &subject,
            detail: &detail,
        })
        .await
    }

    /// What the triggers noted of this transaction's changes: a JSON array.
    async fn noted_changes(&mut self) -> Result<Box<RawValue>> {
        let noted = sqlx::query_scalar!("select current_setting('app.changes', true) as changes")
            .fetch_one(self.conn())
            .await?
            .unwrap_or_default();
        RawValue::from_string(format!("[{noted}]")).map_err(unwritten)
    }

    /// The log, newest first.
    pub async fn list_events(
        &mut self,
        filter: &EventFilter,
        page: Page,
    ) -> Result<Paged<LoggedEvent>> {
        let organisation = self.organisation;
        let rows = sqlx::query_as!(
            LoggedEvent,
            r#"select id as "id: EventId", at, actor, kind, subject, credential, address, detail,
                      seq, previous, digest, entry
               from audit_events
               where organisation_id = $1 and id < $2
                 and ($4::text is null or actor = $4)
                 and ($5::text is null or kind = $5 or starts_with(kind, $5 || '.'))
                 and ($6::text is null or subject = $6)
                 and ($7::timestamptz is null or at >= $7)
                 and ($8::timestamptz is null or at < $8)
               order by id desc
               limit $3"#,
            organisation as _,
            page.below(),
            page.fetch(),
            filter.actor,
            filter.kind,
            filter.subject,
            filter.since,
            filter.until,
        )
        .fetch_all(self.conn())
        .await?;
        Ok(page.cut(rows, |row| row.id.as_uuid()))
    }

    /// A piece of the log in the order of its chain, after a row.
    pub async fn export_events(
        &mut self,
        filter: &EventFilter,
        after: (i64, Uuid),
        limit: i64,
    ) -> Result<Vec<LoggedEvent>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            LoggedEvent,
            r#"select id as "id: EventId", at, actor, kind, subject, credential, address, detail,
                      seq, previous, digest, entry
               from audit_events
               where organisation_id = $1 and (coalesce(seq, 0), id) > ($2, $3)
                 and ($5::text is null or actor = $5)
                 and ($6::text is null or kind = $6 or starts_with(kind, $6 || '.'))
                 and ($7::text is null or subject = $7)
                 and ($8::timestamptz is null or at >= $8)
                 and ($9::timestamptz is null or at < $9)
               order by coalesce(seq, 0), id
               limit $4"#,
            organisation as _,
            after.0,
            after.1,
            limit,
            filter.actor,
            filter.kind,
            filter.subject,
            filter.since,
            filter.until,
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// Who stands in the log: ids.
    pub async fn event_actors(&mut self) -> Result<Vec<String>> {
        let organisation = self.organisation;
        Ok(sqlx::query_scalar!(
            "select distinct actor from audit_events where organisation_id = $1 order by actor",
            organisation as _,
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// The kinds that the log has, by name.
    pub async fn event_kinds(&mut self) -> Result<Vec<String>> {
        let organisation = self.organisation;
        Ok(sqlx::query_scalar!(
            "select distinct kind from audit_events where organisation_id = $1 order by kind",
            organisation as _,
        )
        .fetch_all(self.conn())
        .await?)
    }
}

/// JSON of our own that cannot be written: as if the database had not done it.
pub(crate) fn unwritten(error: serde_json::Error) -> Error {
    Error::Db(sqlx::Error::Encode(error.into()))
}
