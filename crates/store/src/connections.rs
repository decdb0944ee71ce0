//! Logging in by OAuth: clients that registered themselves, what people allowed them, their tokens.
//!
//! A connection begins with a code and lasts while its refresh tokens are exchanged. Whoever shows
//! a secret does so before any tenant is known: [`Store::find_holder`] names the organisation, and
//! everything else happens in that tenant's transaction, with the connection's row held.

use chrono::{DateTime, Utc};
use domain::secret::KeyDigest;
use domain::{ClientId, ConnectionId, GrantId, OrganisationId, ServerId, Slug, UserId};

use crate::{Result, Store, TenantTx};

/// Registrations that nobody used yet, over all; further ones are refused until some are removed.
const MAX_UNUSED_CLIENTS: i64 = 10_000;

/// A client that registered itself.
#[derive(Debug, Clone)]
pub struct OAuthClient {
    /// Its id.
    pub id: ClientId,
    /// What it calls itself.
    pub name: String,
    /// Where it may be sent back to.
    pub redirect_uris: Vec<String>,
}

/// A secret that a client shows.
#[derive(Debug, Clone, Copy)]
pub enum Shown {
    /// A code.
    Code(KeyDigest),
    /// A refresh token.
    Refresh(KeyDigest),
    /// An access token.
    Access(KeyDigest),
}

/// A connection to store: allowed, and waiting for its code to be redeemed.
#[derive(Debug)]
pub struct NewConnection<'a> {
    /// Its id.
    pub id: ConnectionId,
    /// The grant that the client calls with.
    pub grant: GrantId,
    /// The server whose address it is for; none for the address of all servers.
    pub server: Option<ServerId>,
    /// Who allowed it.
    pub user: UserId,
    /// The client.
    pub client_id: &'a str,
    /// What it calls itself.
    pub client_name: &'a str,
    /// The gateway's address that it is for.
    pub resource: &'a str,
    /// Where the client is sent back to.
    pub redirect_uri: &'a str,
    /// The PKCE challenge, S256.
    pub challenge: &'a str,
    /// Digest of the code.
    pub code: KeyDigest,
    /// When the code ends.
    pub code_expires_at: DateTime<Utc>,
    /// When it was allowed.
    pub now: DateTime<Utc>,
}

/// A connection whose row is held until the end of the transaction.
#[derive(Debug, Clone)]
pub struct HeldConnection {
    /// Its id.
    pub id: ConnectionId,
    /// The grant.
    pub grant: GrantId,
    /// When the grant ends.
    pub grant_expires_at: Option<DateTime<Utc>>,
    /// The client.
    pub client_id: String,
    /// What it calls itself.
    pub client_name: String,
    /// The gateway's address that it is for.
    pub resource: String,
    /// Where the client was sent back to.
    pub redirect_uri: String,
    /// The PKCE challenge, S256.
    pub challenge: String,
    /// Whether the secret that was shown had been used before.
    pub is_used: bool,
    /// When the secret that was shown ends.
    pub expires_at: DateTime<Utc>,
}

/// Tokens to store for a connection.
#[derive(Debug)]
pub struct NewTokens {
    /// Digest of the access token.
    pub access: KeyDigest,
    /// When it ends.
    pub access_expires_at: DateTime<Utc>,
    /// Digest of the refresh token.
    pub refresh: KeyDigest,
    /// When it ends, and with it the connection.
    pub refresh_expires_at: DateTime<Utc>,
    /// When they are issued.
    pub now: DateTime<Utc>,
}

/// A connection as its grant lists it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// The client.
    pub client_id: String,
    /// What it calls itself.
    pub client_name: String,
    /// Where it was sent back to.
    pub redirect_uri: String,
    /// The gateway's address that it is for.
    pub resource: String,
    /// Slug of the server that it is for; none for all servers.
    pub server_slug: Option<Slug>,
    /// Who allowed it.
    pub user_id: UserId,
    /// Their address.
    pub user_email: Option<String>,
    /// When it got its first tokens.
    pub redeemed_at: DateTime<Utc>,
    /// When it last got new ones.
    pub refreshed_at: Option<DateTime<Utc>>,
    /// When it ends unless it is refreshed.
    pub expires_at: DateTime<Utc>,
}

/// A grant that a client can be given.
#[derive(Debug, Clone)]
pub struct UsableGrant {
    /// Its id.
    pub id: GrantId,
    /// Its label.
    pub label: String,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// The policy of the one server that was asked about.
    pub policy: Option<String>,
    /// How many servers it reaches.
    pub servers: i64,
}

/// One of the tools that can do most.
#[derive(Debug, Clone)]
pub struct RiskyTool {
    /// Its name.
    pub name: String,
    /// The name of its server.
    pub server_name: String,
    /// The word of its risk category.
    pub category: String,
    /// The word of its risk level.
    pub level: String,
}

impl Store {
    /// Keeps a client that registers itself. False where too many wait for their first use.
    pub async fn insert_oauth_client(
        &self,
        client: &OAuthClient,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let done = sqlx::query!(
            "insert into oauth_clients (id, name, redirect_uris, created_at)
             select $1, $2, $3, $4
             where (select count(*) from oauth_clients where used_at is null) < $5",
            client.id as _,
            client.name,
            &client.redirect_uris,
            now,
            MAX_UNUSED_CLIENTS,
        )
        .execute(self.pool())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The client of this id.
    pub async fn find_oauth_client(&self, id: ClientId) -> Result<Option<OAuthClient>> {
        Ok(sqlx::query_as!(
            OAuthClient,
            r#"select id as "id: ClientId", name, redirect_uris from oauth_clients where id = $1"#,
            id as _,
        )
        .fetch_optional(self.pool())
        .await?)
    }

    /// Notes that somebody allowed this client something, so that it is kept.
    pub async fn touch_oauth_client(&self, id: ClientId, now: DateTime<Utc>) -> Result<()> {
        sqlx::query!("update oauth_clients set used_at = $2 where id = $1", id as _, now)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// The organisation that a client's secret belongs to, whatever its state.
    pub async fn find_holder(&self, shown: Shown) -> Result<Option<OrganisationId>> {
        let (code, refresh, access) = match &shown {
            Shown::Code(digest) => (Some(digest), None, None),
            Shown::Refresh(digest) => (None, Some(digest), None),
            Shown::Access(digest) => (None, None, Some(digest)),
        };
        let bytes = |digest: Option<&KeyDigest>| digest.map(|digest| digest.as_bytes().to_vec());
        Ok(sqlx::query_scalar!(
            r#"select organisation_id as "id!: OrganisationId"
               from connections where code_digest = $1
               union all
               select organisation_id from connection_refresh_tokens where digest = $2
               union all
               select organisation_id from access_tokens where digest = $3"#,
            bytes(code),
            bytes(refresh),
            bytes(access),
        )
        .fetch_optional(self.pool())
        .await?)
    }

    /// Removes what has expired: tokens, connections that were not refreshed, clients that nobody
    /// used for two days after they registered or for ninety since.
    pub async fn purge_connections(&self, now: DateTime<Utc>) -> Result<()> {
        sqlx::query!("delete from access_tokens where expires_at <= $1", now)
            .execute(self.pool())
            .await?;
        // Of a client that refreshes without end, only so many used tokens are remembered.
        sqlx::query!(
            "delete from connection_refresh_tokens
             where expires_at <= $1 or digest in (
                 select digest from (
                     select digest, row_number() over (
                         partition by organisation_id, connection_id order by expires_at desc) as n
                     from connection_refresh_tokens) as numbered
                 where n > 1000)",
            now,
        )
        .execute(self.pool())
        .await?;
        sqlx::query!("delete from connections where expires_at <= $1", now)
            .execute(self.pool())
            .await?;
        sqlx::query!(
            "delete from oauth_clients o
             where case when used_at is null then created_at < $1::timestamptz - interval '2 days'
                        else used_at < $1::timestamptz - interval '90 days' end
               and not exists (select from connections c
                               where c.client_id = 'cli_' || replace(o.id::text, '-', ''))",
            now,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }
}

impl TenantTx {
    /// Keeps what a person allowed a client.
    pub async fn insert_connection(&mut self, new: &NewConnection<'_>) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "insert into connections
                 (organisation_id, id, grant_id, server_id, user_id, client_id, client_name,
                  resource, redirect_uri, challenge, code_digest, code_expires_at, expires_at,
                  created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)",
            organisation as _,
            new.id as _,
            new.grant as _,
            new.server as _,
            new.user as _,
            new.client_id,
            new.client_name,
            new.resource,
            new.redirect_uri,
            new.challenge,
            new.code.as_bytes(),
            new.code_expires_at,
            new.now,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// The connection that a secret belongs to, held until the end of the transaction.
    pub async fn hold_connection(&mut self, shown: Shown) -> Result<Option<HeldConnection>> {
        match shown {
            Shown::Code(digest) => self.hold_by_code(digest).await,
            Shown::Refresh(digest) => self.hold_by_refresh(digest).await,
            Shown::Access(digest) => self.hold_by_access(digest).await,
        }
    }

    async fn hold_by_code(&mut self, code: KeyDigest) -> Result<Option<HeldConnection>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            HeldConnection,
            r#"select c.id as "id: ConnectionId", c.grant_id as "grant: GrantId",
                      g.expires_at as grant_expires_at, c.client_id, c.client_name, c.resource,
                      c.redirect_uri, c.challenge, c.redeemed_at is not null as "is_used!",
                      c.code_expires_at as expires_at
               from connections c
               join grants g on g.organisation_id = c.organisation_id and g.id = c.grant_id
               where c.organisation_id = $1 and c.code_digest = $2
               for update of c"#,
            organisation as _,
            code.as_bytes(),
        )
        .fetch_optional(self.conn())
        .await?)
    }

    async fn hold_by_refresh(&mut self, token: KeyDigest) -> Result<Option<HeldConnection>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            HeldConnection,
            r#"select c.id as "id: ConnectionId", c.grant_id as "grant: GrantId",
                      g.expires_at as grant_expires_at, c.client_id, c.client_name, c.resource,
                      c.redirect_uri, c.challenge, t.used_at is not null as "is_used!",
                      t.expires_at
               from connection_refresh_tokens t
               join connections c on c.organisation_id = t.organisation_id
                    and c.id = t.connection_id
               join grants g on g.organisation_id = c.organisation_id and g.id = c.grant_id
               where t.organisation_id = $1 and t.digest = $2
               for update of c, t"#,
            organisation as _,
            token.as_bytes(),
        )
        .fetch_optional(self.conn())
        .await?)
    }

    async fn hold_by_access(&mut self, token: KeyDigest) -> Result<Option<HeldConnection>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            HeldConnection,
            r#"select c.id as "id: ConnectionId", c.grant_id as "grant: GrantId",
                      g.expires_at as grant_expires_at, c.client_id, c.client_name, c.resource,
                      c.redirect_uri, c.challenge, false as "is_used!", t.expires_at
               from access_tokens t
               join connections c on c.organisation_id = t.organisation_id
                    and c.id = t.connection_id
               join grants g on g.organisation_id = c.organisation_id and g.id = c.grant_id
               where t.organisation_id = $1 and t.digest = $2
               for update of c"#,
            organisation as _,
            token.as_bytes(),
        )
        .fetch_optional(self.conn())
        .await?)
    }

    /// Notes that a refresh token was exchanged.
    pub async fn use_refresh_token(&mut self, token: KeyDigest, now: DateTime<Utc>) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "update connection_refresh_tokens set used_at = $3
             where organisation_id = $1 and digest = $2",
            organisation as _,
            token.as_bytes(),
            now,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Gives a connection new tokens. Of its access tokens, the one before goes on to its end, for
    /// calls that are under way; older ones are gone.
    pub async fn issue_tokens(&mut self, id: ConnectionId, new: &NewTokens) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "delete from access_tokens
             where organisation_id = $1 and connection_id = $2 and digest not in (
                 select digest from access_tokens
                 where organisation_id = $1 and connection_id = $2
                 order by created_at desc, digest limit 1)",
            organisation as _,
            id as _,
        )
        .execute(self.conn())
        .await?;
        sqlx::query!(
            "insert into access_tokens
                 (organisation_id, connection_id, digest, created_at, expires_at)
             values ($1, $2, $3, $4, $5)",
            organisation as _,
            id as _,
            new.access.as_bytes(),
            new.now,
            new.access_expires_at,
        )
        .execute(self.conn())
        .await?;
        sqlx::query!(
            "insert into connection_refresh_tokens
                 (organisation_id, connection_id, digest, expires_at)
             values ($1, $2, $3, $4)",
            organisation as _,
            id as _,
            new.refresh.as_bytes(),
            new.refresh_expires_at,
        )
        .execute(self.conn())
        .await?;
        sqlx::query!(
            "update connections
             set redeemed_at = coalesce(redeemed_at, $3), expires_at = $4,
                 refreshed_at = case when redeemed_at is null then null else $3 end
             where organisation_id = $1 and id = $2",
            organisation as _,
            id as _,
            new.now,
            new.refresh_expires_at,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Ends a connection with all its tokens; gives what the client called itself. None where
    /// there was no such connection.
    pub async fn delete_connection(
        &mut self,
        grant: GrantId,
        id: ConnectionId,
    ) -> Result<Option<String>> {
        let organisation = self.organisation;
        Ok(sqlx::query_scalar!(
            "delete from connections
             where organisation_id = $1 and grant_id = $2 and id = $3
             returning client_name",
            organisation as _,
            grant as _,
            id as _,
        )
        .fetch_optional(self.conn())
        .await?)
    }

    /// The clients that hold tokens of a grant, newest first.
    pub async fn list_connections(
        &mut self,
        grant: GrantId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Connection>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            Connection,
            r#"select c.id as "id: ConnectionId", c.client_id, c.client_name, c.redirect_uri,
                      c.resource, s.slug as "server_slug?: Slug", c.user_id as "user_id: UserId",
                      m.email as "user_email?", c.redeemed_at as "redeemed_at!", c.refreshed_at,
                      c.expires_at
               from connections c
               left join servers s on s.organisation_id = c.organisation_id and s.id = c.server_id
               left join members m on m.organisation_id = c.organisation_id and m.user_id = c.user_id
               where c.organisation_id = $1 and c.grant_id = $2 and c.redeemed_at is not null
                 and c.expires_at > $3
               order by c.id desc
               limit 200"#,
            organisation as _,
            grant as _,
            now,
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// Grants that hold and reach a server (any, if none is named), newest first.
    pub async fn list_usable_grants(
        &mut self,
        server: Option<ServerId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<UsableGrant>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            UsableGrant,
            r#"select g.id as "id: GrantId", g.label, g.expires_at, max(p.name) as policy,
                      count(*) as "servers!"
               from grants g
               join bindings b on b.organisation_id = g.organisation_id and b.grant_id = g.id
               left join policies p on p.organisation_id = b.organisation_id and p.id = b.policy_id
                    and b.server_id = $2
               where g.organisation_id = $1 and g.revoked_at is null
                 and (g.expires_at is null or g.expires_at > $3)
               group by g.id, g.label, g.expires_at
               having $2::uuid is null or bool_or(b.server_id = $2)
               order by g.id desc
               limit 100"#,
            organisation as _,
            server as _,
            now,
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// The tools of a server (of all, if none is named) that can do most, and how many others
    /// there are.
    pub async fn list_riskiest_tools(
        &mut self,
        server: Option<ServerId>,
        most: usize,
    ) -> Result<(Vec<RiskyTool>, i64)> {
        let organisation = self.organisation;
        let tools = sqlx::query_as!(
            RiskyTool,
            r#"select t.name, s.name as server_name, t.category, t.level
               from tools t
               join servers s on s.organisation_id = t.organisation_id and s.id = t.server_id
               where t.organisation_id = $1 and ($2::uuid is null or t.server_id = $2)
                 and t.state <> 'removed'
               order by array_position(array['critical', 'high', 'medium', 'low'], t.level),
                        array_position(
                            array['financial', 'destructive', 'execute', 'write', 'read'], t.category),
                        t.name
               limit $3"#,
            organisation as _,
            server as _,
            i64::try_from(most).unwrap_or(i64::MAX),
        )
        .fetch_all(self.conn())
        .await?;
        let all = sqlx::query_scalar!(
            r#"select count(*) as "n!"
               from tools
               where organisation_id = $1 and ($2::uuid is null or server_id = $2)
                 and state <> 'removed'"#,
            organisation as _,
            server as _,
        )
        .fetch_one(self.conn())
        .await?;
        let shown = i64::try_from(tools.len()).unwrap_or(i64::MAX);
        Ok((tools, all.saturating_sub(shown)))
    }

    /// Names and addresses of some of the admins: whom to ask.
    pub async fn list_admins(&mut self) -> Result<Vec<(String, String)>> {
        let organisation = self.organisation;
        let rows = sqlx::query!(
            r#"select name as "name!", email as "email!"
               from members
               where organisation_id = $1 and role = 'admin'
               order by created_at
               limit 3"#,
            organisation as _,
        )
        .fetch_all(self.conn())
        .await?;
        Ok(rows.into_iter().map(|row| (row.name, row.email)).collect())
    }
}
