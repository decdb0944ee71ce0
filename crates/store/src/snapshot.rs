//! What the gateway enforces, of one organisation at one moment; and what changed since.

use chrono::{DateTime, Utc};
use domain::secret::KeyDigest;
use domain::{
    ConnectionId, GrantId, OrganisationId, OrganisationSettings, PolicyId, ServerId, Slug,
    ToolState, Transport,
};
use sqlx::postgres::PgListener;
use sqlx::types::Json;
use sqlx::{Postgres, Transaction};

use crate::{Error, Result, Store};

/// The channel on which Postgres tells that an organisation changed; the payload is its id.
const CHANNEL: &str = "organisation_changed";

/// An organisation's row.
#[derive(Debug, Clone)]
pub struct OrganisationRow {
    /// Its id.
    pub id: OrganisationId,
    /// Its slug.
    pub slug: Slug,
    /// Its name.
    pub name: String,
    /// Its settings.
    pub settings: Json<OrganisationSettings>,
    /// Grows with every change.
    pub revision: i64,
    /// Since when every call is refused.
    pub paused_at: Option<DateTime<Utc>>,
}

/// A token of a live grant.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// The grant.
    pub grant: GrantId,
    /// Its label.
    pub label: String,
    /// When the grant ends.
    pub grant_expires_at: Option<DateTime<Utc>>,
    /// Digest of the token.
    pub digest: KeyDigest,
    /// When the token ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A client that is connected to a live grant, once for each of its tokens; once without any.
#[derive(Debug, Clone)]
pub struct ConnectionRow {
    /// The connection.
    pub id: ConnectionId,
    /// The grant.
    pub grant: GrantId,
    /// Its label.
    pub label: String,
    /// When the grant ends.
    pub grant_expires_at: Option<DateTime<Utc>>,
    /// The server whose address it is for; none for the address of all servers.
    pub server: Option<ServerId>,
    /// Digest of an access token that has not expired, and when it does.
    pub token: Option<(KeyDigest, DateTime<Utc>)>,
}

/// A binding of a live grant.
#[derive(Debug, Clone)]
pub struct BindingRow {
    /// The grant.
    pub grant: GrantId,
    /// The server.
    pub server: ServerId,
    /// The policy.
    pub policy: Option<PolicyId>,
}

/// A policy that a binding names, in its live version.
#[derive(Debug, Clone)]
pub struct PolicyRow {
    /// The policy.
    pub id: PolicyId,
    /// Its live version.
    pub version: i32,
    /// The normalised document.
    pub document: String,
}

/// A server.
#[derive(Clone)]
pub struct ServerRow {
    /// Its id.
    pub id: ServerId,
    /// Its slug.
    pub slug: Slug,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// How it is spoken to.
    pub transport: Transport,
    /// Its credentials, sealed.
    pub auth_sealed: Option<Vec<u8>>,
    /// Protocol revisions it speaks.
    pub protocol_versions: Vec<String>,
    /// Since when nothing is forwarded to it.
    pub paused_at: Option<DateTime<Utc>>,
    /// When its tools were last listed.
    pub discovered_at: Option<DateTime<Utc>>,
}

/// A pinned tool.
#[derive(Debug, Clone)]
pub struct ToolRow {
    /// Its server.
    pub server: ServerId,
    /// Its name.
    pub name: String,
    /// The word of its category.
    pub category: String,
    /// The word of its risk level.
    pub level: String,
    /// Where it stands in review.
    pub state: ToolState,
    /// SHA-256 of the pinned definition.
    pub fingerprint: Vec<u8>,
    /// The pinned definition.
    pub definition: String,
}

/// Everything of one organisation that the gateway needs.
#[derive(Clone)]
pub struct Snapshot {
    /// The organisation.
    pub organisation: OrganisationRow,
    /// Tokens of live grants.
    pub tokens: Vec<TokenRow>,
    /// Clients that are connected to live grants.
    pub connections: Vec<ConnectionRow>,
    /// Bindings of live grants.
    pub bindings: Vec<BindingRow>,
    /// Policies that a binding names.
    pub policies: Vec<PolicyRow>,
    /// Servers.
    pub servers: Vec<ServerRow>,
    /// Tools that are still listed.
    pub tools: Vec<ToolRow>,
}

/// Notices of changes, as Postgres sends them.
pub struct Changes {
    listener: PgListener,
}

impl Changes {
    /// The next organisation that changed. `None` means that the connection was lost and made
    /// anew: anything may have changed meanwhile.
    pub async fn next(&mut self) -> Result<Option<OrganisationId>> {
        let notice = self.listener.try_recv().await?;
        Ok(notice.and_then(|notice| notice.payload().parse().ok()).map(OrganisationId::from_uuid))
    }
}

impl Store {
    /// Starts to listen for changes.
    pub async fn changes(&self) -> Result<Changes> {
        let mut listener = PgListener::connect_with(self.pool()).await?;
        listener.listen(CHANNEL).await?;
        Ok(Changes { listener })
    }

    /// Organisations revised at or after `since`, with their revision.
    pub async fn revised(&self, since: DateTime<Utc>) -> Result<Vec<(OrganisationId, i64)>> {
        let rows = sqlx::query!(
            r#"select id as "id: OrganisationId", revision
               from organisations
               where revised_at >= $1"#,
            since,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(rows.into_iter().map(|row| (row.id, row.revision)).collect())
    }

    /// The revision of one organisation; `None` where it is gone.
    pub async fn revision(&self, id: OrganisationId) -> Result<Option<i64>> {
        Ok(sqlx::query_scalar!("select revision from organisations where id = $1", id as _)
            .fetch_optional(self.pool())
            .await?)
    }

    /// Everything of the organisation of this slug, read as of one moment.
    pub async fn snapshot(&self, slug: &Slug) -> Result<Option<Snapshot>> {
        let mut tx =
            self.pool().begin_with("begin isolation level repeatable read read only").await?;
        let organisation = sqlx::query_as!(
            OrganisationRow,
            r#"select id as "id: OrganisationId", slug as "slug: Slug", name,
                      settings as "settings: Json<OrganisationSettings>", revision, paused_at
               from organisations
               where slug = $1"#,
            slug as _,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(organisation) = organisation else { return Ok(None) };
        let id = organisation.id;
        let snapshot = Snapshot {
            organisation,
            tokens: tokens(&mut tx, id).await?,
            connections: connections(&mut tx, id).await?,
            bindings: bindings(&mut tx, id).await?,
            policies: policies(&mut tx, id).await?,
            servers: servers(&mut tx, id).await?,
            tools: tools(&mut tx, id).await?,
        };
        tx.commit().await.map_err(Error::from)?;
        Ok(Some(snapshot))
    }
}

type Tx = Transaction<'static, Postgres>;

async fn tokens(tx: &mut Tx, id: OrganisationId) -> Result<Vec<TokenRow>> {
    let rows = sqlx::query!(
        r#"select g.id as "grant: GrantId", g.label, g.expires_at as grant_expires_at, t.digest,
                  t.expires_at
           from grants g
           join grant_tokens t on t.organisation_id = g.organisation_id and t.grant_id = g.id
           where g.organisation_id = $1 and g.revoked_at is null"#,
        id as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(TokenRow {
                grant: row.grant,
                label: row.label,
                grant_expires_at: row.grant_expires_at,
                digest: KeyDigest::from_bytes(row.digest.try_into().ok()?),
                expires_at: row.expires_at,
            })
        })
        .collect())
}

async fn connections(tx: &mut Tx, id: OrganisationId) -> Result<Vec<ConnectionRow>> {
    let rows = sqlx::query!(
        r#"select c.id as "id: ConnectionId", g.id as "grant: GrantId", g.label,
                  g.expires_at as grant_expires_at, c.server_id as "server: ServerId",
                  t.digest as "digest?", t.expires_at as "expires_at?"
           from connections c
           join grants g on g.organisation_id = c.organisation_id and g.id = c.grant_id
           left join access_tokens t on t.organisation_id = c.organisation_id
                and t.connection_id = c.id and t.expires_at > now()
           where c.organisation_id = $1 and c.redeemed_at is not null and g.revoked_at is null"#,
        id as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    let digest = |bytes: Vec<u8>| Some(KeyDigest::from_bytes(bytes.try_into().ok()?));
    Ok(rows
        .into_iter()
        .map(|row| ConnectionRow {
            id: row.id,
            grant: row.grant,
            label: row.label,
            grant_expires_at: row.grant_expires_at,
            server: row.server,
            token: row.digest.and_then(digest).zip(row.expires_at),
        })
        .collect())
}

async fn bindings(tx: &mut Tx, id: OrganisationId) -> Result<Vec<BindingRow>> {
    Ok(sqlx::query_as!(
        BindingRow,
        r#"select b.grant_id as "grant: GrantId", b.server_id as "server: ServerId",
                  b.policy_id as "policy: PolicyId"
           from bindings b
           join grants g on g.organisation_id = b.organisation_id and g.id = b.grant_id
           where b.organisation_id = $1 and g.revoked_at is null"#,
        id as _,
    )
    .fetch_all(&mut **tx)
    .await?)
}

async fn policies(tx: &mut Tx, id: OrganisationId) -> Result<Vec<PolicyRow>> {
    Ok(sqlx::query_as!(
        PolicyRow,
        r#"select p.id as "id: PolicyId", p.version, v.document
           from policies p
           join policy_versions v on v.organisation_id = p.organisation_id
                and v.policy_id = p.id and v.version = p.version
           where p.organisation_id = $1
             and exists (select from bindings b
                         where b.organisation_id = $1 and b.policy_id = p.id)"#,
        id as _,
    )
    .fetch_all(&mut **tx)
    .await?)
}

async fn servers(tx: &mut Tx, id: OrganisationId) -> Result<Vec<ServerRow>> {
    Ok(sqlx::query_as!(
        ServerRow,
        r#"select id as "id: ServerId", slug as "slug: Slug", name, url,
                  transport as "transport: Transport", auth_sealed, protocol_versions, paused_at,
                  discovered_at
           from servers
           where organisation_id = $1
           order by slug"#,
        id as _,
    )
    .fetch_all(&mut **tx)
    .await?)
}

async fn tools(tx: &mut Tx, id: OrganisationId) -> Result<Vec<ToolRow>> {
    Ok(sqlx::query_as!(
        ToolRow,
        r#"select server_id as "server: ServerId", name, category, level,
                  state as "state: ToolState", fingerprint, definition
           from tools
           where organisation_id = $1 and state <> 'removed'
           order by server_id, position, name"#,
        id as _,
    )
    .fetch_all(&mut **tx)
    .await?)
}
