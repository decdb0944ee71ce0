//! Predicates: which of the old became which of the new, and which way that goes.

use super::{Bearing, Changes};
use crate::condition::{Condition, Op, Test, joined};
use crate::document::{Gates, Predicate};
use crate::literal::Literal;
use crate::problem::{child, item};

/// The keys of a rule that have sentences of their own.
pub(super) const TOLD: [&str; 5] =
    ["require", "deny_if", "approve_if", "limits", "validate_arguments"];

/// Lists whose product is greater are matched by position alone.
const MAX_PAIRS: usize = 100_000;
/// Longest conditions in a sentence.
const MAX_WORDS_CHARS: usize = 200;

/// A list of predicates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Require,
    DenyIf,
    ApproveIf,
}

impl List {
    const fn key(self) -> &'static str {
        match self {
            Self::Require => "require",
            Self::DenyIf => "deny_if",
            Self::ApproveIf => "approve_if",
        }
    }

    /// What it says, before the conditions.
    fn says(self, predicate: &Predicate) -> String {
        if predicate.conditions.is_empty() {
            return match self {
                Self::Require => "requires nothing".to_owned(),
                Self::DenyIf => "denied".to_owned(),
                Self::ApproveIf => "asks a person for every call".to_owned(),
            };
        }
        let conditions = joined(&predicate.conditions, " and ");
        let conditions = super::cut(&conditions, MAX_WORDS_CHARS);
        match self {
            Self::Require => format!("only if {conditions}"),
            Self::DenyIf => format!("denied if {conditions}"),
            Self::ApproveIf => format!("asks a person if {conditions}"),
        }
    }
}

impl Changes {
    /// The gates of a rule, or of all tools.
    pub(super) fn gates(&mut self, called: &str, at: &str, old: &Gates, new: &Gates) {
        if old == new {
            return;
        }
        let before = self.found.len();
        self.predicates(List::Require, called, at, [&old.require, &new.require]);
        self.predicates(List::DenyIf, called, at, [&old.deny_if, &new.deny_if]);
        self.predicates(List::ApproveIf, called, at, [&old.approve_if, &new.approve_if]);
        self.limits(called, at, &old.limits, &new.limits);
        if self.found.len() == before {
            self.add(at, Bearing::Neither, format!("{called}: the same in another order"));
        }
    }

    fn predicates(&mut self, list: List, called: &str, at: &str, sides: [&[Predicate]; 2]) {
        let at = child(at, list.key());
        let same = |a: &Predicate, b: &Predicate| a.conditions == b.conditions;
        let grown = |a: &Predicate, b: &Predicate| {
            has_all(&a.conditions, &b.conditions) || has_all(&b.conditions, &a.conditions)
        };
        let shape = |a: &Predicate, b: &Predicate| shape(a) == shape(b);
        let pairs = matched(sides[0], sides[1], &[&|a, b| a == b, &same, &shape, &grown]);
        for (was, is) in pairs {
            match (was, is) {
                (Some((_, was)), Some((n, is))) => {
                    self.predicate(list, called, &item(&at, n), was, is);
                }
                (None, Some((n, is))) => {
                    let summary = format!("{called}: now {}", list.says(is));
                    self.add(item(&at, n), if_added(list, is), summary);
                }
                (Some((n, was)), None) => {
                    let summary = format!("{called}: no longer {}", list.says(was));
                    let bearing = match if_added(list, was) {
                        Bearing::Stricter => Bearing::Looser,
                        other => other,
                    };
                    self.gone(item(&at, n), bearing, summary);
                }
                (None, None) => {}
            }
        }
    }

    fn predicate(&mut self, list: List, called: &str, at: &str, old: &Predicate, new: &Predicate) {
        if old.conditions != new.conditions {
            let summary = format!("{called}: {} → {}", list.says(old), list.says(new));
            self.add(at, bearing(list, &old.conditions, &new.conditions), summary);
        }
        if let Some(summary) = retext(called, old.on_deny.as_deref(), new.on_deny.as_deref()) {
            self.add(at, Bearing::Neither, summary);
        }
    }
}

/// A predicate that requires nothing changes nothing.
fn if_added(list: List, predicate: &Predicate) -> Bearing {
    if list == List::Require && predicate.conditions.is_empty() {
        return Bearing::Neither;
    }
    Bearing::Stricter
}

/// That the agent is told other words.
pub(super) fn retext(called: &str, old: Option<&str>, new: Option<&str>) -> Option<String> {
    (old != new).then(|| format!("{called}: the agent is told other words"))
}

// === Matching ===

type Found<'a, T> = Option<(usize, &'a T)>;
/// Whether one of the old may have become one of the new.
pub(super) type Fits<'f, T> = &'f dyn Fn(&T, &T) -> bool;

/// Which of the old became which of the new: by the first of the tests that fits, then by
/// position if as many are left over on both sides. In the order of the new, the gone ones last.
pub(super) fn matched<'a, T>(
    old: &'a [T],
    new: &'a [T],
    tests: &[Fits<'_, T>],
) -> Vec<(Found<'a, T>, Found<'a, T>)> {
    let mut left: Vec<Found<'a, T>> = old.iter().enumerate().map(Some).collect();
    let mut pairs: Vec<(Found<'a, T>, Found<'a, T>)> =
        new.iter().enumerate().map(|item| (None, Some(item))).collect();
    let tests = if old.len() * new.len() > MAX_PAIRS { &[] } else { tests };
    for fits in tests {
        for (was, is) in &mut pairs {
            let (None, Some((_, is))) = (&was, &is) else { continue };
            let found = left.iter_mut().find(|old| old.is_some_and(|(_, old)| fits(old, is)));
            *was = found.and_then(Option::take);
        }
    }
    left.retain(Option::is_some);
    let open = pairs.iter_mut().filter(|(was, _)| was.is_none());
    let open: Vec<_> = open.collect();
    if open.len() == left.len() || tests.is_empty() {
        let mut rest = left.drain(..);
        for pair in open {
            pair.0 = rest.next().flatten();
        }
        drop(rest);
    }
    pairs.extend(left.into_iter().map(|gone| (gone, None)));
    pairs
}

/// What a predicate looks at and how, without the values.
fn shape(predicate: &Predicate) -> Vec<(&str, Op, bool)> {
    let mut out = Vec::new();
    predicate.each_test(|test, negated| out.push((test.path.as_str(), test.op, negated)));
    out
}

fn has_all(of: &[Condition], more: &[Condition]) -> bool {
    more.len() > of.len() && of.iter().all(|condition| more.contains(condition))
}

// === Which way ===

fn bearing(list: List, old: &[Condition], new: &[Condition]) -> Bearing {
    // Whether the conditions now hold for fewer calls, for more, or both.
    let fewer = if has_all(old, new) {
        Some(true)
    } else if has_all(new, old) {
        Some(false)
    } else {
        narrower(old, new)
    };
    match fewer {
        // What cannot be judged is refused all the same, so fewer tests can also refuse less.
        None => Bearing::Either,
        Some(fewer) => Bearing::looser_if(fewer != (list == List::Require)),
    }
}

/// Whether the only test that differs holds for fewer values than before.
fn narrower(old: &[Condition], new: &[Condition]) -> Option<bool> {
    if old.len() != new.len() {
        return None;
    }
    let mut differing = old.iter().zip(new).filter(|(a, b)| a != b);
    let (only, None) = (differing.next()?, differing.next()) else { return None };
    match only {
        (Condition::Test(a), Condition::Test(b)) if a.path == b.path && a.op == b.op => {
            narrower_test(a, b)
        }
        _ => None,
    }
}

fn narrower_test(old: &Test, new: &Test) -> Option<bool> {
    match (&old.value, &new.value) {
        (Literal::Number(a), Literal::Number(b)) => {
            let (a, b) = (a.value(), b.value());
            match old.op {
                Op::Gt | Op::Gte if a != b => Some(b > a),
                Op::Lt | Op::Lte | Op::LengthLte if a != b => Some(b < a),
                _ => None,
            }
        }
        (Literal::List(a), Literal::List(b)) => {
            let within = |a: &[Literal], b: &[Literal]| a.iter().all(|value| b.contains(value));
            let fewer = match (within(b, a), within(a, b)) {
                (true, false) => true,
                (false, true) => false,
                _ => return None,
            };
            match old.op {
                Op::In => Some(fewer),
                Op::NotIn => Some(!fewer),
                _ => None,
            }
        }
        _ => None,
    }
}
