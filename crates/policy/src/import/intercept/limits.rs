//! Counters: what a condition on one becomes.

use std::collections::BTreeMap;

use super::source::{By, Counter, Policy, RATE, Test};
use crate::condition::Op;
use crate::decimal::{MAX_SCALED, SCALE};
use crate::document::Members;
use crate::literal::Literal;
use crate::window::Window;

/// The counters of a policy, by the path that conditions name them with.
pub(super) struct Counters(BTreeMap<String, Known>);

/// A counter that some rule keeps.
#[derive(Clone)]
pub(super) struct Known {
    /// The tool, or `_global`.
    pub(super) scope: String,
    /// The name that it has here, where all counters of a server share one space of names.
    pub(super) name: String,
    pub(super) window: Window,
    pub(super) by: By,
}

impl Counters {
    pub(super) fn of(policy: &Policy<'_>) -> Self {
        let mut all = BTreeMap::new();
        for tool in &policy.tools {
            for counter in tool.rules.iter().filter_map(|rule| rule.counter.as_ref()) {
                let path = path(tool.scope(), &counter.name);
                all.entry(path).or_insert_with(|| known(tool.scope(), counter));
            }
        }
        Self(all)
    }

    pub(super) fn find(&self, path: &str) -> Option<&Known> {
        self.0.get(path)
    }
}

/// The path that names a counter in a condition.
pub(super) fn path(scope: &str, counter: &str) -> String {
    format!("state.{scope}.{counter}")
}

fn known(scope: &str, counter: &Counter<'_>) -> Known {
    let name = if counter.name.starts_with(RATE) {
        format!("{}_rate", subject(scope))
    } else {
        format!("{}.{}", subject(scope), counter.name)
    };
    Known { scope: scope.to_owned(), name, window: counter.window, by: counter.by.clone() }
}

/// What a counter is named after.
pub(super) fn subject(scope: &str) -> &str {
    if scope == "_global" { "all_tools" } else { scope }
}

/// What a condition on a counter comes to.
pub(super) enum Bound {
    /// So much may be counted, calls or an amount, and whether that is less than there.
    AtMost(u64, bool),
    /// No call passes.
    Nothing,
    /// Every call passes.
    Anything,
    /// It is none that can be counted against.
    None,
}

impl Known {
    /// What a condition on this counter leaves room for, counting what the call itself adds.
    pub(super) fn bound(&self, test: &Test<'_>) -> Bound {
        let Some(value) = truncated(&test.value) else {
            return match (test.op, &test.value) {
                (Op::Exists, Literal::Bool(true)) => Bound::Anything,
                (Op::Exists, _) => Bound::Nothing,
                _ => Bound::None,
            };
        };
        let most = match test.op {
            Op::Lte => value,
            Op::Lt => value.saturating_sub(1),
            _ => return Bound::None,
        };
        let Ok(most) = u64::try_from(most) else { return Bound::Nothing };
        let (most, largest) = match self.by {
            By::Steps(steps) => (most / steps.max(1), MAX_SCALED),
            By::Argument(_) => (most, MAX_SCALED / SCALE),
        };
        Bound::AtMost(most.min(largest), most > largest)
    }

    /// The limit that leaves so much room.
    pub(super) fn limit(&self, most: u64, on_deny: Option<&str>) -> Literal {
        let from = match &self.by {
            By::Steps(_) => None,
            By::Argument(path) => Some(path.as_str()),
        };
        limit(&self.name, self.window, Literal::number(most.to_string()), from, on_deny)
    }
}

/// A limit over everything that calls the server, as one proxy there keeps one count.
pub(super) fn limit(
    counter: &str,
    window: Window,
    max: Literal,
    from: Option<&str>,
    on_deny: Option<&str>,
) -> Literal {
    let mut out = Members::default();
    out.text("counter", counter);
    out.text("window", window.name().unwrap_or_default());
    out.put("max", max);
    out.text("scope", "server");
    for (key, text) in [("increment_from", from), ("on_deny", on_deny)] {
        if let Some(text) = text {
            out.text(key, text);
        }
    }
    out.into_object()
}

/// A number without what stands after its point, as Go converts it.
fn truncated(value: &Literal) -> Option<i128> {
    let Literal::Number(_) = value else { return None };
    let text = value.compact();
    if let Ok(whole) = text.parse() {
        return Some(whole);
    }
    let float: f64 = text.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "the cast is what is meant; it saturates")]
    Some(float.trunc() as i128)
}
