//! Counts in Redis, shared by all replicas: one script a call, by the server's own time, over one
//! multiplexed connection. All keys of an organisation carry its id as hash tag, so that a call's
//! counts live on one node of a cluster. Works on Redis 6 and later, and Valkey.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::{BoxFuture, FutureExt};
use policy::Window;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{RedisError, Script};

use super::demand::{Count, CountKey, Demand, Part, Subject};
use super::over::Seen;
use super::{CounterStore, MAX_KEYS, NotReserved, Reservation};

/// A counter that does not answer by then is out of reach.
const DEADLINE: Duration = Duration::from_millis(250);

/// See the module.
pub struct RedisCounters {
    connection: ConnectionManager,
    scripts: Arc<Scripts>,
    /// Milliseconds since the epoch, instead of the server's time; only tests set it.
    time: Option<i64>,
}

struct Scripts {
    reserve: Script,
    give_back: Script,
}

impl RedisCounters {
    /// Counts at `url`. Does not wait for the server: until it answers, counts are out of reach.
    pub fn open(url: &str) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(DEADLINE))
            .set_response_timeout(Some(DEADLINE))
            .set_max_delay(Duration::from_secs(1));
        let client = redis::Client::open(url)?;
        let connection = ConnectionManager::new_lazy_with_config(client, config)?;
        let shared = include_str!("counts.lua");
        let scripts = Scripts {
            reserve: Script::new(&format!("{shared}{}", include_str!("reserve.lua"))),
            give_back: Script::new(&format!("{shared}{}", include_str!("give_back.lua"))),
        };
        Ok(Self { connection, scripts: Arc::new(scripts), time: None })
    }

    #[cfg(test)]
    pub(super) fn at(mut self, time: i64) -> Self {
        self.time = Some(time);
        self
    }

    async fn try_reserve(&self, demand: &Demand) -> Result<Reservation, NotReserved> {
        if demand.is_empty() {
            return Ok(Reservation { starts: Vec::new() });
        }
        let invocation = self.invocation(demand);
        let mut connection = self.connection.clone();
        let reply = invocation.invoke_async::<Vec<i64>>(&mut connection);
        match tokio::time::timeout(DEADLINE, reply).await {
            Ok(Ok(reply)) => read_reply(demand, &reply),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the shared counters did not answer");
                Err(NotReserved::Unavailable)
            }
            Err(_elapsed) => {
                tracing::warn!("the shared counters did not answer in time");
                Err(NotReserved::Unavailable)
            }
        }
    }

    fn invocation<'a>(&'a self, demand: &Demand) -> redis::ScriptInvocation<'a> {
        let mut call = self.scripts.reserve.prepare_invoke();
        let counts = demand.counts();
        let mut families = Vec::new();
        call.arg(self.time.map_or_else(String::new, |time| time.to_string()));
        call.arg(MAX_KEYS).arg(counts.len());
        for Count { key, amount } in counts {
            call.key(name(key)).arg(window(key.window)).arg(*amount);
            call.arg(key.family().map_or(0, |family| {
                families.push(name(&family));
                counts.len() + families.len()
            }));
        }
        for family in families {
            call.key(family);
        }
        for check in demand.checks() {
            call.arg(check.count + 1).arg(check.max).arg(u8::from(check.sliding));
        }
        call
    }
}

impl CounterStore for RedisCounters {
    fn reserve<'a>(
        &'a self,
        demand: &'a Demand,
    ) -> BoxFuture<'a, Result<Reservation, NotReserved>> {
        self.try_reserve(demand).boxed()
    }

    fn give_back(&self, demand: Demand, reservation: Reservation) -> BoxFuture<'static, ()> {
        let (mut connection, scripts) = (self.connection.clone(), Arc::clone(&self.scripts));
        async move {
            let mut call = scripts.give_back.prepare_invoke();
            for (Count { key, amount }, start) in demand.counts().iter().zip(&reservation.starts) {
                call.key(name(key)).arg(window(key.window)).arg(*amount).arg(*start);
            }
            let reply = call.invoke_async::<i64>(&mut connection);
            if !matches!(tokio::time::timeout(DEADLINE, reply).await, Ok(Ok(_))) {
                tracing::warn!("a reservation could not be given back");
            }
        }
        .boxed()
    }
}

/// The reply of `reserve.lua`; anything unexpected admits nothing.
fn read_reply(demand: &Demand, reply: &[i64]) -> Result<Reservation, NotReserved> {
    let count = |n: i64| u64::try_from(n).unwrap_or(u64::MAX);
    let place = |n: i64| usize::try_from(n - 1).unwrap_or(usize::MAX);
    match *reply {
        [1, ref starts @ ..] if starts.len() == demand.counts().len() => {
            Ok(Reservation { starts: starts.to_vec() })
        }
        [0, limit, used, before, start, end, now] => {
            let seen = Seen { used: count(used), before: count(before), start, end, now };
            let which = place(limit);
            let check = demand.checks().get(which).ok_or(NotReserved::Unavailable)?;
            let raised = demand.counts().get(check.count).ok_or(NotReserved::Unavailable)?;
            Err(NotReserved::Over(seen.over(which, raised.amount, check)))
        }
        [2, index, used, start, end, now] => {
            let seen = Seen { used: count(used), before: 0, start, end, now };
            Err(NotReserved::Over(seen.too_many_keys(demand, place(index))))
        }
        _ => Err(NotReserved::Unavailable),
    }
}

/// A window as the scripts read it.
fn window(window: Window) -> String {
    match window {
        Window::Week => "week".to_owned(),
        Window::Month => "month".to_owned(),
        Window::Second | Window::Minute | Window::Hour | Window::Day | Window::Seconds(_) => {
            window.longest_secs().to_string()
        }
    }
}

/// The name of a count in Redis and in journals. Unambiguous: only the last two parts are free text, and the
/// first of them says its length.
pub(super) fn name(key: &CountKey) -> String {
    let mut name = format!("drawbridge:{{{}}}:", key.organisation.as_uuid().simple());
    // Writing to a string cannot fail.
    let _ = match key.server {
        Some(server) => write!(name, "{}:", server.as_uuid().simple()),
        None => write!(name, "*:"),
    };
    let _ = match key.subject {
        Subject::All => write!(name, "*:"),
        Subject::Grant(grant) => write!(name, "g{}:", grant.as_uuid().simple()),
        Subject::Session(digest) => write!(name, "s{}:", URL_SAFE_NO_PAD.encode(digest)),
    };
    let part = match key.part {
        Part::Whole => String::new(),
        Part::Key(digest) => URL_SAFE_NO_PAD.encode(digest),
        Part::Keys => "*".to_owned(),
    };
    let sum = key.sum.as_deref();
    let _ = write!(name, "{}:{part}:{}:", window(key.window), key.counter.len());
    let _ = write!(
        name,
        "{}{}{}",
        key.counter,
        if sum.is_some() { "+" } else { "#" },
        sum.unwrap_or_default()
    );
    name
}
