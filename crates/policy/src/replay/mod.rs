//! Recorded calls decided once more: what a draft would have done beside what is in force
//! ([`Backtest`]), and the smallest policy that lets through what was let through ([`Learner`]).
//!
//! Of most calls only the names of the arguments were recorded. A decision that takes a value then
//! cannot be known, and is counted as that. Three things are taken for granted: a value that
//! nobody recorded is one that its rules can judge, a name that was given was not `null`, and a
//! caller would have called the same whatever it was answered.

mod backtest;
mod counts;
mod judge;
mod learn;
mod ranges;
mod report;

use chrono::{DateTime, Utc};

pub use backtest::{Backtest, ServerAt, ThenAt};
pub use learn::{Learned, LearnedTool, Learner};
pub use report::{Change, Example, Missing, Report, RuleReport, Tally};

/// As many names of arguments are recorded of one call; where there are as many, some may lack.
const MAX_NAMES: usize = 64;

/// One recorded call.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// Its id.
    pub id: u128,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The grant that called.
    pub grant: u128,
    /// The grant's label then.
    pub grant_label: &'a str,
    /// What the client called itself.
    pub client_name: Option<&'a str>,
    /// Digest of its session, as it was recorded.
    pub session: Option<&'a str>,
    /// What was called.
    pub kind: Kind,
    /// The name, or URI, in the server's own terms.
    pub target: &'a str,
    /// The outcome word.
    pub outcome: &'a str,
    /// The rule that refused, if one did.
    pub rule: &'a str,
    /// The names of the arguments.
    pub names: &'a [String],
    /// The arguments, where their values were recorded.
    pub arguments: Option<json::Node<'a>>,
}

/// What a recorded call was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A call of a tool.
    Tool,
    /// Getting a prompt.
    Prompt,
    /// Reading a resource, or subscribing to it.
    Resource,
}

impl Recorded<'_> {
    /// Whether it was sent to the server.
    pub fn was_let_through(&self) -> bool {
        match self.outcome {
            "allowed" | "observed" | "upstream_error" => true,
            "cancelled" => self.rule.is_empty(),
            _ => false,
        }
    }

    /// Whether the values of its arguments are known: also where there are none.
    fn has_values(&self) -> bool {
        self.arguments.is_some() || self.names.is_empty()
    }
}
