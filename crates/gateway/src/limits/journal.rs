//! What is counted in process, kept beyond it: counts of windows that are long enough for a restart
//! to matter, and all sums. A line is a count's name and what it stands at, so that the last line
//! of a count is all that is needed of it.

use std::collections::HashMap;

use super::demand::CountKey;
use super::memory::Slot;
use super::redis::name;

/// Counts of shorter windows start again with the process.
const LONG_SECS: u32 = 3_600;

/// Where lines are kept. What was appended outlives the process.
pub trait Journal: Send + Sync + 'static {
    /// Appends lines, as one write. What cannot be kept is not counted on.
    fn append(&self, lines: &[u8]) -> Result<(), Lost>;

    /// Whether there is so much of it that it should be written anew.
    fn is_long(&self) -> bool;

    /// Begins anew: what is appended from now on goes behind what was there. `None` if that is
    /// not possible now.
    fn begin(&self) -> Option<u64>;

    /// All that is still needed was appended since [`Self::begin`]: what was there before goes.
    fn finish(&self, begun: u64);
}

/// A line could not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the journal of the counters takes no more")]
pub struct Lost;

/// Whether a restart must not forget a count.
pub(super) fn is_kept(key: &CountKey) -> bool {
    key.sum.is_some() || key.window.longest_secs() >= LONG_SECS
}

/// Adds the line of a count.
pub(super) fn write(lines: &mut Vec<u8>, name: &str, slot: Slot) {
    let Slot { start, used, before, expires } = slot;
    let numbers = format!(" {start} {used} {before} {expires}\n");
    lines.extend_from_slice(json::quoted(name).as_bytes());
    lines.extend_from_slice(numbers.as_bytes());
}

/// What an earlier process counted, by name, until it is asked for.
#[derive(Debug, Default)]
pub(super) struct Restored(HashMap<String, Slot>);

impl Restored {
    /// Of the lines that were kept, oldest first. One that was torn is passed over: the call that
    /// it was written for was not made.
    pub(super) fn read(lines: &[u8], now: i64) -> Self {
        let lines = lines.split(|byte| *byte == b'\n');
        let mut counts: HashMap<String, Slot> = lines.filter_map(line).collect();
        counts.retain(|_, slot| slot.expires > now);
        Self(counts)
    }

    /// The count of this key, which is no longer needed here.
    pub(super) fn take(&mut self, key: &CountKey) -> Option<Slot> {
        if self.0.is_empty() || !is_kept(key) { None } else { self.0.remove(&name(key)) }
    }

    /// The lines of all that was not asked for yet.
    pub(super) fn write(&mut self, lines: &mut Vec<u8>, now: i64) {
        self.0.retain(|_, slot| slot.expires > now);
        self.0.iter().for_each(|(name, slot)| write(lines, name, *slot));
    }
}

fn line(line: &[u8]) -> Option<(String, Slot)> {
    let mut parts = str::from_utf8(line).ok()?.rsplitn(5, ' ');
    let mut number = || parts.next()?.parse::<i64>().ok();
    let (expires, before, used, start) = (number()?, number()?, number()?, number()?);
    let name = json::parse(parts.next()?.as_bytes()).ok()?.root().as_str()?.into_owned();
    let amount = |n: i64| u64::try_from(n).ok();
    Some((name, Slot { start, used: amount(used)?, before: amount(before)?, expires }))
}
