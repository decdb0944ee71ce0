//! Policies and their immutable versions.

use chrono::{DateTime, Utc};
use domain::{PolicyId, ServerId};

use crate::{Conflict, Page, Paged, Result, TenantTx};

/// A policy with its live document.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// Its name for people.
    pub name: String,
    /// The server it was written for.
    pub server_id: Option<ServerId>,
    /// The live version, counted from 1.
    pub version: i32,
    /// The live document, normalised JSON.
    pub document: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When the live version was published.
    pub published_at: DateTime<Utc>,
    /// How many bindings name it.
    pub bindings: i64,
}

/// A version without its document, for the list of them.
#[derive(Debug, Clone)]
pub struct PolicyChange {
    /// Its number, counted from 1.
    pub version: i32,
    /// What its author said of it.
    pub comment: String,
    /// Who published it: an id.
    pub author: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A policy by its name, for lists to choose from.
#[derive(Debug, Clone)]
pub struct PolicyName {
    /// Its id.
    pub id: PolicyId,
    /// Its name for people.
    pub name: String,
    /// The server it was written for.
    pub server_id: Option<ServerId>,
}

/// One published version.
#[derive(Debug, Clone)]
pub struct PolicyVersion {
    /// Its number, counted from 1.
    pub version: i32,
    /// The document, normalised JSON.
    pub document: String,
    /// What its author said of it.
    pub comment: String,
    /// Who published it: an id.
    pub author: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl TenantTx {
    /// Adds a policy with its first version. Conflicts: `PolicyNameTaken`, `UnknownServer`.
    pub async fn insert_policy(
        &mut self,
        id: PolicyId,
        name: &str,
        server: Option<ServerId>,
        document: &str,
        comment: &str,
    ) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "insert into policies (organisation_id, id, name, server_id, version)
             values ($1, $2, $3, $4, 1)",
            organisation as _,
            id as _,
            name,
            server as _,
        )
        .execute(self.conn())
        .await?;
        self.insert_version(id, 1, document, comment).await
    }

    /// Publishes a new version and gives its number; `None` where there is no such policy.
    /// With `expected`, conflict `Stale` unless that is the live version.
    pub async fn publish_policy(
        &mut self,
        id: PolicyId,
        expected: Option<i32>,
        document: &str,
        comment: &str,
    ) -> Result<Option<i32>> {
        let organisation = self.organisation;
        let live = sqlx::query_scalar!(
            "select version from policies where organisation_id = $1 and id = $2 for update",
            organisation as _,
            id as _,
        )
        .fetch_optional(self.conn())
        .await?;
        let Some(live) = live else { return Ok(None) };
        if expected.is_some_and(|expected| expected != live) {
            return Err(Conflict::Stale.into());
        }
        let next = live + 1;
        self.insert_version(id, next, document, comment).await?;
        sqlx::query!(
            "update policies set version = $3 where organisation_id = $1 and id = $2",
            organisation as _,
            id as _,
            next,
        )
        .execute(self.conn())
        .await?;
        Ok(Some(next))
    }

    async fn insert_version(
        &mut self,
        id: PolicyId,
        version: i32,
        document: &str,
        comment: &str,
    ) -> Result<()> {
        let organisation = self.organisation;
        let author = self.actor.to_string();
        sqlx::query!(
            "insert into policy_versions
                 (organisation_id, policy_id, version, document, comment, author)
             values ($1, $2, $3, $4, $5, $6)",
            organisation as _,
            id as _,
            version,
            document,
            comment,
            author,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// The policy of this id.
    pub async fn find_policy(&mut self, id: PolicyId) -> Result<Option<Policy>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            Policy,
            r#"select p.id as "id: PolicyId", p.name, p.server_id as "server_id: ServerId",
                      p.version, v.document, p.created_at, v.created_at as published_at,
                      (select count(*) from bindings b
                       where b.organisation_id = p.organisation_id and b.policy_id = p.id)
                      as "bindings!"
               from policies p
               join policy_versions v on v.organisation_id = p.organisation_id
                    and v.policy_id = p.id and v.version = p.version
               where p.organisation_id = $1 and p.id = $2"#,
            organisation as _,
            id as _,
        )
        .fetch_optional(self.conn())
        .await?)
    }

    /// Policies, newest first.
    pub async fn list_policies(&mut self, page: Page) -> Result<Paged<Policy>> {
        let organisation = self.organisation;
        let rows = sqlx::query_as!(
            Policy,
            r#"select p.id as "id: PolicyId", p.name, p.server_id as "server_id: ServerId",
                      p.version, v.document, p.created_at, v.created_at as published_at,
                      (select count(*) from bindings b
                       where b.organisation_id = p.organisation_id and b.policy_id = p.id)
                      as "bindings!"
               from policies p
               join policy_versions v on v.organisation_id = p.organisation_id
                    and v.policy_id = p.id and v.version = p.version
               where p.organisation_id = $1 and p.id < $2
               order by p.id desc
               limit $3"#,
            organisation as _,
            page.below(),
            page.fetch(),
        )
        .fetch_all(self.conn())
        .await?;
        Ok(page.cut(rows, |policy| policy.id.as_uuid()))
    }

    /// All policies by their names, in the order of those.
    pub async fn list_policy_names(&mut self) -> Result<Vec<PolicyName>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            PolicyName,
            r#"select id as "id: PolicyId", name, server_id as "server_id: ServerId"
               from policies
               where organisation_id = $1
               order by lower(name), id"#,
            organisation as _,
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// Changes the name or the server it is for. False where there is no such policy.
    pub async fn update_policy(
        &mut self,
        id: PolicyId,
        name: &str,
        server: Option<ServerId>,
    ) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "update policies set name = $3, server_id = $4 where organisation_id = $1 and id = $2",
            organisation as _,
            id as _,
            name,
            server as _,
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes a policy with its versions. Conflict: `PolicyInUse`. False where there was none.
    pub async fn delete_policy(&mut self, id: PolicyId) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "delete from policies where organisation_id = $1 and id = $2",
            organisation as _,
            id as _,
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The latest versions of a policy without their documents, newest first; at most 20.
    pub async fn list_policy_changes(&mut self, id: PolicyId) -> Result<Vec<PolicyChange>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            PolicyChange,
            "select version, comment, author, created_at
             from policy_versions
             where organisation_id = $1 and policy_id = $2
             order by version desc
             limit 20",
            organisation as _,
            id as _,
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// Versions of a policy, newest first; at most 200.
    pub async fn list_policy_versions(&mut self, id: PolicyId) -> Result<Vec<PolicyVersion>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            PolicyVersion,
            "select version, document, comment, author, created_at
             from policy_versions
             where organisation_id = $1 and policy_id = $2
             order by version desc
             limit 200",
            organisation as _,
            id as _,
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// One version.
    pub async fn find_policy_version(
        &mut self,
        id: PolicyId,
        version: i32,
    ) -> Result<Option<PolicyVersion>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            PolicyVersion,
            "select version, document, comment, author, created_at
             from policy_versions
             where organisation_id = $1 and policy_id = $2 and version = $3",
            organisation as _,
            id as _,
            version,
        )
        .fetch_optional(self.conn())
        .await?)
    }
}
