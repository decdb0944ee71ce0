//! What was asked on streams that a client can come back to (by GET, with `Last-Event-ID`), so
//! that an answer that comes there is judged by what was asked, and not by its shape alone.

use std::sync::Arc;
use std::time::Duration;

use domain::GrantId;
use mcp::method::Method;
use moka::Entry;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use policy::ResponseRule;

use crate::tasks::Named;

const MAX_REMEMBERED: u64 = 50_000;
const IDLE: Duration = Duration::from_mins(10);

/// A request whose answer may come on another stream.
pub(crate) struct Before {
    pub(crate) method: Method,
    pub(crate) named: Named,
    pub(crate) response: Option<Arc<ResponseRule>>,
}

impl Before {
    /// Whether an answer to either is judged alike.
    fn is_like(&self, other: &Self) -> bool {
        let same_rule = match (&self.response, &other.response) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        same_rule && self.method == other.method
    }
}

/// See the module. What is forgotten is judged by its shape, and so is what was asked under an id
/// that had asked something else before: a client may use an id twice.
pub(crate) struct Resumable(Cache<(GrantId, [u8; 16], String), Option<Arc<Before>>>);

impl Default for Resumable {
    fn default() -> Self {
        Self(
            Cache::builder()
                .eviction_policy(EvictionPolicy::lru())
                .max_capacity(MAX_REMEMBERED)
                .time_to_idle(IDLE)
                .build(),
        )
    }
}

impl Resumable {
    /// Keeps what was asked in a session, under the id of the request as written.
    pub(crate) async fn remember(
        &self,
        grant: GrantId,
        session: [u8; 16],
        id: &str,
        before: Before,
    ) {
        let entry = self.0.entry((grant, session, id.to_owned()));
        let asked = |known: Option<Entry<_, Option<Arc<Before>>>>| {
            let is_clear = known
                .is_none_or(|known| known.into_value().is_some_and(|known| known.is_like(&before)));
            std::future::ready(is_clear.then(|| Arc::new(before)))
        };
        entry.and_upsert_with(asked).await;
    }

    /// What was asked under that id.
    pub(crate) async fn find(
        &self,
        grant: GrantId,
        session: [u8; 16],
        id: &str,
    ) -> Option<Arc<Before>> {
        self.0.get(&(grant, session, id.to_owned())).await.flatten()
    }
}
