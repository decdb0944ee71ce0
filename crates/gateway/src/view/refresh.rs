//! The one refresh that an unknown tool name may cause: at most one at a time for a server, and
//! none while the list is younger than 5 s, so that guessing names costs nobody anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::ServerId;
use tokio::sync::Mutex as AsyncMutex;

const YOUNG: TimeDelta = TimeDelta::seconds(5);

/// When each server was last listed anew on our asking.
#[derive(Default)]
pub(crate) struct Refreshes {
    servers: Mutex<HashMap<ServerId, Arc<AsyncMutex<DateTime<Utc>>>>>,
}

impl Refreshes {
    /// Takes the turn for a server whose list is of `listed_at`. `None` if the list is young, or
    /// became so while we waited for whoever had the turn.
    pub(crate) async fn turn(
        &self,
        server: ServerId,
        listed_at: Option<DateTime<Utc>>,
        now: impl Fn() -> DateTime<Utc>,
    ) -> Option<Turn> {
        let slot = self.slot(server);
        let mut last = slot.lock_owned().await;
        let newest = listed_at.map_or(*last, |listed| listed.max(*last));
        if now().signed_duration_since(newest) < YOUNG {
            return None;
        }
        *last = now();
        Some(Turn { _held: last })
    }

    fn slot(&self, server: ServerId) -> Arc<AsyncMutex<DateTime<Utc>>> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(servers.entry(server).or_default())
    }
}

/// The right to refresh; others wait until it is dropped.
pub(crate) struct Turn {
    _held: tokio::sync::OwnedMutexGuard<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_is_refreshed_once_in_five_seconds() {
        let refreshes = Refreshes::default();
        let now = Utc::now();
        let server = ServerId::fresh(now);
        assert!(refreshes.turn(server, Some(now), || now).await.is_none());
        assert!(refreshes.turn(server, None, || now).await.is_some());
        assert!(refreshes.turn(server, None, || now + TimeDelta::seconds(4)).await.is_none());
        assert!(refreshes.turn(ServerId::fresh(now), None, || now).await.is_some());
        assert!(refreshes.turn(server, None, || now + TimeDelta::seconds(5)).await.is_some());
    }
}
