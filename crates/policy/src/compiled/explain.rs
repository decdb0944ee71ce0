//! The decision with every step that led to it, from the same engine.

use serde::Serialize;

use super::policy::Compiled;
use crate::condition::Test;
use crate::decision::{Call, Decision};
use crate::document::Mode;
use crate::engine::{Scope, Step, Truth, Witness, shown};
use crate::limit::{Algorithm, LimitRequest, Scope as LimitScope};

/// The longest value that an explanation shows.
const MAX_SHOWN_CHARS: usize = 200;

/// A decision explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `allowed`, `denied`, `hidden`, `quarantined`, `approval_required` or `observed`. Whether a
    /// limit is reached only the counters know.
    pub outcome: &'static str,
    /// The rule id; empty for a call that is allowed.
    pub rule: String,
    /// What the agent is told; empty for a call that is allowed.
    pub message: String,
    /// Whether refusals are enforced.
    pub mode: Mode,
    /// Every step, in order, up to the one that decided.
    pub steps: Vec<ExplainedStep>,
    /// What the call would reserve.
    pub limits: Vec<ExplainedLimit>,
}

/// One step of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedStep {
    /// Its name: `visibility`, `definition`, `rule`, `keys`, `validate_arguments`, `require`,
    /// `deny_if`, `approve_if` or `limits`.
    pub step: &'static str,
    /// The rule id that it is about, if it is about one.
    pub rule: String,
    /// Whether this step refuses the call.
    pub refuses: bool,
    /// What it found, in words.
    pub detail: String,
    /// The tests that were made, each with the value that it found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ExplainedCondition>,
}

/// One test of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedCondition {
    /// Where it looked.
    pub path: String,
    /// Its operator.
    pub op: &'static str,
    /// Whether an odd number of `not` stands above it.
    pub negated: bool,
    /// What it compared with, as JSON.
    pub expected: String,
    /// What it found, as JSON; `None` if there was nothing.
    pub found: Option<String>,
    /// `holds`, `fails` or `cannot be judged`, negation included.
    pub result: &'static str,
}

/// What a call would reserve of one limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedLimit {
    /// The limit's rule id.
    pub rule: String,
    /// The name of its count.
    pub counter: String,
    /// The window, as it is said after "per".
    pub window: String,
    /// Whose calls are counted together.
    pub scope: LimitScope,
    /// How the windows join.
    pub algorithm: Algorithm,
    /// The most that one window may hold, in the limit's own unit.
    pub max: String,
    /// What this call adds, in the same unit.
    pub amount: String,
    /// The argument that is summed, if it is not calls that are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub increment_from: Option<String>,
}

impl Compiled {
    /// Decides like [`Self::decide`] and writes down how. Shows values of the arguments: it is for
    /// the person who tries a call, and never recorded.
    pub fn explain(&self, call: &Call<'_>) -> Explanation {
        let mut writer = Writer::default();
        let decision = self.run(call, &mut writer);
        let (outcome, rule, message, limits) = match &decision {
            Decision::Allow { limits, observed: None } => {
                ("allowed", "", String::new(), limits.requests())
            }
            Decision::Allow { limits, observed: Some(waived) } => {
                ("observed", waived.rule, waived.message.to_string(), limits.requests())
            }
            Decision::Approve { rule, message, limits } => {
                ("approval_required", *rule, (*message).to_owned(), limits.requests())
            }
            Decision::Refuse(refusal) => {
                let outcome = refusal.outcome.as_str();
                (outcome, refusal.rule, refusal.message.to_string(), [].as_slice())
            }
        };
        Explanation {
            outcome,
            rule: rule.to_owned(),
            message,
            mode: self.mode(),
            steps: writer.steps,
            limits: limits.iter().map(ExplainedLimit::new).collect(),
        }
    }
}

impl ExplainedLimit {
    fn new(request: &LimitRequest<'_>) -> Self {
        let limit = request.limit;
        Self {
            rule: request.rule.to_owned(),
            counter: limit.counter.clone(),
            window: limit.window.to_string(),
            scope: limit.scope,
            algorithm: limit.algorithm,
            max: limit.shown(limit.max),
            amount: limit.shown(request.amount),
            increment_from: limit.sum_path().map(str::to_owned),
        }
    }
}

/// The witness that writes everything down.
#[derive(Default)]
struct Writer {
    steps: Vec<ExplainedStep>,
    /// The tests since the last step.
    tests: Vec<ExplainedCondition>,
}

impl Witness for Writer {
    fn tested(&mut self, test: &Test, negated: bool, scope: &Scope<'_>, truth: &Truth<'_>) {
        self.tests.push(ExplainedCondition {
            path: test.path.as_str().to_owned(),
            op: test.op.as_str(),
            negated,
            expected: shortened(test.value.compact()),
            found: shown(&test.path, scope).map(shortened),
            result: match truth {
                Truth::Holds => "holds",
                Truth::Fails => "fails",
                Truth::Unjudged(_) => "cannot be judged",
                Truth::Unknown(_) => "is not known",
            },
        });
    }

    fn step(&mut self, step: Step, rule: &str, refuses: bool, words: impl FnOnce() -> String) {
        self.steps.push(ExplainedStep {
            step: step.as_str(),
            rule: rule.to_owned(),
            refuses,
            detail: words(),
            conditions: std::mem::take(&mut self.tests),
        });
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((cut, _)) => format!("{}…", text.split_at(cut).0),
        None => text,
    }
}
