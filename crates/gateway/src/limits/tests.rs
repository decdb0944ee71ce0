//! One suite for every counter store, and what Redis adds: windows by the server's time that
//! agree with ours, and two replicas that never admit more than `max` together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, GrantId, OrganisationId, ServerId};
use policy::Window;
use tokio::task::JoinSet;

use super::journal::{Journal, Lost};
use super::memory::MemoryCounters;
use super::over::bounds;
use super::redis::RedisCounters;
use super::{CountKey, CounterStore, Demand, MAX_KEYS, NotReserved, Over, Part, Subject, Why};

/// A store whose time the suite sets.
enum Store {
    Memory(Clock, MemoryCounters),
    Redis(String),
}

impl Store {
    fn memory() -> Self {
        let clock = Clock::fixed(DateTime::UNIX_EPOCH);
        Self::Memory(clock.clone(), MemoryCounters::new(clock))
    }

    #[expect(clippy::disallowed_methods, reason = "tests find their Redis by the environment")]
    fn redis() -> Option<Self> {
        std::env::var("REDIS_URL").ok().map(Self::Redis)
    }

    async fn take(&self, at: DateTime<Utc>, demand: &Demand) -> Result<Taken, NotReserved> {
        match self {
            Self::Memory(clock, store) => {
                clock.advance(at - clock.now());
                let reservation = store.reserve(demand).await?;
                Ok(Taken(demand.clone(), reservation))
            }
            Self::Redis(url) => {
                let store = RedisCounters::open(url).unwrap().at(at.timestamp_millis());
                let reservation = store.reserve(demand).await?;
                Ok(Taken(demand.clone(), reservation))
            }
        }
    }

    async fn give_back(&self, taken: Taken) {
        match self {
            Self::Memory(_, store) => store.give_back(taken.0, taken.1).await,
            Self::Redis(url) => {
                RedisCounters::open(url).unwrap().give_back(taken.0, taken.1).await;
            }
        }
    }
}

struct Taken(Demand, super::Reservation);

/// A count of an organisation that no other test has.
fn key(counter: &str, window: Window) -> CountKey {
    let now = Utc::now();
    CountKey {
        organisation: OrganisationId::fresh(now),
        server: Some(ServerId::fresh(now)),
        subject: Subject::Grant(GrantId::fresh(now)),
        counter: counter.into(),
        window,
        sum: None,
        part: Part::Whole,
    }
}

fn one(key: &CountKey, amount: u64, max: u64) -> Demand {
    let mut demand = Demand::default();
    demand.add(key.clone(), amount, max, false);
    demand
}

fn over(result: Result<Taken, NotReserved>) -> Over {
    match result.map(|_taken| ()) {
        Err(NotReserved::Over(over)) => over,
        other => panic!("not over: {other:?}"),
    }
}

/// A moment far enough in the future that Redis does not expire what it holds.
fn noon() -> DateTime<Utc> {
    "2096-11-25T12:00:10Z".parse().unwrap()
}

/// Runs a part of the suite against both stores.
macro_rules! both {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test] async fn $name() { super::$name(super::Store::memory()).await; })*
        }
        mod redis {
            $(#[tokio::test] async fn $name() {
                if let Some(store) = super::Store::redis() { super::$name(store).await; }
            })*
        }
    };
}

both!(
    a_fixed_window_admits_exactly_max_and_starts_again,
    all_counts_are_raised_or_none,
    what_is_only_observed_is_counted_without_limit,
    one_count_under_two_limits_is_raised_once,
    what_is_given_back_returns_to_its_own_window,
    a_sliding_limit_remembers_the_window_before,
    counts_are_kept_apart_by_every_part_of_their_key,
    sums_are_exact_up_to_the_largest_amount,
    a_clock_that_goes_back_stays_in_the_later_window,
    keys_of_one_limit_are_bounded,
);

async fn a_fixed_window_admits_exactly_max_and_starts_again(store: Store) {
    let demand = one(&key("c", Window::Minute), 1, 3);
    for _ in 0..3 {
        assert!(store.take(noon(), &demand).await.is_ok());
    }
    let refused = over(store.take(noon(), &demand).await);
    let wanted = Over { which: 0, why: Why::Max, remaining: 0, retry_after_ms: Some(50_000) };
    assert_eq!(refused, wanted);
    assert!(store.take(noon() + TimeDelta::seconds(49), &demand).await.is_err());
    assert!(store.take(noon() + TimeDelta::seconds(50), &demand).await.is_ok());
}

async fn all_counts_are_raised_or_none(store: Store) {
    let (wide, narrow) = (key("wide", Window::Day), key("narrow", Window::Hour));
    let narrow = CountKey { organisation: wide.organisation, ..narrow };
    let mut both = one(&wide, 1, 5);
    both.add(narrow.clone(), 1, 1, false);
    assert!(store.take(noon(), &both).await.is_ok());
    assert_eq!(over(store.take(noon(), &both).await).which, 1);
    // Only the first call was counted against the wide limit.
    for _ in 0..4 {
        assert!(store.take(noon(), &one(&wide, 1, 5)).await.is_ok());
    }
    assert!(store.take(noon(), &one(&wide, 1, 5)).await.is_err());
}

async fn what_is_only_observed_is_counted_without_limit(store: Store) {
    let demand = one(&key("o", Window::Day), 1, 1);
    assert!(store.take(noon(), &demand).await.is_ok());
    assert!(store.take(noon(), &demand.unchecked()).await.is_ok());
    assert_eq!(over(store.take(noon(), &demand).await).remaining, 0);
}

async fn one_count_under_two_limits_is_raised_once(store: Store) {
    let key = key("shared", Window::Day);
    let mut twice = one(&key, 1, 9);
    twice.add(key.clone(), 1, 2, false);
    assert_eq!(twice.counts().len(), 1);
    assert!(store.take(noon(), &twice).await.is_ok());
    assert!(store.take(noon(), &twice).await.is_ok());
    assert_eq!(over(store.take(noon(), &twice).await).which, 1);
}

async fn what_is_given_back_returns_to_its_own_window(store: Store) {
    let demand = one(&key("c", Window::Minute), 1, 1);
    let taken = store.take(noon(), &demand).await.unwrap();
    store.give_back(taken).await;
    let taken = store.take(noon(), &demand).await.unwrap();
    let later = noon() + TimeDelta::minutes(1);
    assert!(store.take(later, &demand).await.is_ok());
    // Taken from the window before, so nothing of this one comes back.
    store.give_back(taken).await;
    assert!(store.take(later, &demand).await.is_err());
}

async fn a_sliding_limit_remembers_the_window_before(store: Store) {
    let key = key("s", Window::Minute);
    let mut demand = Demand::default();
    demand.add(key, 1, 6, true);
    for _ in 0..6 {
        assert!(store.take(noon(), &demand).await.is_ok());
    }
    // 12:01:20: two thirds of the six still weigh, so two more pass.
    let later = noon() + TimeDelta::seconds(70);
    assert!(store.take(later, &demand).await.is_ok());
    assert!(store.take(later, &demand).await.is_ok());
    let refused = over(store.take(later, &demand).await);
    assert_eq!((refused.remaining, refused.retry_after_ms), (0, Some(10_000)));
    assert!(store.take(later + TimeDelta::seconds(10), &demand).await.is_ok());
}

async fn counts_are_kept_apart_by_every_part_of_their_key(store: Store) {
    let key = key("c", Window::Hour);
    let mut others = vec![
        CountKey { server: None, ..key.clone() },
        CountKey { subject: Subject::All, ..key.clone() },
        CountKey { subject: Subject::Session([1; 16]), ..key.clone() },
        CountKey { counter: "c2".into(), ..key.clone() },
        CountKey { window: Window::Day, ..key.clone() },
        CountKey { sum: Some("args.n".into()), ..key.clone() },
        CountKey { part: Part::Key([1; 32]), ..key.clone() },
        CountKey { counter: "c#".into(), sum: Some("#".into()), ..key.clone() },
        CountKey { counter: "c".into(), sum: Some("##".into()), ..key.clone() },
    ];
    others.push(key);
    for key in &others {
        assert!(store.take(noon(), &one(key, 1, 1)).await.is_ok(), "{key:?}");
    }
}

async fn sums_are_exact_up_to_the_largest_amount(store: Store) {
    const LARGEST: u64 = (1 << 53) - 1;
    let key = key("spend", Window::Month);
    assert!(store.take(noon(), &one(&key, LARGEST - 1, LARGEST)).await.is_ok());
    assert_eq!(over(store.take(noon(), &one(&key, 2, LARGEST)).await).remaining, 1);
    assert!(store.take(noon(), &one(&key, 1, LARGEST)).await.is_ok());
    let refused = over(store.take(noon(), &one(&key, LARGEST, LARGEST)).await);
    assert_eq!(refused.remaining, 0);
    let never = over(store.take(noon(), &one(&key, LARGEST, LARGEST - 1)).await);
    assert_eq!(never.retry_after_ms, None);
}

async fn a_clock_that_goes_back_stays_in_the_later_window(store: Store) {
    let demand = one(&key("c", Window::Minute), 1, 1);
    assert!(store.take(noon(), &demand).await.is_ok());
    assert!(store.take(noon() - TimeDelta::seconds(30), &demand).await.is_err());
}

async fn keys_of_one_limit_are_bounded(store: Store) {
    let base = key("k", Window::Hour);
    let keyed = |n: u64| {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&n.to_be_bytes());
        CountKey { part: Part::Key(digest), ..base.clone() }
    };
    // Forty keys a call, so that filling up takes no more than a moment.
    for from in (0..MAX_KEYS).step_by(40) {
        let mut demand = Demand::default();
        (from..from + 40).for_each(|n| demand.add(keyed(n), 1, 9, false));
        assert!(store.take(noon(), &demand).await.is_ok());
    }
    assert!(store.take(noon(), &one(&keyed(0), 1, 9)).await.is_ok());
    assert_eq!(over(store.take(noon(), &one(&keyed(MAX_KEYS), 1, 9)).await).why, Why::Keys);
    let later = noon() + TimeDelta::hours(1);
    assert!(store.take(later, &one(&keyed(MAX_KEYS), 1, 9)).await.is_ok());
}

#[tokio::test]
async fn two_replicas_on_one_redis_admit_exactly_max_together() {
    let Some(Store::Redis(url)) = Store::redis() else { return };
    let replicas = [RedisCounters::open(&url).unwrap(), RedisCounters::open(&url).unwrap()];
    let replicas = Arc::new(replicas);
    let demand = Arc::new(one(&key("hot", Window::Day), 1, 37));
    let mut calls = JoinSet::new();
    for n in 0..200 {
        let (replicas, demand) = (Arc::clone(&replicas), Arc::clone(&demand));
        calls.spawn(async move { replicas[n % 2].reserve(&demand).await.is_ok() });
    }
    let admitted = calls.join_all().await.into_iter().filter(|admitted| *admitted).count();
    assert_eq!(admitted, 37);
}

#[tokio::test]
async fn the_windows_of_the_script_are_those_of_the_policy() {
    let Some(Store::Redis(url)) = Store::redis() else { return };
    let named = [Window::Second, Window::Minute, Window::Hour, Window::Day, Window::Week];
    let windows = named.into_iter().chain([Window::Month, Window::Seconds(86_401)]);
    let store = Store::Redis(url);
    for window in windows {
        for day in (0..1_600).step_by(13) {
            let at = noon() + TimeDelta::days(day) + TimeDelta::milliseconds(day * 77_777);
            let taken = store.take(at, &one(&key("w", window), 1, 1)).await.unwrap();
            let start = bounds(window, at.timestamp_millis()).0;
            assert_eq!(taken.1.starts, [start], "{window:?} at {at}");
        }
    }
}

#[tokio::test]
async fn counters_out_of_reach_admit_nothing() {
    let store = RedisCounters::open("redis://127.0.0.1:1").unwrap();
    let refused = store.reserve(&one(&key("c", Window::Day), 1, 9)).await;
    assert!(matches!(refused, Err(NotReserved::Unavailable)));
}

// === What outlives the process ===

/// A journal in memory, of which every process of a test is given the same.
#[derive(Default)]
struct Kept {
    files: Mutex<Vec<(u64, Vec<u8>)>>,
    is_lost: AtomicBool,
    is_long: AtomicBool,
}

impl Kept {
    fn bytes(&self) -> Vec<u8> {
        self.files.lock().unwrap().iter().flat_map(|(_, lines)| lines.clone()).collect()
    }

    /// Counters of a process that begins now.
    fn process(self: &Arc<Self>, clock: &Clock) -> Store {
        let journal: Arc<dyn Journal> = Arc::<Self>::clone(self);
        let counters = MemoryCounters::restored(clock.clone(), &self.bytes(), &journal);
        Store::Memory(clock.clone(), counters)
    }
}

impl Journal for Kept {
    fn append(&self, lines: &[u8]) -> Result<(), Lost> {
        if self.is_lost.load(Ordering::SeqCst) {
            return Err(Lost);
        }
        self.files.lock().unwrap().last_mut().unwrap().1.extend_from_slice(lines);
        Ok(())
    }

    fn is_long(&self) -> bool {
        self.is_long.load(Ordering::SeqCst)
    }

    fn begin(&self) -> Option<u64> {
        let mut files = self.files.lock().unwrap();
        let number = files.last().map_or(0, |(number, _)| number + 1);
        files.push((number, Vec::new()));
        Some(number)
    }

    fn finish(&self, begun: u64) {
        self.files.lock().unwrap().retain(|(number, _)| *number >= begun);
    }
}

#[tokio::test]
async fn long_windows_and_all_sums_are_restored_and_short_windows_start_again() {
    let (kept, clock) = (Arc::new(Kept::default()), Clock::fixed(noon()));
    let sum = CountKey { sum: Some("args.amount".into()), ..key("sum", Window::Minute) };
    let keyed = CountKey { part: Part::Key([7; 32]), ..key("keyed", Window::Hour) };
    let odd = key("a \"b\"\n 1 2", Window::Day);
    let long = [odd, key("week", Window::Week), key("month", Window::Month), sum, keyed];
    let short = key("minute", Window::Minute);
    let before = kept.process(&clock);
    for key in long.iter().chain([&short]) {
        before.take(noon(), &one(key, 3, 5)).await.unwrap();
        before.take(noon(), &one(key, 1, 5)).await.unwrap();
    }
    drop(before);
    // More than once: what nobody asks for is kept as well.
    drop(kept.process(&clock));
    let after = kept.process(&clock);
    for key in &long {
        let left = over(after.take(noon(), &one(key, 2, 5)).await).remaining;
        assert_eq!(left, 1, "{key:?}");
        after.take(noon(), &one(key, 1, 5)).await.unwrap();
    }
    after.take(noon(), &one(&short, 5, 5)).await.unwrap();
    drop(after);
    let later = kept.process(&clock);
    let tomorrow = noon() + TimeDelta::days(1);
    later.take(tomorrow, &one(&long[0], 5, 5)).await.unwrap();
    assert_eq!(over(later.take(tomorrow, &one(&long[0], 1, 5)).await).remaining, 0);
}

#[tokio::test]
async fn what_was_given_back_and_the_window_before_are_restored_too() {
    let (kept, clock) = (Arc::new(Kept::default()), Clock::fixed(noon()));
    let (day, hour) = (key("day", Window::Day), key("hour", Window::Hour));
    let before = kept.process(&clock);
    let taken = before.take(noon(), &one(&day, 5, 5)).await.unwrap();
    before.give_back(taken).await;
    before.take(noon(), &one(&hour, 4, 5)).await.unwrap();
    let next = noon() + TimeDelta::hours(1);
    before.take(next, &one(&hour, 1, 5)).await.unwrap();
    drop(before);
    let after = kept.process(&clock);
    after.take(next, &one(&day, 5, 5)).await.unwrap();
    let mut sliding = Demand::default();
    sliding.add(hour, 2, 5, true);
    assert_eq!(over(after.take(next, &sliding).await).remaining, 0, "4 before, and 1");
}

#[tokio::test]
async fn what_a_restart_would_forget_is_not_admitted() {
    let (kept, clock) = (Arc::new(Kept::default()), Clock::fixed(noon()));
    let (day, minute) = (key("day", Window::Day), key("minute", Window::Minute));
    let store = kept.process(&clock);
    kept.is_lost.store(true, Ordering::SeqCst);
    let refused = store.take(noon(), &one(&day, 5, 5)).await;
    assert!(matches!(refused, Err(NotReserved::Unavailable)));
    store.take(noon(), &one(&minute, 5, 5)).await.unwrap();
    kept.is_lost.store(false, Ordering::SeqCst);
    store.take(noon(), &one(&day, 5, 5)).await.unwrap();
}

#[tokio::test]
async fn a_journal_that_grew_long_is_written_anew_with_what_still_counts() {
    let (kept, clock) = (Arc::new(Kept::default()), Clock::fixed(noon()));
    let (day, hour) = (key("day", Window::Day), key("hour", Window::Hour));
    let store = kept.process(&clock);
    for _ in 0..100 {
        store.take(noon(), &one(&day, 1, 1_000)).await.unwrap();
        store.take(noon(), &one(&hour, 1, 1_000)).await.unwrap();
    }
    let lines = |kept: &Kept| kept.bytes().split(|byte| *byte == b'\n').count() - 1;
    assert_eq!(lines(&kept), 200);
    kept.is_long.store(true, Ordering::SeqCst);
    let evening = noon() + TimeDelta::hours(5);
    store.take(evening, &one(&day, 1, 1_000)).await.unwrap();
    kept.is_long.store(false, Ordering::SeqCst);
    assert_eq!(lines(&kept), 1, "the hour is over");
    drop(store);
    let after = kept.process(&clock);
    assert_eq!(over(after.take(evening, &one(&day, 1_000, 1_000)).await).remaining, 899);
}

#[tokio::test]
async fn a_torn_or_foreign_line_is_passed_over() {
    let clock = Clock::fixed(noon());
    let kept = Arc::new(Kept::default());
    let day = key("day", Window::Day);
    let store = kept.process(&clock);
    store.take(noon(), &one(&day, 3, 5)).await.unwrap();
    let mut bytes = kept.bytes();
    let torn = bytes.len() / 2;
    bytes.extend(bytes.clone().into_iter().take(torn));
    bytes.extend(b"\n\"x\" 1 2\nnonsense\n\xff\n\"y\" 1 -2 3 99999999999999\n");
    let journal: Arc<dyn Journal> = Arc::new(Kept::default());
    let store = Store::Memory(clock.clone(), MemoryCounters::restored(clock, &bytes, &journal));
    assert_eq!(over(store.take(noon(), &one(&day, 3, 5)).await).remaining, 2);
}
