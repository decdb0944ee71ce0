//! Calls under way on this replica, so that `notifications/cancelled` finds them: a stateless
//! server hears of it by the end of its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use tokio_util::sync::CancellationToken;

use crate::session::store::SessionKey;

type Key = (SessionKey, String);

/// All such calls; as many as may be in flight.
#[derive(Default)]
pub(crate) struct UnderWay {
    calls: Arc<DashMap<Key, (u64, CancellationToken)>>,
    number: AtomicU64,
}

/// One call, until it is dropped.
pub(crate) struct Guard {
    calls: Arc<DashMap<Key, (u64, CancellationToken)>>,
    key: Key,
    number: u64,
    pub(super) token: CancellationToken,
}

impl UnderWay {
    pub(super) fn begin(&self, session: SessionKey, id: &str) -> Guard {
        let (key, token) = ((session, id.to_owned()), CancellationToken::new());
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        self.calls.insert(key.clone(), (number, token.clone()));
        Guard { calls: Arc::clone(&self.calls), key, number, token }
    }

    /// Ends a call, if it is under way here.
    pub(super) fn cancel(&self, session: SessionKey, id: &str) {
        if let Some(call) = self.calls.get(&(session, id.to_owned())) {
            call.1.cancel();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A client that uses an id twice has another call there.
        self.calls.remove_if(&self.key, |_, (number, _)| *number == self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_found_by_its_session_and_id_while_it_lasts() {
        let under_way = UnderWay::default();
        let first = under_way.begin([1; 16], "7");
        let second = under_way.begin([1; 16], "7");
        under_way.cancel([2; 16], "7");
        under_way.cancel([1; 16], "8");
        assert!(!first.token.is_cancelled() && !second.token.is_cancelled());
        drop(first);
        under_way.cancel([1; 16], "7");
        assert!(second.token.is_cancelled());
        drop(second);
        assert!(under_way.calls.is_empty());
    }
}
