//! Grants: what agents hold, and which policy each server is under for them.

use chrono::{DateTime, Utc};
use domain::secret::KeyDigest;
use domain::{GrantId, PolicyId, ServerId, Slug};
use uuid::Uuid;

use crate::{Page, Paged, Result, TenantTx};

/// A grant, without its token.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Its label.
    pub label: String,
    /// Who made it: an id.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when it is refused.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The last characters of its newest token.
    pub hint: Option<String>,
    /// When it last called.
    pub used_at: Option<DateTime<Utc>>,
}

/// A binding with the names that a list shows.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The grant.
    pub grant_id: GrantId,
    /// The server.
    pub server_id: ServerId,
    /// Its slug.
    pub server_slug: Slug,
    /// Its name.
    pub server_name: String,
    /// The policy; without one everything is denied.
    pub policy_id: Option<PolicyId>,
    /// Its name.
    pub policy_name: Option<String>,
}

/// A binding to store.
#[derive(Debug, Clone, Copy)]
pub struct NewBinding {
    /// The server.
    pub server_id: ServerId,
    /// The policy.
    pub policy_id: Option<PolicyId>,
}

/// A token to store.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Its digest.
    pub digest: KeyDigest,
    /// Its last characters.
    pub hint: String,
}

impl TenantTx {
    /// Adds a grant with its token and bindings.
    /// Conflicts: `GrantLabelTaken`, `UnknownServer`, `UnknownPolicy`.
    pub async fn insert_grant(
        &mut self,
        id: GrantId,
        label: &str,
        expires_at: Option<DateTime<Utc>>,
        token: &NewToken,
        bindings: &[NewBinding],
    ) -> Result<()> {
        self.insert_bare_grant(id, label, expires_at, bindings).await?;
        self.insert_token(id, token).await
    }

    /// Adds a grant that has no token of its own: what it is used by logs in.
    /// Conflicts: `GrantLabelTaken`, `UnknownServer`, `UnknownPolicy`.
    pub async fn insert_bare_grant(
        &mut self,
        id: GrantId,
        label: &str,
        expires_at: Option<DateTime<Utc>>,
        bindings: &[NewBinding],
    ) -> Result<()> {
        let organisation = self.organisation;
        let author = self.actor.to_string();
        sqlx::query!(
            "insert into grants (organisation_id, id, label, created_by, expires_at)
             values ($1, $2, $3, $4, $5)",
            organisation as _,
            id as _,
            label,
            author,
            expires_at,
        )
        .execute(self.conn())
        .await?;
        self.insert_bindings(id, bindings).await
    }

    async fn insert_token(&mut self, id: GrantId, token: &NewToken) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "insert into grant_tokens (organisation_id, grant_id, digest, hint, created_at)
             values ($1, $2, $3, $4, clock_timestamp())",
            organisation as _,
            id as _,
            token.digest.as_bytes(),
            token.hint,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    async fn insert_bindings(&mut self, id: GrantId, bindings: &[NewBinding]) -> Result<()> {
        let organisation = self.organisation;
        let servers: Vec<Uuid> = bindings.iter().map(|b| b.server_id.as_uuid()).collect();
        let policies: Vec<Option<Uuid>> =
            bindings.iter().map(|b| b.policy_id.map(PolicyId::as_uuid)).collect();
        sqlx::query!(
            "insert into bindings (organisation_id, grant_id, server_id, policy_id)
             select $1, $2, b.server_id, b.policy_id
             from unnest($3::uuid[], $4::uuid[]) as b (server_id, policy_id)",
            organisation as _,
            id as _,
            &servers,
            &policies as _,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// The grant of this id, revoked ones too.
    pub async fn find_grant(&mut self, id: GrantId) -> Result<Option<Grant>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            Grant,
            r#"select id as "id: GrantId", label, created_by, created_at, expires_at, revoked_at,
                      (select t.hint from grant_tokens t
                       where t.organisation_id = g.organisation_id and t.grant_id = g.id
                       order by t.created_at desc limit 1) as hint,
                      (select c.at from calls c
                       where c.organisation_id = g.organisation_id and c.grant_id = g.id
                       order by c.id desc limit 1) as used_at
               from grants g
               where organisation_id = $1 and id = $2"#,
            organisation as _,
            id as _,
        )
        .fetch_optional(self.conn())
        .await?)
    }

    /// Grants, newest first, revoked ones too.
    pub async fn list_grants(&mut self, page: Page) -> Result<Paged<Grant>> {
        let organisation = self.organisation;
        let rows = sqlx::query_as!(
            Grant,
            r#"select id as "id: GrantId", label, created_by, created_at, expires_at, revoked_at,
                      (select t.hint from grant_tokens t
                       where t.organisation_id = g.organisation_id and t.grant_id = g.id
                       order by t.created_at desc limit 1) as hint,
                      (select c.at from calls c
                       where c.organisation_id = g.organisation_id and c.grant_id = g.id
                       order by c.id desc limit 1) as used_at
               from grants g
               where organisation_id = $1 and id < $2
               order by id desc
               limit $3"#,
            organisation as _,
            page.below(),
            page.fetch(),
        )
        .fetch_all(self.conn())
        .await?;
        Ok(page.cut(rows, |grant| grant.id.as_uuid()))
    }

    /// Bindings of these grants, by server.
    pub async fn list_bindings(&mut self, grants: &[GrantId]) -> Result<Vec<Binding>> {
        let organisation = self.organisation;
        let grants: Vec<Uuid> = grants.iter().map(|id| id.as_uuid()).collect();
        Ok(sqlx::query_as!(
            Binding,
            r#"select b.grant_id as "grant_id: GrantId", b.server_id as "server_id: ServerId",
                      s.slug as "server_slug: Slug", s.name as server_name,
                      b.policy_id as "policy_id: PolicyId", p.name as "policy_name?"
               from bindings b
               join servers s on s.organisation_id = b.organisation_id and s.id = b.server_id
               left join policies p on p.organisation_id = b.organisation_id and p.id = b.policy_id
               where b.organisation_id = $1 and b.grant_id = any ($2)
               order by b.grant_id, s.slug"#,
            organisation as _,
            &grants,
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// Bindings of live grants under one policy, by grant, with the grant's label.
    pub async fn list_policy_bindings(
        &mut self,
        policy: PolicyId,
    ) -> Result<Vec<(GrantId, String, Slug)>> {
        let organisation = self.organisation;
        let rows = sqlx::query!(
            r#"select b.grant_id as "grant_id: GrantId", g.label, s.slug as "slug: Slug"
               from bindings b
               join grants g on g.organisation_id = b.organisation_id and g.id = b.grant_id
               join servers s on s.organisation_id = b.organisation_id and s.id = b.server_id
               where b.organisation_id = $1 and b.policy_id = $2 and g.revoked_at is null
               order by lower(g.label), s.slug"#,
            organisation as _,
            policy as _,
        )
        .fetch_all(self.conn())
        .await?;
        Ok(rows.into_iter().map(|row| (row.grant_id, row.label, row.slug)).collect())
    }

    /// Labels of grants that are not revoked, in their order.
    pub async fn list_grant_labels(&mut self) -> Result<Vec<(GrantId, String)>> {
        let organisation = self.organisation;
        let rows = sqlx::query!(
            r#"select id as "id: GrantId", label
               from grants
               where organisation_id = $1 and revoked_at is null
               order by lower(label), id"#,
            organisation as _,
        )
        .fetch_all(self.conn())
        .await?;
        Ok(rows.into_iter().map(|row| (row.id, row.label)).collect())
    }

    /// Bindings of live grants to one server.
    pub async fn list_server_bindings(
        &mut self,
        server: ServerId,
    ) -> Result<Vec<(GrantId, String, Option<PolicyId>)>> {
        let organisation = self.organisation;
        let rows = sqlx::query!(
            r#"select b.grant_id as "grant_id: GrantId", g.label,
                      b.policy_id as "policy_id: PolicyId"
               from bindings b
               join grants g on g.organisation_id = b.organisation_id and g.id = b.grant_id
               where b.organisation_id = $1 and b.server_id = $2 and g.revoked_at is null
               order by g.label"#,
            organisation as _,
            server as _,
        )
        .fetch_all(self.conn())
        .await?;
        Ok(rows.into_iter().map(|row| (row.grant_id, row.label, row.policy_id)).collect())
    }

    /// Changes label and expiry of a live grant. Conflict: `GrantLabelTaken`. False where there
    /// is none.
    pub async fn update_grant(
        &mut self,
        id: GrantId,
        label: &str,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "update grants set label = $3, expires_at = $4
             where organisation_id = $1 and id = $2 and revoked_at is null",
            organisation as _,
            id as _,
            label,
            expires_at,
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Replaces all bindings. Conflicts: `UnknownServer`, `UnknownPolicy`.
    pub async fn replace_bindings(&mut self, id: GrantId, bindings: &[NewBinding]) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "delete from bindings where organisation_id = $1 and grant_id = $2",
            organisation as _,
            id as _,
        )
        .execute(self.conn())
        .await?;
        self.insert_bindings(id, bindings).await
    }

    /// Puts an existing binding under another policy, or none. Conflict: `UnknownPolicy`. False
    /// where there is no such binding.
    pub async fn set_binding_policy(
        &mut self,
        grant: GrantId,
        server: ServerId,
        policy: Option<PolicyId>,
    ) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "update bindings set policy_id = $4
             where organisation_id = $1 and grant_id = $2 and server_id = $3",
            organisation as _,
            grant as _,
            server as _,
            policy as _,
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives a live grant a new token. The old ones work until `overlap_until`, or stop at once.
    /// False where there is no such live grant.
    pub async fn rotate_grant(
        &mut self,
        id: GrantId,
        token: &NewToken,
        overlap_until: Option<DateTime<Utc>>,
    ) -> Result<bool> {
        let organisation = self.organisation;
        let live = sqlx::query_scalar!(
            "select 1 as one from grants
             where organisation_id = $1 and id = $2 and revoked_at is null
             for update",
            organisation as _,
            id as _,
        )
        .fetch_optional(self.conn())
        .await?;
        if live.is_none() {
            return Ok(false);
        }
        sqlx::query!(
            "delete from grant_tokens
             where organisation_id = $1 and grant_id = $2
               and ($3::timestamptz is null or expires_at is not null)",
            organisation as _,
            id as _,
            overlap_until,
        )
        .execute(self.conn())
        .await?;
        sqlx::query!(
            "update grant_tokens set expires_at = $3
             where organisation_id = $1 and grant_id = $2",
            organisation as _,
            id as _,
            overlap_until,
        )
        .execute(self.conn())
        .await?;
        self.insert_token(id, token).await?;
        Ok(true)
    }

    /// Ends a grant: its tokens, connections and bindings are gone, its label is free again. False where there is no such live grant.
    pub async fn revoke_grant(&mut self, id: GrantId, now: DateTime<Utc>) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "update grants set revoked_at = $3
             where organisation_id = $1 and id = $2 and revoked_at is null",
            organisation as _,
            id as _,
            now,
        )
        .execute(self.conn())
        .await?;
        sqlx::query!(
            "delete from grant_tokens where organisation_id = $1 and grant_id = $2",
            organisation as _,
            id as _,
        )
        .execute(self.conn())
        .await?;
        sqlx::query!(
            "delete from connections where organisation_id = $1 and grant_id = $2",
            organisation as _,
            id as _,
        )
        .execute(self.conn())
        .await?;
        sqlx::query!(
            "delete from bindings where organisation_id = $1 and grant_id = $2",
            organisation as _,
            id as _,
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
