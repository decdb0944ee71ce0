//! Sessions on the per-tenant URL, where one session of a client stands for one session with each
//! server, opened when first needed. Rows are short-lived; a lost one is a 404, and the client
//! initializes again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ServerId;
use futures_util::future::{BoxFuture, FutureExt};
use moka::future::Cache;
use serde::{Deserialize, Serialize};

/// Sessions kept in process at most.
const MAX_SESSIONS: u64 = 100_000;
/// How long an unused session is kept.
pub(crate) const IDLE: Duration = Duration::from_hours(24);

/// The random name of a row; the client has it sealed.
pub type SessionKey = [u8; 16];

/// What the client said when it initialized; servers are told the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantSession {
    /// The revision agreed on.
    pub version: String,
    /// `params` of its `initialize`, as written.
    pub params: String,
}

/// The session with one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamSession {
    /// The id that the server gave, if it keeps sessions.
    pub id: Option<String>,
    /// The revision that the server chose.
    pub version: String,
}

/// Where the rows are.
pub trait SessionStore: Send + Sync + 'static {
    /// Keeps a new session.
    fn create(&self, key: SessionKey, session: TenantSession) -> BoxFuture<'_, Result<(), Lost>>;

    /// The session of that key.
    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<TenantSession>, Lost>>;

    /// The session with one server, if it was opened.
    fn upstream(
        &self,
        key: SessionKey,
        server: ServerId,
    ) -> BoxFuture<'_, Result<Option<UpstreamSession>, Lost>>;

    /// Keeps the session with one server, unless another replica was first: the one that counts.
    fn join(
        &self,
        key: SessionKey,
        server: ServerId,
        session: UpstreamSession,
    ) -> BoxFuture<'_, Result<UpstreamSession, Lost>>;

    /// Forgets the session with one server, which that server ended.
    fn leave(&self, key: SessionKey, server: ServerId) -> BoxFuture<'_, Result<(), Lost>>;

    /// Ends the session; the sessions with servers that it had.
    fn remove(
        &self,
        key: SessionKey,
    ) -> BoxFuture<'_, Result<Vec<(ServerId, UpstreamSession)>, Lost>>;
}

/// The rows cannot be read or written at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session store is out of reach")]
pub struct Lost;

/// Rows in process: for one replica.
pub struct MemorySessions {
    rows: Cache<SessionKey, Arc<Row>>,
}

struct Row {
    session: TenantSession,
    upstreams: Mutex<HashMap<ServerId, UpstreamSession>>,
}

impl Row {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<ServerId, UpstreamSession>) -> T) -> T {
        act(&mut self.upstreams.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for MemorySessions {
    fn default() -> Self {
        Self { rows: Cache::builder().max_capacity(MAX_SESSIONS).time_to_idle(IDLE).build() }
    }
}

impl SessionStore for MemorySessions {
    fn create(&self, key: SessionKey, session: TenantSession) -> BoxFuture<'_, Result<(), Lost>> {
        async move {
            self.rows.insert(key, Arc::new(Row { session, upstreams: Mutex::default() })).await;
            Ok(())
        }
        .boxed()
    }

    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<TenantSession>, Lost>> {
        async move { Ok(self.rows.get(&key).await.map(|row| row.session.clone())) }.boxed()
    }

    fn upstream(
        &self,
        key: SessionKey,
        server: ServerId,
    ) -> BoxFuture<'_, Result<Option<UpstreamSession>, Lost>> {
        async move {
            let row = self.rows.get(&key).await;
            Ok(row.and_then(|row| row.with(|open| open.get(&server).cloned())))
        }
        .boxed()
    }

    fn join(
        &self,
        key: SessionKey,
        server: ServerId,
        session: UpstreamSession,
    ) -> BoxFuture<'_, Result<UpstreamSession, Lost>> {
        async move {
            let row = self.rows.get(&key).await.ok_or(Lost)?;
            Ok(row.with(|open| open.entry(server).or_insert(session).clone()))
        }
        .boxed()
    }

    fn leave(&self, key: SessionKey, server: ServerId) -> BoxFuture<'_, Result<(), Lost>> {
        async move {
            if let Some(row) = self.rows.get(&key).await {
                row.with(|open| open.remove(&server));
            }
            Ok(())
        }
        .boxed()
    }

    fn remove(
        &self,
        key: SessionKey,
    ) -> BoxFuture<'_, Result<Vec<(ServerId, UpstreamSession)>, Lost>> {
        async move {
            let row = self.rows.remove(&key).await;
            Ok(row.map(|row| row.with(|open| open.drain().collect())).unwrap_or_default())
        }
        .boxed()
    }
}
