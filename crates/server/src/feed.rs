//! Finished calls for pages that watch them arrive. Read from the database, where the calls of
//! every replica come together; asked only while somebody watches.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use control::CallFeed;
use domain::{CallId, CallRecord, OrganisationId};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use store::calls::CallFilter;
use store::{Page, Store, Tenant};
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;

/// How often a watcher looks.
const EVERY: Duration = Duration::from_millis(400);
/// A record may be written this much later than the call began that it tells of.
const SLACK: TimeDelta = TimeDelta::seconds(30);
/// Ids that are remembered as shown.
const REMEMBERED: usize = 1_000;

/// See the module.
pub(crate) struct Feed {
    store: Store,
    /// Ends every watch, so that the listener can end.
    stop: CancellationToken,
}

impl Feed {
    pub(crate) const fn new(store: Store, stop: CancellationToken) -> Self {
        Self { store, stop }
    }
}

impl CallFeed for Feed {
    fn subscribe(&self, organisation: OrganisationId) -> BoxStream<'static, CallRecord> {
        let watch = Watch {
            store: self.store.clone(),
            tenant: Tenant::by_system(organisation),
            ticks: interval_at(Instant::now(), EVERY),
            shown: HashSet::new(),
            order: VecDeque::new(),
            begun: false,
        };
        stream::unfold(watch, |mut watch| async {
            let new = watch.next().await;
            Some((stream::iter(new), watch))
        })
        .flatten()
        .take_until(self.stop.clone().cancelled_owned())
        .boxed()
    }
}

/// One watcher.
struct Watch {
    store: Store,
    tenant: Tenant,
    ticks: tokio::time::Interval,
    shown: HashSet<CallId>,
    order: VecDeque<CallId>,
    /// Whether what was there before the watch is known, so that only what comes is shown.
    begun: bool,
}

impl Watch {
    /// The calls that came since the last look, oldest first.
    async fn next(&mut self) -> Vec<CallRecord> {
        self.ticks.tick().await;
        let Ok(recent) = self.recent().await else { return Vec::new() };
        let fresh: Vec<CallRecord> =
            recent.into_iter().rev().filter(|call| self.shown.insert(call.id)).collect();
        self.order.extend(fresh.iter().map(|call| call.id));
        while self.order.len() > REMEMBERED {
            if let Some(old) = self.order.pop_front() {
                self.shown.remove(&old);
            }
        }
        if std::mem::replace(&mut self.begun, true) { fresh } else { Vec::new() }
    }

    async fn recent(&self) -> store::Result<Vec<CallRecord>> {
        let mut tx = self.store.tenant(self.tenant).await?;
        let since = Some(Utc::now() - SLACK);
        let filter = CallFilter { since, ..CallFilter::default() };
        Ok(tx.list_calls(&filter, Page::first()).await?.rows)
    }
}
