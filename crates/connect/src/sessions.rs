//! The sessions there are: so many and no more, and none that nobody uses.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::interval;
use tokio_util::task::TaskTracker;

use crate::session::Session;

/// How often is looked for sessions that nobody uses.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Clients seldom say that they are done: a session that was not used for so long gives way to a
/// new one.
const LEFT_BEHIND: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Sessions {
    open: Mutex<HashMap<String, Arc<Session>>>,
    command: Vec<OsString>,
    max: usize,
    idle: Duration,
    /// No more are opened.
    is_closed: AtomicBool,
}

impl Sessions {
    pub(crate) fn new(command: Vec<OsString>, max: usize, idle: Duration) -> Self {
        Self { open: Mutex::default(), command, max, idle, is_closed: AtomicBool::new(false) }
    }

    /// Opens one; `None` while there are as many as may be and none that was left behind.
    pub(crate) fn open(&self, tasks: &TaskTracker) -> io::Result<Option<(String, Arc<Session>)>> {
        let mut open = self.table();
        open.retain(|_, session| !session.has_ended());
        if self.is_closed.load(Ordering::Acquire) || !self.make_room(&mut open) {
            return Ok(None);
        }
        let session = Session::start(&self.command, tasks)?;
        let id = format!("{:032x}", rand::random::<u128>());
        open.insert(id.clone(), Arc::clone(&session));
        Ok(Some((id, session)))
    }

    /// Whether there is room, at worst that of the session which was left the longest ago.
    fn make_room(&self, open: &mut HashMap<String, Arc<Session>>) -> bool {
        if open.len() < self.max {
            return true;
        }
        let left = open.iter().filter_map(|(id, session)| Some((session.unused()?, id)));
        let longest = left.max().filter(|(unused, _)| *unused >= self.idle.min(LEFT_BEHIND));
        let Some(id) = longest.map(|(_, id)| id.clone()) else { return false };
        if let Some(session) = open.remove(&id) {
            session.end();
        }
        true
    }

    /// The session of that id, if its process lives.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Session>> {
        self.table().get(id).filter(|session| !session.has_ended()).map(Arc::clone)
    }

    /// Ends one; whether there was one.
    pub(crate) fn close(&self, id: &str) -> bool {
        let closed = self.table().remove(id);
        closed.inspect(|session| session.end()).is_some()
    }

    /// Ends those that nobody uses, for ever.
    pub(crate) async fn reap(&self) {
        let mut ticks = interval(LOOK_EVERY.min(self.idle.max(Duration::from_millis(10))));
        loop {
            ticks.tick().await;
            self.table().retain(|_, session| {
                let is_idle = session.unused().is_some_and(|unused| unused >= self.idle);
                let is_unused = session.has_ended() || is_idle;
                if is_unused {
                    session.end();
                }
                !is_unused
            });
        }
    }

    /// Ends all, and waits until they have ended.
    pub(crate) async fn end(&self) {
        let all: Vec<_> = {
            let mut open = self.table();
            self.is_closed.store(true, Ordering::Release);
            open.drain().map(|(_, session)| session).collect()
        };
        for session in &all {
            session.end();
        }
        join_all(all.iter().map(|session| session.ended())).await;
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
