//! Counts in process: the embedded default, exact for one replica.
//!
//! All counts of a call belong to one organisation, and an organisation to one shard, so that
//! one short lock makes a reservation atomic. Windows that are over are reaped as a shard grows;
//! past its bound a shard admits nothing new, it does not forget.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Clock, OrganisationId};
use futures_util::future::{BoxFuture, FutureExt, ready};

use super::demand::{CountKey, Demand};
use super::over::{Seen, bounds};
use super::{CounterStore, MAX_KEYS, NotReserved, Reservation};

const SHARDS: usize = 64;
/// Live counts in one shard, above which new ones are refused.
const MAX_COUNTS: usize = 1 << 18;
const FIRST_SWEEP: usize = 1 << 10;

/// See the module.
pub struct MemoryCounters {
    clock: Clock,
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

#[derive(Default)]
struct Shard {
    slots: HashMap<CountKey, Slot>,
    /// Size at which expired slots are looked for next.
    sweep_at: usize,
}

/// One count, as of the last time it was raised.
#[derive(Debug, Clone, Copy)]
struct Slot {
    start: i64,
    used: u64,
    before: u64,
    /// From when on it says nothing any more.
    expires: i64,
}

impl MemoryCounters {
    /// No counts yet.
    pub fn new(clock: Clock) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { clock, hasher: RandomState::new(), shards }
    }

    fn shard(&self, organisation: OrganisationId) -> Option<MutexGuard<'_, Shard>> {
        let hash = self.hasher.hash_one(organisation);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        // A poisoned shard still holds counts that are right: each is written in one step.
        self.shards.get(index).map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn try_reserve(&self, demand: &Demand) -> Result<Reservation, NotReserved> {
        let Some(first) = demand.counts().first() else {
            return Ok(Reservation { starts: Vec::new() });
        };
        let now = self.clock.now().timestamp_millis();
        let mut shard = self.shard(first.key.organisation).ok_or(NotReserved::Unavailable)?;
        shard.reserve(demand, now)
    }
}

impl CounterStore for MemoryCounters {
    fn reserve<'a>(
        &'a self,
        demand: &'a Demand,
    ) -> BoxFuture<'a, Result<Reservation, NotReserved>> {
        ready(self.try_reserve(demand)).boxed()
    }

    fn give_back(&self, demand: Demand, reservation: Reservation) -> BoxFuture<'static, ()> {
        for (count, start) in demand.counts().iter().zip(&reservation.starts) {
            if let Some(mut shard) = self.shard(count.key.organisation) {
                shard.give_back(&count.key, *start, count.amount);
            }
        }
        ready(()).boxed()
    }
}

impl Shard {
    fn reserve(&mut self, demand: &Demand, now: i64) -> Result<Reservation, NotReserved> {
        let seen: Vec<Seen> =
            demand.counts().iter().map(|count| self.seen(&count.key, now)).collect();
        for (which, check) in demand.checks().iter().enumerate() {
            let (Some(seen), Some(count)) =
                (seen.get(check.count), demand.counts().get(check.count))
            else {
                return Err(NotReserved::Unavailable);
            };
            if seen.is_over(count.amount, check) {
                return Err(NotReserved::Over(seen.over(which, count.amount, check)));
            }
        }
        self.admit_keys(demand, &seen)?;
        self.make_room(demand.counts().len(), now)?;
        for (count, seen) in demand.counts().iter().zip(&seen) {
            self.write(&count.key, *seen, count.amount);
        }
        Ok(Reservation { starts: seen.iter().map(|seen| seen.start).collect() })
    }

    /// The count rolled to the window of `now`. A clock that went back stays in the later window.
    fn seen(&self, key: &CountKey, now: i64) -> Seen {
        let (start, end) = bounds(key.window, now);
        let Some(slot) = self.slots.get(key) else {
            return Seen { start, end, now, ..Seen::default() };
        };
        if slot.start >= start {
            let (_, end) = bounds(key.window, slot.start);
            return Seen { used: slot.used, before: slot.before, start: slot.start, end, now };
        }
        let previous = bounds(key.window, start - 1).0;
        let before = if slot.start == previous { slot.used } else { 0 };
        Seen { used: 0, before, start, end, now }
    }

    fn write(&mut self, key: &CountKey, seen: Seen, amount: u64) {
        let length = seen.end.saturating_sub(seen.start);
        let slot = Slot {
            start: seen.start,
            used: seen.used.saturating_add(amount),
            before: seen.before,
            expires: seen.end.saturating_add(length),
        };
        // The key is cloned only for a new count.
        match self.slots.get_mut(key) {
            Some(known) => *known = slot,
            None => {
                self.slots.insert(key.clone(), slot);
            }
        }
    }

    /// Counts each key that is new in its window, up to the bound.
    fn admit_keys(&mut self, demand: &Demand, seen: &[Seen]) -> Result<(), NotReserved> {
        let counts = demand.counts().iter().zip(seen).enumerate();
        let fresh: Vec<(usize, CountKey, i64)> = counts
            .filter(|(_, (count, seen))| {
                self.slots.get(&count.key).is_none_or(|slot| slot.start < seen.start)
            })
            .filter_map(|(index, (count, seen))| Some((index, count.key.family()?, seen.now)))
            .collect();
        for (index, family, now) in &fresh {
            let keys = self.seen(family, *now);
            if keys.used >= MAX_KEYS {
                return Err(NotReserved::Over(keys.too_many_keys(demand, *index)));
            }
        }
        for (_, family, now) in &fresh {
            let keys = self.seen(family, *now);
            self.write(family, keys, 1);
        }
        Ok(())
    }

    fn make_room(&mut self, new: usize, now: i64) -> Result<(), NotReserved> {
        if self.slots.len() + new <= self.sweep_at.max(FIRST_SWEEP) {
            return Ok(());
        }
        self.slots.retain(|_, slot| slot.expires > now);
        self.sweep_at = (self.slots.len() * 2).clamp(FIRST_SWEEP, MAX_COUNTS);
        if self.slots.len() + new > MAX_COUNTS { Err(NotReserved::Unavailable) } else { Ok(()) }
    }

    fn give_back(&mut self, key: &CountKey, start: i64, amount: u64) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        if slot.start == start {
            slot.used = slot.used.saturating_sub(amount);
        } else if bounds(key.window, slot.start - 1).0 == start {
            slot.before = slot.before.saturating_sub(amount);
        }
    }
}
