//! Counts in process: the embedded default, exact for one replica. With a journal, those that
//! matter after a restart outlive it.
//!
//! All counts of a call belong to one organisation, and an organisation to one shard, so that
//! one short lock makes a reservation atomic. Windows that are over are reaped as a shard grows;
//! past its bound a shard admits nothing new, it does not forget.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Clock, OrganisationId};
use futures_util::future::{BoxFuture, FutureExt, ready};

use super::demand::{CountKey, Demand};
use super::journal::{self, Journal, Lost, Restored};
use super::over::{Seen, bounds};
use super::redis::name;
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
    journal: Option<Arc<dyn Journal>>,
    restored: Mutex<Restored>,
    /// Held while the journal is written anew.
    rewriting: Mutex<()>,
}

#[derive(Default)]
struct Shard {
    slots: HashMap<CountKey, Slot>,
    /// Size at which expired slots are looked for next.
    sweep_at: usize,
}

/// One count, as of the last time it was raised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) start: i64,
    pub(super) used: u64,
    pub(super) before: u64,
    /// From when on it says nothing any more.
    pub(super) expires: i64,
}

impl MemoryCounters {
    /// No counts yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            journal: None,
            restored: Mutex::default(),
            rewriting: Mutex::new(()),
        }
    }

    /// What an earlier process kept in its journal, and what is counted from now on in this one.
    pub fn restored(clock: Clock, kept: &[u8], journal: &Arc<dyn Journal>) -> Self {
        let restored = Restored::read(kept, clock.now().timestamp_millis());
        let counters = Self {
            restored: Mutex::new(restored),
            journal: Some(Arc::clone(journal)),
            ..Self::new(clock)
        };
        counters.rewrite(journal.as_ref());
        counters
    }

    /// Writes the journal anew, with what still counts.
    fn rewrite(&self, journal: &dyn Journal) {
        let Ok(_alone) = self.rewriting.try_lock() else { return };
        let Some(begun) = journal.begin() else { return };
        let now = self.clock.now().timestamp_millis();
        for shard in &self.shards {
            // With the shard held, so that no later line of a count comes before this one.
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let live = shard.slots.iter().filter(|(_, slot)| slot.expires > now);
            let mut lines = Vec::new();
            for (key, slot) in live.filter(|(key, _)| journal::is_kept(key)) {
                journal::write(&mut lines, &name(key), *slot);
            }
            if journal.append(&lines).is_err() {
                return;
            }
        }
        let mut lines = Vec::new();
        let mut restored = self.restored.lock().unwrap_or_else(PoisonError::into_inner);
        restored.write(&mut lines, now);
        if journal.append(&lines).is_ok() {
            journal.finish(begun);
        }
    }

    /// Counts of an earlier process that are asked for now.
    fn recall(&self, shard: &mut Shard, demand: &Demand) {
        if self.journal.is_none() {
            return;
        }
        let mut restored = self.restored.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = demand.counts().iter().map(|count| &count.key);
        let families = keys.clone().filter_map(CountKey::family);
        for key in keys.cloned().chain(families) {
            if let Some(slot) = restored.take(&key) {
                shard.slots.entry(key).or_insert(slot);
            }
        }
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
        self.recall(&mut shard, demand);
        let before = self.journal.is_some().then(|| shard.kept(demand));
        let reserved = shard.reserve(demand, now)?;
        if let (Some(journal), Some(before)) = (&self.journal, before) {
            // What a restart would forget is not counted on.
            if shard.remember(demand, journal.as_ref()).is_err() {
                shard.put_back(before);
                return Err(NotReserved::Unavailable);
            }
            drop(shard);
            if journal.is_long() {
                self.rewrite(journal.as_ref());
            }
        }
        Ok(reserved)
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
        if let (Some(journal), Some(first)) = (&self.journal, demand.counts().first())
            && let Some(shard) = self.shard(first.key.organisation)
        {
            // A count that stays too high after a restart is on the safe side.
            let _kept = shard.remember(&demand, journal.as_ref());
        }
        ready(()).boxed()
    }
}

impl Shard {
    /// The counts of a demand that a journal keeps, each as it stands.
    fn kept(&self, demand: &Demand) -> Vec<(CountKey, Option<Slot>)> {
        let keys = demand.counts().iter().map(|count| count.key.clone());
        let families = demand.counts().iter().filter_map(|count| count.key.family());
        let stands = |key: CountKey| {
            let slot = self.slots.get(&key).copied();
            (key, slot)
        };
        keys.chain(families).map(stands).collect()
    }

    fn put_back(&mut self, before: Vec<(CountKey, Option<Slot>)>) {
        for (key, slot) in before {
            match slot {
                Some(slot) => self.slots.insert(key, slot),
                None => self.slots.remove(&key),
            };
        }
    }

    /// Appends what the counts of a demand stand at.
    fn remember(&self, demand: &Demand, journal: &dyn Journal) -> Result<(), Lost> {
        let mut lines = Vec::new();
        for (key, slot) in self.kept(demand) {
            if let Some(slot) = slot.filter(|_| journal::is_kept(&key)) {
                journal::write(&mut lines, &name(&key), slot);
            }
        }
        if lines.is_empty() { Ok(()) } else { journal.append(&lines) }
    }

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
