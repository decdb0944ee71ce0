//! Running tests: the engine decides, and limits are counted as if nothing had been counted yet.

use chrono::{DateTime, Utc};

use super::{Expect, Test, Verdict};
use crate::compiled::{Compiled, compile};
use crate::decision::{Call, Context, Decision, Refused};
use crate::document::{Document, Mode};
use crate::facts::{ToolFacts, ToolState};
use crate::limit::Limits;
use crate::problem::Problem;

/// Runs the tests against a document, as a policy for these tools, in their order. `now` is the
/// moment of tests that name none. `Err` is why the document cannot be compiled.
pub fn run(
    document: &Document,
    tools: &[ToolFacts],
    tests: &[Test],
    now: DateTime<Utc>,
) -> Result<Vec<Verdict>, Vec<Problem>> {
    let enforced = Document { mode: Mode::Enforce, ..document.clone() };
    let reviewed = tools.iter().map(|tool| ToolFacts { state: ToolState::Current, ..tool.clone() });
    let policy = compile(&enforced, &reviewed.collect::<Vec<_>>())?;
    Ok(tests.iter().map(|test| verdict(&policy, test, now)).collect())
}

fn verdict(policy: &Compiled, test: &Test, now: DateTime<Utc>) -> Verdict {
    let arguments = test.arguments.as_ref().map_or("null", |raw| raw.get());
    // A test is only made of arguments that were read before; what could not be read is no object.
    let tape = json::parse(arguments.as_bytes()).ok();
    let arguments = tape.as_ref().map(json::Tape::root).filter(|root| !root.is_null());
    let context = Context {
        grant_label: test.grant.as_deref().unwrap_or_default(),
        client_name: test.client.as_deref(),
        now: test.at.unwrap_or(now),
    };
    let call = Call { tool: &test.tool, arguments, context: &context };
    let (got, rule) = outcome(&policy.decide(&call), test.repeat);
    let right_rule = test.rule.as_ref().is_none_or(|wanted| *wanted == rule);
    Verdict {
        name: test.name.clone(),
        tool: test.tool.clone(),
        passed: got == test.expect && right_rule,
        expected: test.expect,
        got,
        detail: detail(test, got, &rule),
        rule,
        explanation: policy.explain(&call),
    }
}

fn outcome(decision: &Decision<'_>, repeat: u64) -> (Expect, String) {
    match decision {
        Decision::Allow { limits, .. } => match full(limits, repeat) {
            Some(rule) => (Expect::Limit, rule.to_owned()),
            None => (Expect::Allow, String::new()),
        },
        Decision::Approve { rule, .. } => (Expect::Approve, (*rule).to_owned()),
        Decision::Refuse(refusal) => {
            let expect = match refusal.outcome {
                Refused::Hidden => Expect::Hide,
                Refused::Denied | Refused::Quarantined => Expect::Deny,
            };
            (expect, refusal.rule.to_owned())
        }
    }
}

/// The first limit that the last of so many same calls would pass.
fn full<'p>(limits: &Limits<'p>, repeat: u64) -> Option<&'p str> {
    let over = |request: &&crate::LimitRequest<'p>| {
        request.amount.checked_mul(repeat).is_none_or(|total| total > request.limit.max)
    };
    limits.requests().iter().find(over).map(|request| request.rule)
}

fn detail(test: &Test, got: Expect, rule: &str) -> String {
    let by = if rule.is_empty() { String::new() } else { format!(" by {rule}") };
    match &test.rule {
        _ if got != test.expect => {
            format!("Expected {}, got {}{by}.", test.expect.said(), got.said())
        }
        Some(wanted) if wanted != rule && rule.is_empty() => {
            format!("It was {} as expected, but by no rule, not by {wanted}.", got.said())
        }
        Some(wanted) if wanted != rule => {
            format!("It was {} as expected, but by {rule}, not by {wanted}.", got.said())
        }
        _ => format!("It was {}{by}, as expected.", got.said()),
    }
}
