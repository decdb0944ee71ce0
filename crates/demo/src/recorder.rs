//! A counter that tests hold on to, to see what really reached the upstream.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::lock;

/// Counts calls by tool; clones share one count.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Recorder {
    /// What calls of tools that do not exist are counted under.
    pub const UNKNOWN: &'static str = "(unknown)";

    /// How many `tools/call` requests for `tool` were received.
    pub fn calls(&self, tool: &str) -> u64 {
        lock(&self.0).get(tool).copied().unwrap_or(0)
    }

    /// How many `tools/call` requests were received in all.
    pub fn total(&self) -> u64 {
        lock(&self.0).values().sum()
    }

    pub(crate) fn count(&self, tool: &'static str) {
        *lock(&self.0).entry(tool).or_default() += 1;
    }
}
