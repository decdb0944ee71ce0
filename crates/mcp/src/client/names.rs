//! Host names to addresses, without ever standing in anybody's way. Asking the system blocks a
//! thread for as long as its name servers please, so few threads may do it at once; names that
//! were slow wait in a lane of their own; answers are kept for a short while.
//!
//! What is kept is what a name resolved to, never that it may be connected to: the address rules
//! look at every address again for every connection.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use moka::future::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::CONNECT_TIMEOUT;
use super::connector::ConnectError;

/// Names that are remembered.
const MAX_NAMES: u64 = 10_000;
/// How long an answer is good.
const FRESH: Duration = Duration::from_secs(10);
/// How long a failure is believed.
const FAILED: Duration = Duration::from_secs(2);
/// How long an answer serves on while no newer one can be had.
const STALE: Duration = Duration::from_mins(5);
/// How long a newer answer is waited for while there is an old one.
const PATIENCE: Duration = Duration::from_millis(250);
/// Threads that ask at once, and those of them for names that were slow before.
const LANE: usize = 48;
const SLOW_LANE: usize = 8;

type Found = Result<Arc<[SocketAddr]>, Arc<io::Error>>;
type Asking = Shared<BoxFuture<'static, Found>>;
type Answered = BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
type Lookup = dyn Fn(String, u16, OwnedSemaphorePermit) -> Answered + Send + Sync;

/// See the module.
#[derive(Clone)]
pub(super) struct Names {
    known: Cache<(String, u16), Arc<Name>>,
    lookup: Arc<Lookup>,
    lane: Arc<Semaphore>,
    slow_lane: Arc<Semaphore>,
    fresh: Duration,
    /// How long a caller waits.
    wait: Duration,
}

#[derive(Default)]
struct Name(Mutex<Known>);

/// What is known of one name.
#[derive(Default)]
struct Known {
    good: Option<(Arc<[SocketAddr]>, Instant)>,
    failed: Option<(Arc<io::Error>, Instant)>,
    asking: Option<Asking>,
    /// The last answer took longer than anybody waits.
    is_slow: bool,
}

impl Names {
    /// Those that the system knows.
    pub(super) fn system() -> Self {
        Self::asking(|host, port, room| {
            // The thread keeps its room until it is free again, whoever still waits for it.
            let asked = tokio::task::spawn_blocking(move || {
                let found = (host.as_str(), port).to_socket_addrs();
                drop(room);
                Ok(found?.collect())
            });
            async move { asked.await.map_err(io::Error::other)? }.boxed()
        })
    }

    /// Those of a function; it holds its room for as long as it is busy.
    pub(super) fn asking(
        lookup: impl Fn(String, u16, OwnedSemaphorePermit) -> Answered + Send + Sync + 'static,
    ) -> Self {
        Self {
            known: Cache::builder().max_capacity(MAX_NAMES).time_to_idle(STALE).build(),
            lookup: Arc::new(lookup),
            lane: Arc::new(Semaphore::new(LANE)),
            slow_lane: Arc::new(Semaphore::new(SLOW_LANE)),
            fresh: FRESH,
            wait: CONNECT_TIMEOUT,
        }
    }

    /// The same, asking anew for every connection.
    #[cfg(test)]
    pub(super) fn without_memory(mut self) -> Self {
        self.fresh = Duration::ZERO;
        self
    }

    /// The addresses that a host has now, as far as can be known soon.
    pub(super) async fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let host = host.to_ascii_lowercase();
        let name = self.known.get_with((host.clone(), port), async { Arc::default() }).await;
        Ok(self.find(&name, host, port).await?.to_vec())
    }

    async fn find(
        &self,
        name: &Name,
        host: String,
        port: u16,
    ) -> Result<Arc<[SocketAddr]>, ConnectError> {
        let answer = name.known().answer(Instant::now(), self.fresh);
        let old = match answer {
            Answer::Enough(found) => return found.map_err(|error| unresolvable(&error)),
            Answer::Old(old) => old,
        };
        let patience = if old.is_some() { PATIENCE } else { self.wait };
        match (tokio::time::timeout(patience, self.ask(name, host, port)).await, old) {
            (Ok(Ok(found)), _) => Ok(found),
            // That its name servers fail does not say that it is gone.
            (_, Some(old)) => Ok(old),
            (Ok(Err(error)), None) => Err(unresolvable(&error)),
            (Err(_elapsed), None) => {
                name.known().is_slow = true;
                Err(ConnectError::TimedOut)
            }
        }
    }

    /// Puts the question, or waits for the answer of the one under way.
    async fn ask(&self, name: &Name, host: String, port: u16) -> Found {
        let under_way = name.known().asking.clone();
        let asking = if let Some(asking) = under_way {
            asking
        } else {
            let is_slow = name.known().is_slow;
            let lane = Arc::clone(if is_slow { &self.slow_lane } else { &self.lane });
            // Waited for by each caller by itself: one that gives up leaves the queue.
            let room = lane.acquire_owned().await.map_err(|closed| Arc::new(other(closed)))?;
            let mut known = name.known();
            if let Answer::Enough(found) = known.answer(Instant::now(), self.fresh) {
                return found;
            }
            let asked = || not_empty((self.lookup)(host, port, room)).boxed().shared();
            known.asking.get_or_insert_with(asked).clone()
        };
        let found = asking.clone().await;
        let mut known = name.known();
        known.is_slow = false;
        known.settle(&asking, &found);
        found
    }
}

async fn not_empty(lookup: BoxFuture<'static, io::Result<Vec<SocketAddr>>>) -> Found {
    match lookup.await {
        Ok(found) if found.is_empty() => Err(Arc::new(other("no address"))),
        Ok(found) => Ok(found.into()),
        Err(error) => Err(Arc::new(error)),
    }
}

impl Name {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What can be said without asking.
enum Answer {
    Enough(Found),
    /// Not enough; what was known before, if it is not too old.
    Old(Option<Arc<[SocketAddr]>>),
}

impl Known {
    fn answer(&mut self, now: Instant, fresh: Duration) -> Answer {
        // A question that nobody waited for any more may have been answered since.
        if let Some(asking) = self.asking.clone()
            && let Some(found) = asking.peek()
        {
            self.settle(&asking, found);
        }
        let is_within = |at: Instant, time| now.duration_since(at) < time;
        let good = |time| {
            let good = self.good.as_ref().filter(|(_, at)| is_within(*at, time));
            good.map(|(found, _)| Arc::clone(found))
        };
        if let Some(fresh) = good(fresh) {
            return Answer::Enough(Ok(fresh));
        }
        match (&self.failed, good(STALE)) {
            (Some((error, at)), old) if is_within(*at, FAILED) => {
                Answer::Enough(old.ok_or_else(|| Arc::clone(error)))
            }
            (_, old) => Answer::Old(old),
        }
    }

    /// A question was answered. All who waited for it say so; the first is heard.
    fn settle(&mut self, asking: &Asking, found: &Found) {
        if self.asking.take_if(|under_way| under_way.ptr_eq(asking)).is_none() {
            return;
        }
        match found {
            Ok(found) => {
                self.good = Some((Arc::clone(found), Instant::now()));
                self.failed = None;
            }
            Err(error) => self.failed = Some((Arc::clone(error), Instant::now())),
        }
    }
}

fn other(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(cause)
}

fn unresolvable(error: &Arc<io::Error>) -> ConnectError {
    ConnectError::Unresolvable(Some(io::Error::new(error.kind(), Arc::clone(error))))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Name servers that know every host but those that begin with `slow`, of which they say
    /// nothing; and how often they were asked.
    fn servers() -> (Names, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let names = Names::asking(move |host, port, room| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                let _room = room;
                if host.starts_with("slow") {
                    std::future::pending::<()>().await;
                }
                if host.starts_with("gone") {
                    return Err(io::Error::other("no such host"));
                }
                Ok(vec![SocketAddr::from(([203, 0, 114, 1], port))])
            }
            .boxed()
        });
        (names, asked)
    }

    #[tokio::test]
    async fn an_answer_is_kept_a_failure_too_and_addresses_are_not_asked_for() {
        let (names, asked) = servers();
        for host in ["good.example", "GOOD.example", "good.example"] {
            let found = names.resolve(host, 443).await.unwrap();
            assert_eq!(found, ["203.0.114.1:443".parse().unwrap()]);
        }
        for _ in 0..3 {
            let failed = names.resolve("gone.example", 443).await;
            assert!(matches!(failed, Err(ConnectError::Unresolvable(Some(_)))));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        let literal = names.resolve("[2001:db8::1]", 80).await.unwrap();
        assert_eq!(literal, ["[2001:db8::1]:80".parse().unwrap()]);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn many_calls_to_one_slow_name_ask_once_and_give_up_in_time() {
        let (mut names, asked) = servers();
        names.wait = Duration::from_millis(100);
        let began = Instant::now();
        let calls = (0..100).map(|_| names.resolve("slow.example", 443));
        let answers = futures_util::future::join_all(calls).await;
        assert!(answers.iter().all(|answer| matches!(answer, Err(ConnectError::TimedOut))));
        assert!(began.elapsed() < names.wait * 5, "{:?}", began.elapsed());
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(names.lane.available_permits(), LANE - 1, "one thread is busy with it");
    }

    #[tokio::test]
    async fn names_known_to_be_slow_leave_room_for_the_others() {
        let (mut names, _) = servers();
        names.wait = Duration::from_millis(200);
        // Their threads came back at last, and they are asked for again.
        let hosts: Vec<String> = (0..200).map(|n| format!("slow{n}.example")).collect();
        for host in &hosts {
            let name = names.known.get_with((host.clone(), 1), async { Arc::default() }).await;
            name.known().is_slow = true;
        }
        let slow = futures_util::future::join_all(hosts.iter().map(|h| names.resolve(h, 1)));
        let quick = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let began = Instant::now();
            names.resolve("good.example", 443).await.unwrap();
            began.elapsed()
        };
        let (slow, quick) = tokio::join!(slow, quick);
        assert!(slow.iter().all(Result::is_err));
        assert!(quick < Duration::from_millis(100), "{quick:?}");
        assert_eq!(names.lane.available_permits(), LANE);
        assert_eq!(names.slow_lane.available_permits(), 0);
    }

    #[tokio::test]
    async fn an_old_answer_serves_on_while_the_name_servers_fail() {
        let (names, asked) = servers();
        let hosts = ["gone.example", "slow.example"];
        let old: Arc<[SocketAddr]> = Arc::new([SocketAddr::from(([203, 0, 114, 9], 1))]);
        let age = |age| Instant::now().checked_sub(age).unwrap();
        for host in hosts {
            let name = names.known.get_with((host.to_owned(), 1), async { Arc::default() }).await;
            name.known().good = Some((Arc::clone(&old), age(FRESH * 2)));
            for _ in 0..2 {
                let found = names.resolve(host, 1).await.unwrap();
                assert_eq!(found, ["203.0.114.9:1".parse().unwrap()], "{host}");
            }
            name.known().good = Some((Arc::clone(&old), age(STALE)));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2, "once each");
        assert!(names.resolve("gone.example", 1).await.is_err(), "too old");
    }
}
