//! The tasks that this replica gave out or was asked about, and by which tool they came to be.
//! Messages in which a server names a task say nothing of its tool, nor of whose it is.

use std::sync::Arc;
use std::time::Duration;

use domain::{GrantId, ServerId};
use moka::future::Cache;
use moka::policy::EvictionPolicy;

use super::Task;

const MAX_TASKS: u64 = 100_000;
const IDLE: Duration = Duration::from_hours(24);

/// See the module. What is forgotten is only not listed and not announced any more: the id that
/// the client has still opens.
pub(crate) struct Known(Cache<(GrantId, ServerId, String), Arc<str>>);

impl Default for Known {
    fn default() -> Self {
        Self(
            Cache::builder()
                .eviction_policy(EvictionPolicy::lru())
                .max_capacity(MAX_TASKS)
                .time_to_idle(IDLE)
                .build(),
        )
    }
}

impl Known {
    /// Remembers whose a task is.
    pub(crate) async fn learn(&self, grant: GrantId, task: &Task) {
        self.0.insert((grant, task.server, task.id.clone()), task.tool.as_str().into()).await;
    }

    /// A server's task, if it is known to be this grant's.
    pub(crate) async fn find(&self, grant: GrantId, server: ServerId, id: &str) -> Option<Task> {
        let tool = self.0.get(&(grant, server, id.to_owned())).await?;
        Some(Task { server, tool: tool.as_ref().to_owned(), id: id.to_owned() })
    }
}
