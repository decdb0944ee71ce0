//! What a backtest found.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::Recorded;

/// Example calls that are kept of one rule.
const MAX_EXAMPLES: usize = 5;

/// What would become of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It would be refused, which it is not now.
    Denied,
    /// It would be answered as unknown.
    Hidden,
    /// It would run into a limit.
    Limited,
    /// A person would have to approve it.
    Gated,
    /// It would pass, which it does not now.
    Allowed,
    /// It takes what was not recorded to say.
    Unknown,
}

impl Change {
    /// Every change.
    pub const ALL: [Self; 6] =
        [Self::Denied, Self::Hidden, Self::Limited, Self::Gated, Self::Allowed, Self::Unknown];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Hidden => "hidden",
            Self::Limited => "limited",
            Self::Gated => "gated",
            Self::Allowed => "allowed",
            Self::Unknown => "unknown",
        }
    }
}

/// How many calls, by what would become of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Newly denied.
    pub denied: u64,
    /// Newly hidden.
    pub hidden: u64,
    /// Newly limited.
    pub limited: u64,
    /// Newly held for a person.
    pub gated: u64,
    /// Newly allowed.
    pub allowed: u64,
    /// Cannot be known.
    pub unknown: u64,
    /// As now.
    pub unchanged: u64,
}

impl Tally {
    /// How many would become this.
    pub const fn of(&self, change: Change) -> u64 {
        match change {
            Change::Denied => self.denied,
            Change::Hidden => self.hidden,
            Change::Limited => self.limited,
            Change::Gated => self.gated,
            Change::Allowed => self.allowed,
            Change::Unknown => self.unknown,
        }
    }

    const fn add(&mut self, change: Option<Change>) {
        let count = match change {
            Some(Change::Denied) => &mut self.denied,
            Some(Change::Hidden) => &mut self.hidden,
            Some(Change::Limited) => &mut self.limited,
            Some(Change::Gated) => &mut self.gated,
            Some(Change::Allowed) => &mut self.allowed,
            Some(Change::Unknown) => &mut self.unknown,
            None => &mut self.unchanged,
        };
        *count += 1;
    }
}

/// A call that shows what is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Its id.
    pub id: u128,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Whose it was.
    pub grant_label: String,
    /// What was called.
    pub target: String,
    /// The outcome word that was recorded.
    pub outcome: String,
}

/// What one rule would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleReport {
    /// What would become of the calls.
    pub change: Change,
    /// The rule of the draft that does it; of what is newly allowed, the rule in force that does
    /// not do it any more.
    pub rule: String,
    /// How many calls.
    pub count: u64,
    /// The first few of them.
    pub examples: Vec<Example>,
}

/// An argument whose value it would take to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its path.
    pub path: String,
    /// Of how many calls.
    pub calls: u64,
}

/// What a backtest found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many calls were decided once more.
    pub calls: u64,
    /// Of how many the values of all arguments were known.
    pub with_values: u64,
    /// What would become of them.
    pub tally: Tally,
    /// By rule: the most calls first.
    pub rules: Vec<RuleReport>,
    /// By time: the start of each bucket with calls in it.
    pub series: Vec<(DateTime<Utc>, Tally)>,
    /// What was not recorded and would have been needed, the most calls first.
    pub missing: Vec<Missing>,
}

/// A report in the making.
pub(super) struct Findings {
    bucket: i64,
    calls: u64,
    with_values: u64,
    tally: Tally,
    rules: HashMap<(Change, Arc<str>), (u64, Vec<Example>)>,
    series: BTreeMap<i64, Tally>,
    missing: HashMap<String, u64>,
}

impl Findings {
    pub(super) fn new(bucket: TimeDelta) -> Self {
        Self {
            bucket: bucket.num_seconds().max(1),
            calls: 0,
            with_values: 0,
            tally: Tally::default(),
            rules: HashMap::new(),
            series: BTreeMap::new(),
            missing: HashMap::new(),
        }
    }

    /// Notes what would become of a call, by which rule.
    pub(super) fn note(&mut self, call: &Recorded<'_>, change: Option<(Change, Arc<str>)>) {
        self.calls += 1;
        self.with_values += u64::from(call.has_values());
        let word = change.as_ref().map(|(change, _)| *change);
        self.tally.add(word);
        let start = call.at.timestamp().div_euclid(self.bucket);
        self.series.entry(start).or_default().add(word);
        let Some(change) = change else { return };
        let (count, examples) = self.rules.entry(change).or_default();
        *count += 1;
        if examples.len() < MAX_EXAMPLES {
            examples.push(Example::of(call));
        }
    }

    /// Notes an argument that would have been needed.
    pub(super) fn miss(&mut self, path: &str) {
        match self.missing.get_mut(path) {
            Some(calls) => *calls += 1,
            None => {
                self.missing.insert(path.to_owned(), 1);
            }
        }
    }

    pub(super) fn report(self) -> Report {
        let rule = |((change, rule), (count, examples)): ((Change, Arc<str>), (u64, _))| {
            RuleReport { change, rule: rule.as_ref().to_owned(), count, examples }
        };
        let mut rules: Vec<_> = self.rules.into_iter().map(rule).collect();
        rules.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| (a.change, &a.rule).cmp(&(b.change, &b.rule)))
        });
        let missing = self.missing.into_iter().map(|(path, calls)| Missing { path, calls });
        let mut missing: Vec<_> = missing.collect();
        missing.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.path.cmp(&b.path)));
        let start = |bucket: i64| DateTime::from_timestamp(bucket * self.bucket, 0);
        let series = self.series.into_iter();
        Report {
            calls: self.calls,
            with_values: self.with_values,
            tally: self.tally,
            rules,
            series: series.filter_map(|(bucket, tally)| Some((start(bucket)?, tally))).collect(),
            missing,
        }
    }
}

impl Example {
    pub(super) fn of(call: &Recorded<'_>) -> Self {
        Self {
            id: call.id,
            at: call.at,
            grant_label: call.grant_label.to_owned(),
            target: call.target.to_owned(),
            outcome: call.outcome.to_owned(),
        }
    }
}
