//! Sessions on the per-tenant URL, where one session of a client stands for one session with each
//! server, opened when first needed. Rows are short-lived; a lost one is a 404, and the client
//! initializes again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{OrganisationId, ServerId};
use futures_util::future::{BoxFuture, FutureExt};
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use serde::{Deserialize, Serialize};

/// Sessions kept in process at most.
const MAX_SESSIONS: u64 = 200_000;
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
    /// The level of log messages that the client wants; noted beside the row.
    #[serde(skip)]
    pub level: Option<String>,
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
    /// Keeps a new session of an organisation. Of more than 10 000 the first one ends.
    fn create(
        &self,
        owner: OrganisationId,
        key: SessionKey,
        session: TenantSession,
    ) -> BoxFuture<'_, Result<(), Lost>>;

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

    /// Notes a word in a session under a name, or forgets it. What is noted as `level` comes with
    /// the session itself.
    fn note(
        &self,
        key: SessionKey,
        name: String,
        word: Option<String>,
    ) -> BoxFuture<'_, Result<(), Lost>>;

    /// What is noted under names that begin so.
    fn notes(
        &self,
        key: SessionKey,
        prefix: &'static str,
    ) -> BoxFuture<'_, Result<Vec<(String, String)>, Lost>>;

    /// Takes a noted word away. Of many who take it one has it.
    fn take(&self, key: SessionKey, name: String) -> BoxFuture<'_, Result<Option<String>, Lost>>;

    /// Ends the session; the sessions with servers that it had.
    fn remove(
        &self,
        key: SessionKey,
    ) -> BoxFuture<'_, Result<Vec<(ServerId, UpstreamSession)>, Lost>>;
}

/// Sessions of one organisation at most, so that nobody crowds out the others'.
pub(crate) const MAX_OF_OWNER: usize = 10_000;
/// What is noted in one session at most.
pub(crate) const MAX_NOTES: usize = 512;
pub(crate) const LEVEL: &str = "level";

/// The rows cannot be read or written at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session store is out of reach")]
pub struct Lost;

/// Rows in process: for one replica.
pub struct MemorySessions {
    rows: Cache<SessionKey, Arc<Row>>,
    /// Each organisation's, in the order in which they were opened.
    owned: Cache<OrganisationId, Arc<Mutex<VecDeque<SessionKey>>>>,
}

struct Row {
    session: TenantSession,
    upstreams: Mutex<HashMap<ServerId, UpstreamSession>>,
    notes: Mutex<HashMap<String, String>>,
}

impl Row {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<ServerId, UpstreamSession>) -> T) -> T {
        act(&mut self.upstreams.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn noted<T>(&self, act: impl FnOnce(&mut HashMap<String, String>) -> T) -> T {
        act(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for MemorySessions {
    fn default() -> Self {
        Self {
            rows: Cache::builder()
                .eviction_policy(EvictionPolicy::lru())
                .max_capacity(MAX_SESSIONS)
                .time_to_idle(IDLE)
                .build(),
            owned: Cache::builder().max_capacity(MAX_SESSIONS).time_to_idle(IDLE).build(),
        }
    }
}

impl MemorySessions {
    /// Counts a session as its organisation's; gives the one that it takes the place of.
    async fn own(&self, owner: OrganisationId, key: SessionKey) -> Option<SessionKey> {
        let list = self.owned.get_with(owner, async { Arc::default() }).await;
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() >= MAX_OF_OWNER {
            list.retain(|known| self.rows.contains_key(known));
        }
        list.push_back(key);
        if list.len() > MAX_OF_OWNER { list.pop_front() } else { None }
    }
}

impl SessionStore for MemorySessions {
    fn create(
        &self,
        owner: OrganisationId,
        key: SessionKey,
        session: TenantSession,
    ) -> BoxFuture<'_, Result<(), Lost>> {
        async move {
            if let Some(first) = self.own(owner, key).await {
                self.rows.invalidate(&first).await;
            }
            let (upstreams, notes) = (Mutex::default(), Mutex::default());
            self.rows.insert(key, Arc::new(Row { session, upstreams, notes })).await;
            Ok(())
        }
        .boxed()
    }

    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<TenantSession>, Lost>> {
        async move {
            let row = self.rows.get(&key).await;
            Ok(row.map(|row| {
                let level = row.noted(|notes| notes.get(LEVEL).cloned());
                TenantSession { level, ..row.session.clone() }
            }))
        }
        .boxed()
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

    fn note(
        &self,
        key: SessionKey,
        name: String,
        word: Option<String>,
    ) -> BoxFuture<'_, Result<(), Lost>> {
        async move {
            let row = self.rows.get(&key).await.ok_or(Lost)?;
            row.noted(|notes| match word {
                Some(_) if notes.len() >= MAX_NOTES && !notes.contains_key(&name) => Err(Lost),
                Some(word) => {
                    notes.insert(name, word);
                    Ok(())
                }
                None => {
                    notes.remove(&name);
                    Ok(())
                }
            })
        }
        .boxed()
    }

    fn notes(
        &self,
        key: SessionKey,
        prefix: &'static str,
    ) -> BoxFuture<'_, Result<Vec<(String, String)>, Lost>> {
        async move {
            let Some(row) = self.rows.get(&key).await else { return Ok(Vec::new()) };
            Ok(row.noted(|notes| {
                let found = notes.iter().filter(|(name, _)| name.starts_with(prefix));
                found.map(|(name, word)| (name.clone(), word.clone())).collect()
            }))
        }
        .boxed()
    }

    fn take(&self, key: SessionKey, name: String) -> BoxFuture<'_, Result<Option<String>, Lost>> {
        async move {
            let row = self.rows.get(&key).await.ok_or(Lost)?;
            Ok(row.noted(|notes| notes.remove(&name)))
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
