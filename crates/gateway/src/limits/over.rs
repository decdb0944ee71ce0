//! What a refused call is told: how much is left, and when a repeat can pass. Pure arithmetic on
//! what a store saw, the same for every store.

use chrono::DateTime;
use policy::Window;

use super::demand::{Check, Demand};

/// A limit that a call would pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// Which of the demand's limits, in the order they were added.
    pub which: usize,
    /// What it ran into.
    pub why: Why,
    /// How much is left in this window, in the count's own unit.
    pub remaining: u64,
    /// When the same call can pass if nothing else is counted; none if never.
    pub retry_after_ms: Option<u64>,
}

/// What a refused call ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The limit's `max`.
    Max,
    /// More distinct keys in one window than are kept.
    Keys,
}

/// Start and end, in milliseconds since the epoch, of the window that `now` is in.
pub(super) fn bounds(window: Window, now: i64) -> (i64, i64) {
    let now = DateTime::from_timestamp_millis(now).unwrap_or_default();
    (window.start(now).timestamp_millis(), window.end(now).timestamp_millis())
}

/// A count as a store found it, rolled to the current window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Counted in this window.
    pub(super) used: u64,
    /// Counted in the window before.
    pub(super) before: u64,
    /// Milliseconds since the epoch: this window's start, its end, and now.
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) now: i64,
}

impl Seen {
    fn left(self) -> u64 {
        u64::try_from(self.end.saturating_sub(self.now)).unwrap_or(0).max(1)
    }

    fn length(self) -> u64 {
        u64::try_from(self.end.saturating_sub(self.start)).unwrap_or(0).max(1)
    }

    /// What counts against a limit: with a sliding one, the previous window weighs by what is
    /// left of it, rounded up.
    fn weighed(self, sliding: bool) -> u64 {
        if !sliding {
            return self.used;
        }
        let share = u128::from(self.before) * u128::from(self.left().min(self.length()));
        let share = share.div_ceil(u128::from(self.length()));
        self.used.saturating_add(u64::try_from(share).unwrap_or(u64::MAX))
    }

    /// Whether `amount` more passes the limit.
    pub(super) fn is_over(self, amount: u64, check: &Check) -> bool {
        self.weighed(check.sliding).saturating_add(amount) > check.max
    }

    /// The refusal of limit number `which`.
    pub(super) fn over(self, which: usize, amount: u64, check: &Check) -> Over {
        Over {
            which,
            why: Why::Max,
            remaining: check.max.saturating_sub(self.weighed(check.sliding)),
            retry_after_ms: self.retry_after(amount, check),
        }
    }

    /// The refusal of a new key of count number `count`; `self` is the count of its keys.
    pub(super) fn too_many_keys(self, demand: &Demand, count: usize) -> Over {
        let which = demand.checks().iter().position(|check| check.count == count);
        Over {
            which: which.unwrap_or(0),
            why: Why::Keys,
            remaining: 0,
            retry_after_ms: Some(self.left()),
        }
    }

    fn retry_after(self, amount: u64, check: &Check) -> Option<u64> {
        let room = check.max.checked_sub(amount)?;
        if !check.sliding {
            return Some(self.left());
        }
        if let Some(for_before) = room.checked_sub(self.used) {
            return Some(wait_until_light(self.left(), self.length(), self.before, for_before));
        }
        // This window alone is too full: it must first become the previous one, and fade.
        let fade = wait_until_light(self.length(), self.length(), self.used, room);
        Some(self.left().saturating_add(fade))
    }
}

/// How long until `before`, weighed by what is left of `length`, is at most `room`.
fn wait_until_light(left: u64, length: u64, before: u64, room: u64) -> u64 {
    if before == 0 {
        return 1;
    }
    let allowed = u128::from(length) * u128::from(room) / u128::from(before);
    left.saturating_sub(u64::try_from(allowed).unwrap_or(u64::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(max: u64, sliding: bool) -> Check {
        Check { count: 0, max, sliding }
    }

    #[test]
    fn a_fixed_window_is_retried_at_its_end() {
        let seen = Seen { used: 10, before: 99, start: 0, end: 60_000, now: 37_000 };
        let over = seen.over(3, 1, &check(10, false));
        assert_eq!((over.which, over.remaining, over.retry_after_ms), (3, 0, Some(23_000)));
    }

    #[test]
    fn an_amount_larger_than_the_limit_is_never_retried() {
        let seen = Seen { used: 0, before: 0, start: 0, end: 1_000, now: 0 };
        assert_eq!(seen.over(0, 11, &check(10, false)).retry_after_ms, None);
        assert_eq!(seen.over(0, 11, &check(10, false)).remaining, 10);
    }

    proptest! {
        #[test]
        fn after_the_wait_that_a_sliding_limit_names_the_call_passes(
            used in 0_u64..50, before in 0_u64..50, max in 1_u64..30, now in 0_i64..1_000,
        ) {
            let seen = Seen { used, before, start: 0, end: 1_000, now };
            let limit = check(max, true);
            prop_assume!(seen.is_over(1, &limit));
            let wait = i64::try_from(seen.over(0, 1, &limit).retry_after_ms.unwrap()).unwrap();
            let at = now + wait;
            let later = match at / 1_000 {
                0 => Seen { now: at, ..seen },
                1 => Seen { used: 0, before: used, start: 1_000, end: 2_000, now: at },
                _ => Seen { used: 0, before: 0, start: 2_000, end: 3_000, now: at },
            };
            prop_assert!(!later.is_over(1, &limit), "{seen:?} {later:?}");
        }
    }
}
