//! Sessions of per-tenant URLs in Redis, shared by all replicas: one hash each, which expires
//! when it is not used for a day. Its fields are the session itself and, by their ids, the
//! sessions with servers.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use domain::{OrganisationId, ServerId};
use futures_util::future::{BoxFuture, FutureExt};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{FromRedisValue, RedisError, pipe};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::store::{
    IDLE, LEVEL, Lost, MAX_NOTES, MAX_OF_OWNER, SessionKey, SessionStore, TenantSession,
    UpstreamSession,
};

const DEADLINE: Duration = Duration::from_millis(500);
const SESSION: &str = "session";
const NOTE: &str = "note:";

/// See the module.
pub struct RedisSessions(ConnectionManager);

impl RedisSessions {
    /// Sessions at `url`. Does not wait for the server: until it answers, sessions are lost.
    pub fn open(url: &str) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(DEADLINE))
            .set_response_timeout(Some(DEADLINE))
            .set_max_delay(Duration::from_secs(1));
        let client = redis::Client::open(url)?;
        ConnectionManager::new_lazy_with_config(client, config).map(Self)
    }

    async fn run<T: FromRedisValue>(&self, commands: &redis::Pipeline) -> Result<T, Lost> {
        let mut connection = self.0.clone();
        match tokio::time::timeout(DEADLINE, commands.query_async(&mut connection)).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the session store did not answer");
                Err(Lost)
            }
            Err(_elapsed) => Err(Lost),
        }
    }

    fn field<T: DeserializeOwned + Send>(
        &self,
        key: SessionKey,
        field: String,
    ) -> BoxFuture<'_, Result<Option<T>, Lost>> {
        async move {
            let (name, mut commands) = (name(key), pipe());
            commands.hget(&name, field).expire(&name, idle_secs()).ignore();
            let (found,): (Option<String>,) = self.run(&commands).await?;
            Ok(found.and_then(|text| serde_json::from_str(&text).ok()))
        }
        .boxed()
    }
}

impl RedisSessions {
    /// Ends the session that was opened first, if it has not ended by itself.
    async fn end_first(&self, owned: &str) -> Result<(), Lost> {
        let mut commands = pipe();
        commands.rpop(owned, None);
        let (first,): (Option<String>,) = self.run(&commands).await?;
        let Some(first) = first else { return Ok(()) };
        let mut commands = pipe();
        commands.del(first).ignore();
        self.run(&commands).await
    }
}

impl SessionStore for RedisSessions {
    fn create(
        &self,
        owner: OrganisationId,
        key: SessionKey,
        session: TenantSession,
    ) -> BoxFuture<'_, Result<(), Lost>> {
        async move {
            let (name, list, mut commands) = (name(key), list_of(owner), pipe());
            commands.atomic().hset(&name, SESSION, written(&session)?).ignore();
            commands.expire(&name, idle_secs()).ignore();
            commands.lpush(&list, &name).expire(&list, idle_secs()).ignore();
            let (count,): (usize,) = self.run(&commands).await?;
            if count > MAX_OF_OWNER {
                self.end_first(&list).await?;
            }
            Ok(())
        }
        .boxed()
    }

    fn find(&self, key: SessionKey) -> BoxFuture<'_, Result<Option<TenantSession>, Lost>> {
        async move {
            let (name, mut commands) = (name(key), pipe());
            commands.hget(&name, SESSION).hget(&name, noted(LEVEL));
            commands.expire(&name, idle_secs()).ignore();
            let (found, level): (Option<String>, Option<String>) = self.run(&commands).await?;
            let session = found.and_then(|text| serde_json::from_str(&text).ok());
            Ok(session.map(|session: TenantSession| TenantSession { level, ..session }))
        }
        .boxed()
    }

    fn upstream(
        &self,
        key: SessionKey,
        server: ServerId,
    ) -> BoxFuture<'_, Result<Option<UpstreamSession>, Lost>> {
        self.field(key, server.to_string())
    }

    fn join(
        &self,
        key: SessionKey,
        server: ServerId,
        session: UpstreamSession,
    ) -> BoxFuture<'_, Result<UpstreamSession, Lost>> {
        async move {
            let (name, field, mut commands) = (name(key), server.to_string(), pipe());
            commands.atomic().hset_nx(&name, &field, written(&session)?).ignore();
            commands.hget(&name, &field).hexists(&name, SESSION);
            let (joined, exists): (String, bool) = self.run(&commands).await?;
            if !exists {
                // The client's session ended meanwhile: nothing is to be left of it.
                self.remove(key).await?;
                return Err(Lost);
            }
            serde_json::from_str(&joined).map_err(|_unreadable| Lost)
        }
        .boxed()
    }

    fn leave(&self, key: SessionKey, server: ServerId) -> BoxFuture<'_, Result<(), Lost>> {
        async move {
            let mut commands = pipe();
            commands.hdel(name(key), server.to_string()).ignore();
            self.run(&commands).await
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
            let (row, field, mut commands) = (self::name(key), noted(&name), pipe());
            let Some(word) = word else {
                commands.hdel(row, field).ignore();
                return self.run(&commands).await;
            };
            commands.atomic().hset(&row, &field, word).ignore();
            commands.hexists(&row, SESSION).hlen(&row);
            let (exists, fields): (bool, usize) = self.run(&commands).await?;
            if !exists {
                self.remove(key).await?;
                return Err(Lost);
            }
            if fields > MAX_NOTES {
                let mut commands = pipe();
                commands.hdel(row, field).ignore();
                let () = self.run(&commands).await?;
                return Err(Lost);
            }
            Ok(())
        }
        .boxed()
    }

    fn notes(
        &self,
        key: SessionKey,
        prefix: &'static str,
    ) -> BoxFuture<'_, Result<Vec<(String, String)>, Lost>> {
        async move {
            let mut commands = pipe();
            commands.hgetall(name(key));
            let (fields,): (HashMap<String, String>,) = self.run(&commands).await?;
            let read = |(field, word): (String, String)| {
                let name = field.strip_prefix(NOTE)?.to_owned();
                name.starts_with(prefix).then_some((name, word))
            };
            Ok(fields.into_iter().filter_map(read).collect())
        }
        .boxed()
    }

    fn take(&self, key: SessionKey, name: String) -> BoxFuture<'_, Result<Option<String>, Lost>> {
        async move {
            let (row, field, mut commands) = (self::name(key), noted(&name), pipe());
            commands.atomic().hget(&row, &field).hdel(&row, &field).ignore();
            let (word,): (Option<String>,) = self.run(&commands).await?;
            Ok(word)
        }
        .boxed()
    }

    fn remove(
        &self,
        key: SessionKey,
    ) -> BoxFuture<'_, Result<Vec<(ServerId, UpstreamSession)>, Lost>> {
        async move {
            let (name, mut commands) = (name(key), pipe());
            commands.atomic().hgetall(&name).del(&name).ignore();
            let (fields,): (HashMap<String, String>,) = self.run(&commands).await?;
            let read = |(server, session): (String, String)| {
                Some((server.parse().ok()?, serde_json::from_str(&session).ok()?))
            };
            Ok(fields.into_iter().filter_map(read).collect())
        }
        .boxed()
    }
}

/// The list of an organisation's sessions, the last one first.
fn list_of(owner: OrganisationId) -> String {
    format!("drawbridge:sessions:{owner}")
}

/// The field of a noted word.
fn noted(name: &str) -> String {
    format!("{NOTE}{name}")
}

fn written(value: &impl Serialize) -> Result<String, Lost> {
    serde_json::to_string(value).map_err(|_unwritable| Lost)
}

fn idle_secs() -> i64 {
    i64::try_from(IDLE.as_secs()).unwrap_or(i64::MAX)
}

fn name(key: SessionKey) -> String {
    let mut name = String::from("drawbridge:session:");
    for byte in key {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}
