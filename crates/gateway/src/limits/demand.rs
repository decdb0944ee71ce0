//! What one call demands of the counters: which counts it raises, and which limits stand on them.

use std::sync::Arc;

use domain::{GrantId, OrganisationId, ServerId};
use policy::Window;

/// Which count. Two limits with the same key share one count, whichever tools they stand on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CountKey {
    /// The tenant.
    pub organisation: OrganisationId,
    /// The server; none where the count spans servers.
    pub server: Option<ServerId>,
    /// Whose calls are counted together.
    pub subject: Subject,
    /// The counter's name in the policy.
    pub counter: Arc<str>,
    /// The window.
    pub window: Window,
    /// The path that is summed; none counts calls.
    pub sum: Option<Arc<str>>,
    /// Which part of it, where a limit has a `key`.
    pub part: Part,
}

impl CountKey {
    /// All keys of a keyed limit together: what [`super::MAX_KEYS`] bounds.
    pub(super) fn family(&self) -> Option<Self> {
        matches!(self.part, Part::Key(_)).then(|| Self { part: Part::Keys, ..self.clone() })
    }
}

/// Which part of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// All of it: the limit has no key.
    Whole,
    /// That of one value of the key, by digest.
    Key([u8; 32]),
    /// Not calls but distinct keys.
    Keys,
}

/// Whose calls are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Everyone's.
    All,
    /// One grant's.
    Grant(GrantId),
    /// One session's, by digest.
    Session([u8; 16]),
}

/// One count that is raised, once, however many limits stand on it.
#[derive(Debug, Clone)]
pub struct Count {
    /// Which.
    pub key: CountKey,
    /// By how much.
    pub amount: u64,
}

/// One limit on a count.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Index into the demand's counts.
    pub count: usize,
    /// The count may not pass this.
    pub max: u64,
    /// Whether the previous window weighs in.
    pub sliding: bool,
}

/// Everything one call demands.
#[derive(Debug, Clone, Default)]
pub struct Demand {
    counts: Vec<Count>,
    checks: Vec<Check>,
}

impl Demand {
    /// Adds a limit. One that meets a count already demanded adds only its own `max`.
    pub fn add(&mut self, key: CountKey, amount: u64, max: u64, sliding: bool) {
        let known = self.counts.iter().position(|count| count.key == key);
        let count = known.unwrap_or(self.counts.len());
        if known.is_none() {
            self.counts.push(Count { key, amount });
        }
        self.checks.push(Check { count, max, sliding });
    }

    /// Whether nothing needs to be counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The distinct counts.
    pub fn counts(&self) -> &[Count] {
        &self.counts
    }

    /// The limits, in the order they were added.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The same counts under no limit at all: what a policy that only observes raises.
    #[must_use]
    pub fn unchecked(&self) -> Self {
        Self { counts: self.counts.clone(), checks: Vec::new() }
    }

    /// The same demand under `1/replicas` of each limit: one replica's share while the shared
    /// counters are out of reach.
    #[must_use]
    pub fn share(&self, replicas: u64) -> Self {
        let mut share = self.clone();
        for check in &mut share.checks {
            check.max /= replicas.max(1);
        }
        share
    }
}
