//! Sign-in: the few queries that look for a credential before any tenant is known.

use chrono::{DateTime, TimeDelta, Utc};
use domain::secret::KeyDigest;
use domain::{ApiKeyId, Email, OrganisationId, Role, SessionId, Slug, UserId};

use crate::{Result, Store};

/// A person.
#[derive(Debug, Clone)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their address, as typed.
    pub email: String,
    /// Their name.
    pub name: String,
}

/// A person with the hash to check a password against.
#[derive(Clone)]
pub struct UserWithHash {
    /// The person.
    pub user: User,
    /// PHC string of argon2id.
    pub password_hash: String,
}

/// A person and an organisation to make together.
#[derive(Clone)]
pub struct SignUp<'a> {
    /// The person's id.
    pub user: UserId,
    /// Their address.
    pub email: &'a Email,
    /// Their name.
    pub name: &'a str,
    /// PHC string of argon2id.
    pub password_hash: &'a str,
    /// The organisation's id.
    pub organisation: OrganisationId,
    /// Its slug.
    pub slug: &'a Slug,
    /// Its name.
    pub organisation_name: &'a str,
}

/// One organisation a person belongs to.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The organisation.
    pub organisation: OrganisationId,
    /// Its slug.
    pub slug: Slug,
    /// Its name.
    pub name: String,
    /// The person's role in it.
    pub role: Role,
}

/// A signed-in browser.
#[derive(Debug, Clone)]
pub struct BrowserSession {
    /// The session.
    pub id: SessionId,
    /// Whose.
    pub user: User,
    /// When it was last seen, to the minute.
    pub seen_at: DateTime<Utc>,
}

/// A live API key.
#[derive(Debug, Clone)]
pub struct LiveKey {
    /// The key.
    pub id: ApiKeyId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its organisation.
    pub organisation: OrganisationId,
    /// The organisation's slug.
    pub slug: Slug,
    /// The networks it may be used from; none: from anywhere.
    pub allowed_addresses: Vec<String>,
}

/// What a presented refresh token turned out to be.
#[derive(Debug, Clone)]
pub enum Redeemed {
    /// Good, and replaced by the new one.
    Fresh {
        /// Whose.
        user: UserId,
        /// For which organisation.
        organisation: OrganisationId,
    },
    /// Used before: somebody has a copy. The whole family is ended.
    Reused,
    /// Unknown or expired.
    Unknown,
}

impl Store {
    /// Makes a person, an organisation and the admin membership, as one.
    /// Conflicts: `EmailTaken`, `OrganisationSlugTaken`.
    pub async fn sign_up(&self, new: &SignUp<'_>) -> Result<()> {
        let mut tx = self.pool().begin().await?;
        sqlx::query!(
            "insert into users (id, email, email_folded, name, password_hash)
             values ($1, $2, $3, $4, $5)",
            new.user as _,
            new.email.as_str(),
            new.email.folded(),
            new.name,
            new.password_hash,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "insert into organisations (id, slug, name) values ($1, $2, $3)",
            new.organisation as _,
            new.slug as _,
            new.organisation_name,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "insert into memberships (organisation_id, user_id, role) values ($1, $2, 'admin')",
            new.organisation as _,
            new.user as _,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The account of an address, in any spelling.
    pub async fn find_account(&self, email: &Email) -> Result<Option<UserWithHash>> {
        let row = sqlx::query!(
            r#"select id as "id: UserId", email, name, password_hash
               from users
               where email_folded = $1"#,
            email.folded(),
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| UserWithHash {
            user: User { id: row.id, email: row.email, name: row.name },
            password_hash: row.password_hash,
        }))
    }

    /// The person of this id.
    pub async fn find_user(&self, id: UserId) -> Result<Option<User>> {
        Ok(sqlx::query_as!(
            User,
            r#"select id as "id: UserId", email, name from users where id = $1"#,
            id as _,
        )
        .fetch_optional(self.pool())
        .await?)
    }

    /// Adds a member to an organisation, or changes their role.
    pub async fn put_membership(
        &self,
        organisation: OrganisationId,
        user: UserId,
        role: Role,
    ) -> Result<()> {
        sqlx::query!(
            "insert into memberships (organisation_id, user_id, role) values ($1, $2, $3)
             on conflict (organisation_id, user_id) do update set role = excluded.role",
            organisation as _,
            user as _,
            role as _,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Adds a person without an organisation. Conflict: `EmailTaken`.
    pub async fn insert_user(
        &self,
        id: UserId,
        email: &Email,
        name: &str,
        password_hash: &str,
    ) -> Result<()> {
        sqlx::query!(
            "insert into users (id, email, email_folded, name, password_hash)
             values ($1, $2, $3, $4, $5)",
            id as _,
            email.as_str(),
            email.folded(),
            name,
            password_hash,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Replaces the hash of a password, when it was checked and its parameters are old.
    pub async fn set_password_hash(&self, user: UserId, hash: &str) -> Result<()> {
        sqlx::query!("update users set password_hash = $2 where id = $1", user as _, hash)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// The organisations of a person, by name.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<Membership>> {
        Ok(sqlx::query_as!(
            Membership,
            r#"select o.id as "organisation: OrganisationId", o.slug as "slug: Slug", o.name,
                      m.role as "role: Role"
               from memberships m
               join organisations o on o.id = m.organisation_id
               where m.user_id = $1
               order by o.name, o.id"#,
            user as _,
        )
        .fetch_all(self.pool())
        .await?)
    }

    /// A person's membership in the organisation of this slug; none also where the slug is free.
    pub async fn find_membership(&self, user: UserId, slug: &str) -> Result<Option<Membership>> {
        Ok(sqlx::query_as!(
            Membership,
            r#"select o.id as "organisation: OrganisationId", o.slug as "slug: Slug", o.name,
                      m.role as "role: Role"
               from memberships m
               join organisations o on o.id = m.organisation_id
               where m.user_id = $1 and o.slug = $2"#,
            user as _,
            slug,
        )
        .fetch_optional(self.pool())
        .await?)
    }

    /// Keeps a signed-in browser.
    pub async fn insert_browser_session(
        &self,
        id: SessionId,
        user: UserId,
        digest: KeyDigest,
        user_agent: &str,
        expires_at: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query!(
            "insert into sessions (id, user_id, digest, user_agent, expires_at)
             values ($1, $2, $3, $4, $5)",
            id as _,
            user as _,
            digest.as_bytes(),
            user_agent,
            expires_at,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// The live session of a cookie.
    pub async fn find_browser_session(
        &self,
        digest: KeyDigest,
        now: DateTime<Utc>,
    ) -> Result<Option<BrowserSession>> {
        let row = sqlx::query!(
            r#"select s.id as "id: SessionId", s.seen_at, u.id as "user_id: UserId", u.email, u.name
               from sessions s
               join users u on u.id = s.user_id
               where s.digest = $1 and s.expires_at > $2"#,
            digest.as_bytes(),
            now,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| BrowserSession {
            id: row.id,
            user: User { id: row.user_id, email: row.email, name: row.name },
            seen_at: row.seen_at,
        }))
    }

    /// Notes that a session is in use and when it will now end.
    pub async fn touch_session(
        &self,
        id: SessionId,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query!(
            "update sessions set seen_at = $2, expires_at = $3 where id = $1",
            id as _,
            now,
            expires_at,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Ends a browser session or a token family.
    pub async fn end_session(&self, id: SessionId) -> Result<()> {
        sqlx::query!("delete from sessions where id = $1", id as _).execute(self.pool()).await?;
        Ok(())
    }

    /// Starts a family of refresh tokens.
    pub async fn insert_token_family(
        &self,
        id: SessionId,
        user: UserId,
        organisation: OrganisationId,
        first: KeyDigest,
        expires_at: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.pool().begin().await?;
        sqlx::query!(
            "insert into sessions (id, user_id, organisation_id, expires_at)
             values ($1, $2, $3, $4)",
            id as _,
            user as _,
            organisation as _,
            expires_at,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "insert into refresh_tokens (digest, session_id, expires_at) values ($1, $2, $3)",
            first.as_bytes(),
            id as _,
            expires_at,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Exchanges a refresh token for `next`. A used one ends its family.
    pub async fn redeem_refresh(
        &self,
        presented: KeyDigest,
        next: KeyDigest,
        now: DateTime<Utc>,
        lifetime: TimeDelta,
    ) -> Result<Redeemed> {
        let mut tx = self.pool().begin().await?;
        let row = sqlx::query!(
            r#"select r.session_id as "session: SessionId", r.used_at, r.expires_at,
                      s.user_id as "user: UserId",
                      s.organisation_id as "organisation: OrganisationId"
               from refresh_tokens r
               join sessions s on s.id = r.session_id
               where r.digest = $1
               for update"#,
            presented.as_bytes(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(Redeemed::Unknown) };
        let Some(organisation) = row.organisation else { return Ok(Redeemed::Unknown) };
        if row.used_at.is_some() {
            sqlx::query!("delete from sessions where id = $1", row.session as _)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            return Ok(Redeemed::Reused);
        }
        if row.expires_at <= now {
            return Ok(Redeemed::Unknown);
        }
        sqlx::query!(
            "update refresh_tokens set used_at = $2 where digest = $1",
            presented.as_bytes(),
            now,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "insert into refresh_tokens (digest, session_id, expires_at) values ($1, $2, $3)",
            next.as_bytes(),
            row.session as _,
            now + lifetime,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "update sessions set seen_at = $2, expires_at = $3 where id = $1",
            row.session as _,
            now,
            now + lifetime,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Redeemed::Fresh { user: row.user, organisation })
    }

    /// Ends the family of a refresh token, whatever its state.
    pub async fn end_token_family(&self, presented: KeyDigest) -> Result<()> {
        sqlx::query!(
            "delete from sessions
             where id in (select session_id from refresh_tokens where digest = $1)",
            presented.as_bytes(),
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// A person's membership by organisation id, for an access token.
    pub async fn find_membership_by_id(
        &self,
        user: UserId,
        organisation: OrganisationId,
    ) -> Result<Option<Membership>> {
        Ok(sqlx::query_as!(
            Membership,
            r#"select o.id as "organisation: OrganisationId", o.slug as "slug: Slug", o.name,
                      m.role as "role: Role"
               from memberships m
               join organisations o on o.id = m.organisation_id
               where m.user_id = $1 and m.organisation_id = $2"#,
            user as _,
            organisation as _,
        )
        .fetch_optional(self.pool())
        .await?)
    }

    /// The live API key of this digest; its use is noted, at most once a minute.
    pub async fn find_api_key(
        &self,
        digest: KeyDigest,
        now: DateTime<Utc>,
    ) -> Result<Option<LiveKey>> {
        let key = sqlx::query_as!(
            LiveKey,
            r#"select k.id as "id: ApiKeyId", k.name, k.role as "role: Role",
                      k.organisation_id as "organisation: OrganisationId", o.slug as "slug: Slug",
                      k.allowed_addresses
               from api_keys k
               join organisations o on o.id = k.organisation_id
               where k.digest = $1 and (k.expires_at is null or k.expires_at > $2)"#,
            digest.as_bytes(),
            now,
        )
        .fetch_optional(self.pool())
        .await?;
        if let Some(key) = &key {
            sqlx::query!(
                "update api_keys set used_at = $3
                 where organisation_id = $1 and id = $2
                   and (used_at is null or used_at < $3::timestamptz - interval '1 minute')",
                key.organisation as _,
                key.id as _,
                now,
            )
            .execute(self.pool())
            .await?;
        }
        Ok(key)
    }

    /// Removes what has expired: sessions and refresh tokens.
    pub async fn purge_sessions(&self, now: DateTime<Utc>) -> Result<u64> {
        let done = sqlx::query!("delete from sessions where expires_at <= $1", now)
            .execute(self.pool())
            .await?;
        sqlx::query!("delete from refresh_tokens where expires_at <= $1", now)
            .execute(self.pool())
            .await?;
        Ok(done.rows_affected())
    }
}
