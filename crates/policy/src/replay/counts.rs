//! Counts of limits at the times at which calls were made: the rules of the gateway's counters,
//! for one side of a backtest.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::Recorded;
use crate::limit::{Algorithm, Limit, LimitRequest, Scope};
use crate::window::Window;

/// Most distinct keys that one keyed limit counts in one window, as at the gateway.
const MAX_KEYS: u64 = 10_000;
const FIRST_SWEEP: usize = 1 << 12;
/// Live counts that are kept; past it new ones are not, and stop nothing.
const MAX_COUNTS: usize = 1 << 19;

/// The counts of one policy.
#[derive(Default)]
pub(super) struct Counts {
    limits: Vec<Standing>,
    by_rule: HashMap<Box<str>, usize>,
    names: HashMap<Name, u32>,
    slots: HashMap<Key, Slot>,
    /// Size at which windows that are over are looked for next.
    sweep_at: usize,
}

/// What is counted under which name: limits with the same one share a count.
type Name = (String, Window, Option<String>);

/// One limit of the policy.
struct Standing {
    rule: Arc<str>,
    count: u32,
    window: Window,
    scope: Scope,
    spans_servers: bool,
    max: u64,
    sliding: bool,
}

/// What one call asks of one limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    limit: usize,
    amount: u64,
    key: Option<[u8; 32]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    server: Option<u32>,
    subject: Subject,
    count: u32,
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    All,
    Grant(u128),
    Session(u64),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Whole,
    Key([u8; 32]),
    /// Not calls but distinct keys.
    Keys,
}

/// One count, in milliseconds since the epoch.
#[derive(Clone, Copy)]
struct Slot {
    start: i64,
    end: i64,
    used: u64,
    before: u64,
}

impl Counts {
    /// What a decision asks, in a form that outlives it.
    pub(super) fn ask(&mut self, request: &LimitRequest<'_>) -> Ask {
        let limit = match self.by_rule.get(request.rule) {
            Some(known) => *known,
            None => self.stand(request.rule, request.limit),
        };
        Ask { limit, amount: request.amount, key: request.key }
    }

    fn stand(&mut self, rule: &str, limit: &Limit) -> usize {
        let name = (limit.counter.clone(), limit.window, limit.sum_path().map(str::to_owned));
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let at = self.limits.len();
        self.limits.push(Standing {
            rule: rule.into(),
            count: *self.names.entry(name).or_insert(next),
            window: limit.window,
            scope: limit.scope,
            spans_servers: limit.spans_servers(),
            max: limit.max,
            sliding: limit.algorithm == Algorithm::Sliding,
        });
        self.by_rule.insert(rule.into(), at);
        at
    }

    /// Raises all the counts, or none of them where a limit would be passed: then that limit's
    /// rule. Without `enforced` they are raised whatever the limits say.
    pub(super) fn reserve(
        &mut self,
        server: u32,
        call: &Recorded<'_>,
        asks: &[Ask],
        enforced: bool,
    ) -> Option<Arc<str>> {
        let now = call.at.timestamp_millis();
        let mut raised: SmallVec<[(Key, Slot); 4]> = SmallVec::new();
        for ask in asks {
            let Some(limit) = self.limits.get(ask.limit) else { continue };
            let key = limit.key(server, call, ask);
            let slot = self.rolled(key, limit.window, now);
            if enforced && slot.weighed(limit.sliding, now).saturating_add(ask.amount) > limit.max {
                return Some(Arc::clone(&limit.rule));
            }
            if raised.iter().any(|(known, _)| *known == key) {
                continue;
            }
            if let Some((family, keys)) = self.new_key(key, limit.window, &slot, now) {
                if enforced && keys.used >= MAX_KEYS {
                    return Some(Arc::clone(&limit.rule));
                }
                raised.push((family, keys.raised(1)));
            }
            raised.push((key, slot.raised(ask.amount)));
        }
        let is_full = self.slots.len() >= MAX_COUNTS;
        raised.retain(|(key, _)| !is_full || self.slots.contains_key(key));
        self.slots.extend(raised);
        self.sweep(now);
        None
    }

    /// The count as of now. A call that was recorded a little late stays in the later window.
    fn rolled(&self, key: Key, window: Window, now: i64) -> Slot {
        let known = self.slots.get(&key);
        if let Some(slot) = known.filter(|slot| now < slot.end) {
            return *slot;
        }
        let at = chrono::DateTime::from_timestamp_millis(now).unwrap_or_default();
        let start = window.start(at).timestamp_millis();
        let end = window.end(at).timestamp_millis();
        let before = known.filter(|slot| slot.end == start).map_or(0, |slot| slot.used);
        Slot { start, end, used: 0, before }
    }

    /// The count of distinct keys, where this one is new in its window.
    fn new_key(&self, key: Key, window: Window, slot: &Slot, now: i64) -> Option<(Key, Slot)> {
        let is_known = self.slots.get(&key).is_some_and(|known| known.start >= slot.start);
        if is_known || !matches!(key.part, Part::Key(_)) {
            return None;
        }
        let family = Key { part: Part::Keys, ..key };
        Some((family, self.rolled(family, window, now)))
    }

    fn sweep(&mut self, now: i64) {
        if self.slots.len() <= self.sweep_at.max(FIRST_SWEEP) {
            return;
        }
        self.slots.retain(|_, slot| slot.end + (slot.end - slot.start) > now);
        self.sweep_at = self.slots.len() * 2;
    }
}

impl Standing {
    fn key(&self, server: u32, call: &Recorded<'_>, ask: &Ask) -> Key {
        let session = call.session.and_then(|digest| u64::from_str_radix(digest, 16).ok());
        let subject = match (self.scope, session) {
            (Scope::Session, Some(session)) => Subject::Session(session),
            (Scope::Grant | Scope::Session, _) => Subject::Grant(call.grant),
            (Scope::Server | Scope::Organisation, _) => Subject::All,
        };
        Key {
            server: (!self.spans_servers).then_some(server),
            subject,
            count: self.count,
            part: ask.key.map_or(Part::Whole, Part::Key),
        }
    }
}

impl Slot {
    fn raised(self, amount: u64) -> Self {
        Self { used: self.used.saturating_add(amount), ..self }
    }

    /// What counts against a limit: with a sliding one, the window before weighs by what is left
    /// of it, rounded up.
    fn weighed(self, sliding: bool, now: i64) -> u64 {
        if !sliding {
            return self.used;
        }
        let span = |from: i64, to: i64| u128::from(to.saturating_sub(from).max(1).unsigned_abs());
        let length = span(self.start, self.end);
        let share = u128::from(self.before) * span(now, self.end).min(length);
        let share = share.div_ceil(length);
        self.used.saturating_add(u64::try_from(share).unwrap_or(u64::MAX))
    }
}
