//! Requests counted by all replicas together, in Redis. While it does not answer, each replica
//! counts by itself.

use std::time::Duration;

use anyhow::{Context, Result};
use control::SharedRates;
use futures_util::future::BoxFuture;
use redis::RedisError;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

/// Counts that do not answer by then are out of reach.
const DEADLINE: Duration = Duration::from_millis(250);

/// See the module.
pub(crate) struct RedisRates {
    connection: ConnectionManager,
}

impl RedisRates {
    /// Counts at `url`; does not wait for it.
    pub(crate) fn open(url: &str) -> Result<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(DEADLINE))
            .set_response_timeout(Some(DEADLINE))
            .set_max_delay(Duration::from_secs(1));
        let client = redis::Client::open(url).context("REDIS_URL is not the URL of a Redis")?;
        Ok(Self { connection: ConnectionManager::new_lazy_with_config(client, config)? })
    }

    async fn try_raise(&self, name: &str, secs: u64) -> Result<u64, RedisError> {
        let key = format!("drawbridge:rate:{name}");
        let mut connection = self.connection.clone();
        let (count,) = redis::pipe()
            .incr(&key, 1)
            .expire(&key, i64::try_from(secs).unwrap_or(i64::MAX))
            .ignore()
            .query_async(&mut connection)
            .await?;
        Ok(count)
    }
}

impl SharedRates for RedisRates {
    fn raise(&self, name: String, forget_after_secs: u64) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async move {
            match tokio::time::timeout(DEADLINE, self.try_raise(&name, forget_after_secs)).await {
                Ok(Ok(count)) => Some(count),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the shared counts of requests did not answer");
                    None
                }
                Err(_elapsed) => None,
            }
        })
    }
}
