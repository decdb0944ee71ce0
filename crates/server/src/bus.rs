//! Changes on their way to the gateway's views: notices of Postgres, and a poll every second as
//! the safety net. The poll also tells the gateway that the database still answers.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use control::Changes;
use domain::OrganisationId;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use gateway::Gateway;
use store::Store;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often is polled.
const EVERY: Duration = Duration::from_secs(1);
/// A transaction may commit this much later than it moved the revision; later ones are noticed.
const SLACK: TimeDelta = TimeDelta::seconds(10);

/// Tells this replica's gateway of a change before the answer to whoever made it.
pub(crate) struct Local {
    store: Store,
    gateway: Option<Arc<Gateway>>,
}

impl Local {
    /// Without a gateway in this process there is nothing to tell.
    pub(crate) const fn new(store: Store, gateway: Option<Arc<Gateway>>) -> Self {
        Self { store, gateway }
    }
}

impl Changes for Local {
    fn changed(&self, organisation: OrganisationId) -> BoxFuture<'_, ()> {
        async move {
            if let Some(gateway) = &self.gateway {
                apply(&self.store, gateway, organisation).await;
            }
        }
        .boxed()
    }
}

/// Listens for notices, for ever.
pub(crate) async fn listen(store: Store, gateway: Arc<Gateway>) {
    loop {
        if let Err(cause) = follow(&store, &gateway).await {
            tracing::warn!(error = ?cause, "not listening for changes; polling goes on");
            sleep(EVERY).await;
        }
    }
}

async fn follow(store: &Store, gateway: &Gateway) -> store::Result<()> {
    let mut changes = store.changes().await?;
    loop {
        match changes.next().await? {
            Some(organisation) => apply(store, gateway, organisation).await,
            // The connection was lost: anything may have changed meanwhile.
            None => {
                for (organisation, _) in gateway.views().cached() {
                    apply(store, gateway, organisation).await;
                }
            }
        }
    }
}

/// Brings one organisation's view up to date.
async fn apply(store: &Store, gateway: &Gateway, organisation: OrganisationId) {
    match store.revision(organisation).await {
        Ok(Some(revision)) => reload(gateway, organisation, revision).await,
        Ok(None) => gateway.views().forget(organisation).await,
        Err(cause) => tracing::warn!(error = ?cause, "a change is not applied yet"),
    }
}

async fn reload(gateway: &Gateway, organisation: OrganisationId, revision: i64) {
    if let Err(cause) = gateway.views().changed(organisation, revision).await {
        tracing::warn!(error = ?cause, organisation.id = %organisation, "a view is not renewed yet");
    }
}

/// Polls, for ever.
pub(crate) async fn poll(store: Store, gateway: Arc<Gateway>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen: DateTime<Utc> = Utc::now();
    loop {
        ticks.tick().await;
        let asked = Utc::now();
        match store.revised(seen - SLACK).await {
            Ok(revised) => {
                seen = asked;
                for (organisation, revision) in revised {
                    reload(&gateway, organisation, revision).await;
                }
                gateway.views().heard(asked);
            }
            Err(cause) => {
                tracing::warn!(error = ?cause, "the database does not answer");
                gateway.views().lost();
            }
        }
    }
}
