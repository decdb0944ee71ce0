//! Servers: the upstream MCP targets of an organisation.

use chrono::{DateTime, Utc};
use domain::{ServerId, ServerStatus, Slug, Transport};

use crate::{Page, Paged, Result, TenantTx};

/// A registered server. Credentials are not among its fields: their names are, their values have
/// a door of their own ([`TenantTx::server_credentials`]).
#[derive(Debug, Clone)]
pub struct Server {
    /// Its id.
    pub id: ServerId,
    /// Its name in gateway URLs.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// How it is spoken to.
    pub transport: Transport,
    /// Names of the static headers that are added to each request.
    pub auth_header_names: Vec<String>,
    /// What the last discovery found.
    pub status: ServerStatus,
    /// Why it is not ready, in a sentence.
    pub problem: Option<String>,
    /// Protocol revisions it speaks, newest first.
    pub protocol_versions: Vec<String>,
    /// What it calls itself.
    pub server_name: Option<String>,
    /// Its version, by its own word.
    pub server_version: Option<String>,
    /// When it was last discovered successfully.
    pub discovered_at: Option<DateTime<Utc>>,
    /// Since when nothing is forwarded to it.
    pub paused_at: Option<DateTime<Utc>>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// Tools it lists now.
    pub tools_count: i64,
}

/// A server by its names, for lists to choose from.
#[derive(Debug, Clone)]
pub struct ServerName {
    /// Its id.
    pub id: ServerId,
    /// Its name in gateway URLs.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
}

/// A server to register.
#[derive(Debug)]
pub struct NewServer<'a> {
    /// Its id.
    pub id: ServerId,
    /// Its name in gateway URLs.
    pub slug: &'a Slug,
    /// Its name for people.
    pub name: &'a str,
    /// Where it is.
    pub url: &'a str,
    /// How it is spoken to.
    pub transport: Transport,
    /// Its credentials.
    pub credentials: SealedCredentials,
}

/// Credentials as the database keeps them.
#[derive(Debug, Clone, Default)]
pub struct SealedCredentials {
    /// Names of the headers, shown to people.
    pub header_names: Vec<String>,
    /// Names and values, sealed; none where there are none.
    pub sealed: Option<Vec<u8>>,
}

/// What discovery learnt of a server itself.
#[derive(Debug, Clone, Default)]
pub struct Discovered {
    /// The transport that worked.
    pub transport: Option<Transport>,
    /// Protocol revisions seen, newest first.
    pub protocol_versions: Vec<String>,
    /// What it calls itself.
    pub server_name: Option<String>,
    /// Its version, by its own word.
    pub server_version: Option<String>,
    /// Its instructions to models, kept as data.
    pub instructions: Option<String>,
}

impl TenantTx {
    /// Adds a server. Conflict: `ServerSlugTaken`.
    pub async fn insert_server(&mut self, new: &NewServer<'_>) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "insert into servers
                 (organisation_id, id, slug, name, url, transport, auth_header_names, auth_sealed)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            organisation as _,
            new.id as _,
            new.slug as _,
            new.name,
            new.url,
            new.transport as _,
            &new.credentials.header_names,
            new.credentials.sealed.as_deref(),
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// The server of this id.
    pub async fn find_server(&mut self, id: ServerId) -> Result<Option<Server>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            Server,
            r#"select id as "id: ServerId", slug as "slug: Slug", name, url,
                      transport as "transport: Transport", auth_header_names,
                      status as "status: ServerStatus", problem, protocol_versions, server_name,
                      server_version, discovered_at, paused_at, created_at,
                      (select count(*) from tools t
                       where t.organisation_id = s.organisation_id and t.server_id = s.id
                         and t.state <> 'removed') as "tools_count!"
               from servers s
               where organisation_id = $1 and id = $2"#,
            organisation as _,
            id as _,
        )
        .fetch_optional(self.conn())
        .await?)
    }

    /// The server of this slug.
    pub async fn find_server_by_slug(&mut self, slug: &str) -> Result<Option<Server>> {
        let organisation = self.organisation;
        let id = sqlx::query_scalar!(
            r#"select id as "id: ServerId" from servers where organisation_id = $1 and slug = $2"#,
            organisation as _,
            slug,
        )
        .fetch_optional(self.conn())
        .await?;
        match id {
            Some(id) => self.find_server(id).await,
            None => Ok(None),
        }
    }

    /// Servers, newest first.
    pub async fn list_servers(&mut self, page: Page) -> Result<Paged<Server>> {
        let organisation = self.organisation;
        let rows = sqlx::query_as!(
            Server,
            r#"select id as "id: ServerId", slug as "slug: Slug", name, url,
                      transport as "transport: Transport", auth_header_names,
                      status as "status: ServerStatus", problem, protocol_versions, server_name,
                      server_version, discovered_at, paused_at, created_at,
                      (select count(*) from tools t
                       where t.organisation_id = s.organisation_id and t.server_id = s.id
                         and t.state <> 'removed') as "tools_count!"
               from servers s
               where organisation_id = $1 and id < $2
               order by id desc
               limit $3"#,
            organisation as _,
            page.below(),
            page.fetch(),
        )
        .fetch_all(self.conn())
        .await?;
        Ok(page.cut(rows, |server| server.id.as_uuid()))
    }

    /// All servers by their names, in the order of those.
    pub async fn list_server_names(&mut self) -> Result<Vec<ServerName>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            ServerName,
            r#"select id as "id: ServerId", slug as "slug: Slug", name
               from servers
               where organisation_id = $1
               order by lower(name), id"#,
            organisation as _,
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// Slugs in use that begin with `prefix`, to number a new one.
    pub async fn server_slugs_like(&mut self, prefix: &str) -> Result<Vec<String>> {
        let organisation = self.organisation;
        Ok(sqlx::query_scalar!(
            "select slug from servers where organisation_id = $1 and starts_with(slug, $2)",
            organisation as _,
            prefix,
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// Changes name, address and transport. With `credentials` they are replaced, without kept.
    /// False where there is no such server.
    pub async fn update_server(
        &mut self,
        id: ServerId,
        name: &str,
        url: &str,
        transport: Transport,
        credentials: Option<&SealedCredentials>,
    ) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "update servers
             set name = $3, url = $4, transport = $5,
                 auth_header_names = case when $6 then $7 else auth_header_names end,
                 auth_sealed = case when $6 then $8 else auth_sealed end
             where organisation_id = $1 and id = $2",
            organisation as _,
            id as _,
            name,
            url,
            transport as _,
            credentials.is_some(),
            &credentials.map(|c| c.header_names.clone()).unwrap_or_default(),
            credentials.and_then(|c| c.sealed.as_deref()),
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes a server with its tools and bindings. False where there was none.
    pub async fn delete_server(&mut self, id: ServerId) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "delete from servers where organisation_id = $1 and id = $2",
            organisation as _,
            id as _,
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Stops or resumes forwarding. False where there is no such server.
    pub async fn pause_server(
        &mut self,
        id: ServerId,
        since: Option<DateTime<Utc>>,
    ) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "update servers
             set paused_at = case when $3::timestamptz is null then null
                                  else coalesce(paused_at, $3) end
             where organisation_id = $1 and id = $2",
            organisation as _,
            id as _,
            since,
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The sealed credentials of a server.
    pub async fn server_credentials(&mut self, id: ServerId) -> Result<Option<Vec<u8>>> {
        let organisation = self.organisation;
        let row = sqlx::query_scalar!(
            "select auth_sealed from servers where organisation_id = $1 and id = $2",
            organisation as _,
            id as _,
        )
        .fetch_optional(self.conn())
        .await?;
        Ok(row.flatten())
    }

    /// Notes a discovery that worked.
    pub async fn note_discovery(
        &mut self,
        id: ServerId,
        now: DateTime<Utc>,
        found: &Discovered,
    ) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "update servers
             set status = 'ready', problem = null, discovered_at = $3,
                 transport = coalesce($4, transport), protocol_versions = $5, server_name = $6,
                 server_version = $7, instructions = $8
             where organisation_id = $1 and id = $2",
            organisation as _,
            id as _,
            now,
            found.transport as _,
            &found.protocol_versions,
            found.server_name.as_deref(),
            found.server_version.as_deref(),
            found.instructions.as_deref(),
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Notes a discovery that failed; the tools known before stay.
    pub async fn note_problem(
        &mut self,
        id: ServerId,
        status: ServerStatus,
        problem: &str,
    ) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "update servers
             set status = $3, problem = $4
             where organisation_id = $1 and id = $2",
            organisation as _,
            id as _,
            status as _,
            problem,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }
}
