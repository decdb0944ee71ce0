//! Where limits are counted: in process with a journal on local disk, or in a Redis that all
//! replicas share.

mod journal;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use domain::Clock;
use gateway::limits::CounterStore;
use gateway::limits::journal::Journal;
use gateway::limits::memory::MemoryCounters;
use gateway::limits::redis::RedisCounters;
use tokio::time::timeout;

use crate::config::Storage;

/// The counters of this configuration. A Redis that does not answer stops the start.
pub(crate) async fn open(storage: &Storage, clock: Clock) -> Result<Arc<dyn CounterStore>> {
    match &storage.redis_url {
        None => {
            let (kept, journal) = journal::open(&storage.data_dir.join("counters"))?;
            let journal: Arc<dyn Journal> = Arc::new(journal);
            Ok(Arc::new(MemoryCounters::restored(clock, &kept, &journal)))
        }
        Some(url) => Ok(Arc::new(connect(url).await?)),
    }
}

/// Connects, or says in one sentence why not.
pub(crate) async fn connect(url: &str) -> Result<RedisCounters> {
    const HINT: &str = "cannot reach the Redis of REDIS_URL";
    let client = redis::Client::open(url).context(HINT)?;
    let ping = async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("PING").query_async::<String>(&mut connection).await
    };
    timeout(Duration::from_secs(5), ping).await.context(HINT)?.context(HINT)?;
    RedisCounters::open(url).context(HINT)
}
