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

#[cfg(test)]
mod tests {
    use mcp::message;

    use super::*;

    /// So many sessions, each with a process that says nothing, which give way at once.
    fn sessions(max: usize) -> (Sessions, TaskTracker) {
        (Sessions::new(vec!["cat".into()], max, Duration::ZERO), TaskTracker::new())
    }

    #[tokio::test]
    async fn the_session_that_was_not_used_for_the_longest_time_gives_way() {
        let (sessions, tasks) = sessions(3);
        let opened: Vec<_> = (0..3).map(|_| sessions.open(&tasks).unwrap().unwrap()).collect();
        let note = message::parse(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        opened[0].1.tell(&note.unwrap()).await.unwrap();
        let (new, _) = sessions.open(&tasks).unwrap().unwrap();
        let is_open = |id: &str| sessions.find(id).is_some();
        let left: Vec<_> = opened.iter().map(|(id, _)| is_open(id)).collect();
        assert_eq!((left, is_open(&new)), (vec![true, false, true], true));
        sessions.end().await;
    }

    #[tokio::test]
    async fn a_session_is_in_use_while_somebody_listens_and_unused_only_from_then_on() {
        let (sessions, tasks) = sessions(2);
        let (listened, session) = sessions.open(&tasks).unwrap().unwrap();
        let stream = session.listen().unwrap();
        let (other, _) = sessions.open(&tasks).unwrap().unwrap();
        let (third, session) = sessions.open(&tasks).unwrap().unwrap();
        assert!(sessions.find(&other).is_none() && sessions.find(&listened).is_some());
        // As the look for unused ones finds it from time to time.
        assert_eq!(sessions.find(&listened).unwrap().unused(), None);
        drop(stream);
        let _stream = session.listen().unwrap();
        assert!(sessions.open(&tasks).unwrap().is_some(), "one that nobody listens to any more");
        assert!(sessions.find(&listened).is_none() && sessions.find(&third).is_some());
        let (_, newest) = (third, sessions.open(&tasks).unwrap());
        assert!(newest.is_some());
        sessions.end().await;
    }

    #[tokio::test]
    async fn a_stream_that_was_open_for_long_does_not_make_its_session_the_longest_unused() {
        let (sessions, tasks) = sessions(2);
        let (reconnecting, session) = sessions.open(&tasks).unwrap().unwrap();
        let stream = session.listen().unwrap();
        let (idle, _) = sessions.open(&tasks).unwrap().unwrap();
        // It is seen to be in use after the other was.
        assert_eq!(session.unused(), None);
        drop(stream);
        let (_new, _) = sessions.open(&tasks).unwrap().unwrap();
        assert!(sessions.find(&reconnecting).is_some() && sessions.find(&idle).is_none());
        sessions.end().await;
    }
}
