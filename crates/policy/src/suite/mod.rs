//! Policy tests: example calls with the decision that is expected of them.
//!
//! They live beside a policy, in the product and as a file in git:
//!
//! ```
//! use policy::suite;
//!
//! let tests = suite::parse(
//!     r#"{"version": "1", "tests": [
//!         {"name": "large charges are refused", "tool": "create_charge",
//!          "arguments": {"amount": 10001}, "at": "2026-11-25T12:00:00Z", "grant": "ci-runner",
//!          "expect": "deny", "rule": "/tools/create_charge/deny_if/0"},
//!         {"name": "the 31st call in a minute is too many", "tool": "create_charge",
//!          "arguments": {"amount": 5}, "repeat": 31, "expect": "limit"}
//!     ]}"#,
//! )
//! .unwrap();
//! assert_eq!(tests.len(), 2);
//! ```
//!
//! A test judges the document, not the day: definitions count as reviewed, and `mode: observe` as
//! enforced. Counters start at nothing.

mod parse;
mod run;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

pub use parse::parse;
pub use run::run;

use crate::compiled::Explanation;

/// The most tests of one policy.
pub const MAX_TESTS: usize = 500;
/// The longest name of a test, in characters.
pub const MAX_NAME_CHARS: usize = 200;
/// The longest arguments of a test, in bytes.
pub const MAX_ARGUMENTS_BYTES: usize = 64 * 1024;
/// The most that a call may be repeated.
pub const MAX_REPEAT: u64 = 1_000_000_000;

/// One example call and what is expected of it. Serialises to the form that [`parse`] reads.
#[derive(Debug, Clone, Serialize)]
pub struct Test {
    /// What it shows, for people. Unique in a suite.
    pub name: String,
    /// The tool's own name.
    pub tool: String,
    /// The arguments object, as JSON text; `None` for a call without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Box<RawValue>>,
    /// The moment of the call; without it, the moment of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// The label of the grant that calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// What the client calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The how-manieth of the same calls within one window is judged: 1 unless given.
    #[serde(skip_serializing_if = "is_one")]
    pub repeat: u64,
    /// What has to come of it.
    pub expect: Expect,
    /// The rule id that has to decide, if that matters too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

/// Two tests are the same if they are written alike.
impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        let text = |test: &Self| test.arguments.as_ref().map(|raw| raw.get().to_owned());
        text(self) == text(other)
            && (&self.name, &self.tool, self.at, &self.grant, &self.client)
                == (&other.name, &other.tool, other.at, &other.grant, &other.client)
            && (self.repeat, self.expect, &self.rule) == (other.repeat, other.expect, &other.rule)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_one(repeat: &u64) -> bool {
    *repeat == 1
}

/// What can come of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// It is forwarded.
    Allow,
    /// A rule or the default refuses it.
    Deny,
    /// It is answered as a tool that does not exist.
    Hide,
    /// It waits for a person.
    Approve,
    /// A limit refuses it: see [`Test::repeat`].
    Limit,
}

impl Expect {
    /// Every word.
    pub const ALL: [Self; 5] = [Self::Allow, Self::Deny, Self::Hide, Self::Approve, Self::Limit];

    /// The word used in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Hide => "hide",
            Self::Approve => "approve",
            Self::Limit => "limit",
        }
    }

    /// What came of it, in the middle of a sentence.
    pub const fn said(self) -> &'static str {
        match self {
            Self::Allow => "allowed",
            Self::Deny => "denied",
            Self::Hide => "hidden",
            Self::Approve => "held for a person",
            Self::Limit => "stopped by a limit",
        }
    }

    /// The one of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|expect| expect.as_str() == word)
    }
}

/// How one test went.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// The test's name.
    pub name: String,
    /// Its tool.
    pub tool: String,
    /// Whether what came is what was expected.
    pub passed: bool,
    /// What was expected.
    pub expected: Expect,
    /// What came.
    pub got: Expect,
    /// The rule id that decided; empty for a call that is allowed.
    pub rule: String,
    /// One sentence: "Expected denied, got allowed."
    pub detail: String,
    /// The decision with every step.
    pub explanation: Explanation,
}

/// The tests as a file: what [`parse`] reads, with a newline at its end.
pub fn to_json(tests: &[Test]) -> String {
    #[derive(Serialize)]
    struct Suite<'t> {
        version: &'static str,
        tests: &'t [Test],
    }
    let suite = Suite { version: "1", tests };
    let mut text = serde_json::to_string_pretty(&suite).unwrap_or_default();
    text.push('\n');
    text
}
