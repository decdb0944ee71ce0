//! The pool, and the transaction that belongs to one tenant.

use std::fmt;
use std::net::IpAddr;

use domain::{ApiKeyId, AttemptId, OrganisationId, SessionId, UserId};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use crate::audit::Event;
use crate::{Error, Result};

/// The database. Cheap to clone; the pool is private, so that no query is written elsewhere.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
}

/// Who makes a change, for the audit log and for authorship.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A member, in the browser or with an access token.
    User(UserId),
    /// An API key.
    Key(ApiKeyId),
    /// The product itself: discovery at registration, clean-up.
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "{id}"),
            Self::Key(id) => write!(f, "{id}"),
            Self::System => f.write_str("system"),
        }
    }
}

/// What a change was asked for with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Credential {
    /// Nothing: the product did it by itself.
    #[default]
    None,
    /// The session of a browser.
    Session(SessionId),
    /// An access token of the API.
    AccessToken,
    /// An API key.
    Key(ApiKeyId),
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Session(id) => write!(f, "session {id}"),
            Self::AccessToken => f.write_str("access token"),
            Self::Key(id) => write!(f, "API key {id}"),
        }
    }
}

/// Where a change comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin {
    /// What it was asked for with.
    pub credential: Credential,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The attempt of an idempotent request that it is a part of.
    pub attempt: Option<AttemptId>,
}

/// The tenant that a guard vouches for, and who acts in it.
#[derive(Debug, Clone, Copy)]
pub struct Tenant {
    /// The organisation.
    pub organisation: OrganisationId,
    /// Who acts.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
}

impl Tenant {
    /// An organisation in which the product acts by itself.
    pub fn by_system(organisation: OrganisationId) -> Self {
        Self { organisation, actor: Actor::System, origin: Origin::default() }
    }
}

/// A transaction confined to one tenant by role and row security. Dropped, it rolls back.
pub struct TenantTx {
    tx: Transaction<'static, Postgres>,
    pub(crate) organisation: OrganisationId,
    pub(crate) actor: Actor,
    pub(crate) origin: Origin,
}

impl Store {
    /// The store over an open pool.
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Opens a transaction for one tenant. One round trip after `begin`.
    pub async fn tenant(&self, tenant: Tenant) -> Result<TenantTx> {
        let mut tx = self.pool.begin().await?;
        #[expect(clippy::disallowed_methods, reason = "the one statement that has no columns to check")]
        sqlx::query(
            "select set_config('role', 'tenant_tx', true), set_config('app.organisation_id', $1, true)",
        )
        .bind(tenant.organisation.as_uuid().to_string())
        .execute(&mut *tx)
        .await?;
        let Tenant { organisation, actor, origin } = tenant;
        Ok(TenantTx { tx, organisation, actor, origin })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query_scalar!("select 1 as one").fetch_one(&self.pool).await?;
        Ok(())
    }

    pub(crate) const fn pool(&self) -> &PgPool {
        &self.pool
    }
}

impl TenantTx {
    /// The tenant of this transaction.
    pub const fn organisation_id(&self) -> OrganisationId {
        self.organisation
    }

    /// Writes the audit row and commits, as one.
    pub async fn commit(mut self, event: Event) -> Result<()> {
        self.insert_event(&event).await?;
        self.note_attempt().await?;
        self.tx.commit().await.map_err(Error::from)
    }

    /// Writes an audit row beside that of the commit, where one deed changes several things.
    pub async fn also(&mut self, event: &Event) -> Result<()> {
        self.insert_event(event).await?;
        // What was noted up to here is that row's.
        sqlx::query_scalar!("select set_config('app.changes', '', true) as nothing")
            .fetch_one(self.conn())
            .await?;
        Ok(())
    }

    /// Commits what needs no audit row; `_reason` says why, at the place of the call.
    pub async fn commit_unaudited(self, _reason: &'static str) -> Result<()> {
        self.tx.commit().await.map_err(Error::from)
    }

    pub(crate) fn conn(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}

impl fmt::Debug for TenantTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantTx").field("organisation", &self.organisation).finish_non_exhaustive()
    }
}
