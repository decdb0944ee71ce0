//! How much one call may cost to judge. A document and a call can each be within bounds and their
//! product not be: thousands of conditions on a list of a million elements. Such a call is refused.

use std::cell::Cell;

use super::condition::Wanted;

/// What one call may cost: about a quarter of a second, ten times that where patterns and texts
/// are made for each other, and far more than any call in good faith.
const BUDGET: u32 = 2_000_000;
/// Bytes that are looked at for one unit.
const BYTES_A_UNIT: usize = 64;
/// Bytes that a pattern of 4 KiB runs over for one unit. Where its automaton has no state twice,
/// each byte takes as long as looking at the whole pattern.
const PATTERN_BYTES_A_UNIT: usize = 2;
/// Members of an object that are searched for one unit.
const MEMBERS_A_UNIT: usize = 16;

/// What is left of a call's budget.
pub(crate) struct Effort(Cell<u32>);

impl Effort {
    pub(crate) fn new() -> Self {
        Self(Cell::new(BUDGET))
    }

    /// For looking at a value of so many bytes, and comparing it with so many others.
    pub(super) fn look(&self, bytes: usize, others: usize) -> Result<(), Wanted> {
        self.spend(1 + bytes / BYTES_A_UNIT + others)
    }

    /// For running a pattern of that size over so many bytes.
    pub(super) fn run_pattern(&self, bytes: usize, size: u32) -> Result<(), Wanted> {
        self.spend(bytes.saturating_mul(size as usize) / PATTERN_BYTES_A_UNIT)
    }

    /// For finding a key among so many members.
    pub(super) fn search(&self, members: usize) -> Result<(), Wanted> {
        self.spend(members / MEMBERS_A_UNIT)
    }

    fn spend(&self, units: usize) -> Result<(), Wanted> {
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let left = self.0.get().checked_sub(units);
        self.0.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Wanted::Smaller)
    }
}
