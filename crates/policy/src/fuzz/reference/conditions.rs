//! Conditions and paths.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;

use regex::Regex;

use super::names::{fits, is_dotted};
use super::numbers::Number;
use crate::fuzz::made::{Known, Who};
use crate::fuzz::tree::Tree;

/// All that a condition can look at.
pub(super) struct Scope<'c> {
    pub(super) arguments: &'c Tree,
    pub(super) tool: Option<&'c Known>,
    pub(super) who: &'c Who,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step<'p> {
    Key(&'p str),
    Each,
}

impl<'p> Step<'p> {
    pub(super) fn key(&self) -> Option<&'p str> {
        if let Self::Key(key) = self { Some(key) } else { None }
    }
}

/// `items[*].price` in steps.
pub(super) fn steps(path: &str) -> Vec<Step<'_>> {
    let mut out = Vec::new();
    for part in path.split('.') {
        let key = part.trim_end_matches("[*]");
        out.push(Step::Key(key));
        out.extend((0..(part.len() - key.len()) / 3).map(|_| Step::Each));
    }
    out
}

/// Every path that a condition names.
pub(super) fn paths<'d>(condition: &'d Tree, out: &mut Vec<&'d str>) {
    out.extend(condition.get("path").and_then(Tree::as_text));
    for key in ["any", "all"] {
        for inner in condition.get(key).map(Tree::items).unwrap_or_default() {
            paths(inner, out);
        }
    }
    if let Some(inner) = condition.get("not") {
        paths(inner, out);
    }
}

/// Whether all conditions hold; `None` if something in them cannot be judged, wherever it stands.
pub(super) fn all_hold(conditions: &[Tree], every: bool, scope: &Scope<'_>) -> Option<bool> {
    let mut judge = Judge { scope, every, is_judged: true };
    // No short cut: each is looked at.
    let holding = conditions.iter().filter(|condition| judge.holds(condition, false)).count();
    judge.is_judged.then_some(holding == conditions.len())
}

struct Judge<'s, 'c> {
    scope: &'s Scope<'c>,
    every: bool,
    is_judged: bool,
}

impl Judge<'_, '_> {
    fn holds(&mut self, condition: &Tree, negated: bool) -> bool {
        if let Some(inner) = condition.get("not") {
            return self.holds(inner, !negated);
        }
        for (key, is_all) in [("any", false), ("all", true)] {
            if let Some(inner) = condition.get(key) {
                let truths: Vec<_> = inner.items().iter().map(|c| self.holds(c, negated)).collect();
                let needs_all = is_all != negated;
                return if needs_all { truths.iter().all(|t| *t) } else { truths.contains(&true) };
            }
        }
        let word = |key| condition.get(key).and_then(Tree::as_text).unwrap_or_default();
        let test = Test { op: word("op"), value: condition.get("value"), negated };
        let path = word("path");
        if let Some(rest) = path.strip_prefix("args.") {
            return self.below(self.scope.arguments, &steps(rest), &test);
        }
        if let Some(rest) = path.strip_prefix("tool.annotations.") {
            let annotations = self.scope.tool.and_then(|tool| tool.annotations.as_ref());
            return self.below(annotations.unwrap_or(&Tree::Null), &steps(rest), &test);
        }
        self.below(&attribute(path, self.scope), &[], &test)
    }

    fn below(&mut self, value: &Tree, steps: &[Step<'_>], test: &Test<'_>) -> bool {
        if *value == Tree::Null {
            let is_true = test.op == "exists" && test.value == Some(&Tree::Bool(false));
            return is_true != test.negated;
        }
        match (steps, value) {
            ([], value) => match holds(test.op, value, test.value.unwrap_or(&Tree::Null)) {
                Some(is_true) => is_true != test.negated,
                None => self.unjudged(),
            },
            ([Step::Key(key), rest @ ..], Tree::Object(_)) => {
                self.below(value.get(key).unwrap_or(&Tree::Null), rest, test)
            }
            ([Step::Each, rest @ ..], Tree::List(items)) => {
                let truths: Vec<_> =
                    items.iter().map(|item| self.below(item, rest, test)).collect();
                let is_every = !truths.is_empty() && truths.iter().all(|truth| *truth);
                if self.every { is_every } else { truths.contains(&true) }
            }
            _ => self.unjudged(),
        }
    }

    fn unjudged(&mut self) -> bool {
        self.is_judged = false;
        false
    }
}

struct Test<'d> {
    op: &'d str,
    value: Option<&'d Tree>,
    negated: bool,
}

pub(super) fn attribute(path: &str, scope: &Scope<'_>) -> Tree {
    let text = |text: Option<&str>| text.map_or(Tree::Null, Tree::text);
    match path {
        "tool.category" => text(scope.tool.map(|tool| tool.category)),
        "tool.risk" => text(scope.tool.map(|tool| tool.risk)),
        "grant.label" => text(Some(scope.who.label)),
        "client.name" => text(scope.who.client),
        "time.hour" => Tree::number(scope.who.hour),
        "time.weekday" => text(Some(scope.who.weekday)),
        other => panic!("{other} is no path"),
    }
}

/// What stands at a path without `[*]`; `None` where something on the way is no object.
pub(super) fn found(path: &str, scope: &Scope<'_>) -> Option<Tree> {
    let annotations = || scope.tool.and_then(|tool| tool.annotations.as_ref());
    let (root, rest) = if let Some(rest) = path.strip_prefix("args.") {
        (scope.arguments, rest)
    } else if let Some(rest) = path.strip_prefix("tool.annotations.") {
        (annotations().unwrap_or(&Tree::Null), rest)
    } else {
        return Some(attribute(path, scope));
    };
    let mut value = root;
    for step in steps(rest) {
        match value {
            Tree::Null => {}
            Tree::Object(_) => value = value.get(step.key()?).unwrap_or(&Tree::Null),
            _ => return None,
        }
    }
    Some(value.clone())
}

// === Operators ===

/// Whether a value that is there meets an operator; `None` if it cannot judge such a value.
fn holds(op: &str, value: &Tree, wanted: &Tree) -> Option<bool> {
    let text = || value.as_text();
    let wanted_text = || wanted.as_text().unwrap_or_default();
    Some(match op {
        "exists" => *wanted == Tree::Bool(true),
        "eq" => equals_one(value, std::slice::from_ref(wanted))?,
        "neq" => !equals_one(value, std::slice::from_ref(wanted))?,
        "in" => equals_one(value, wanted.items())?,
        "not_in" => !equals_one(value, wanted.items())?,
        "lt" | "lte" | "gt" | "gte" => {
            let order = Number::read(value)?.cmp(&Number::read(wanted)?);
            match op {
                "lt" => order.is_lt(),
                "lte" => order.is_le(),
                "gt" => order.is_gt(),
                _ => order.is_ge(),
            }
        }
        "regex" => pattern(wanted_text()).is_match(text()?),
        "contains" => match (value, wanted) {
            (Tree::List(items), _) => {
                all_judged(value)?;
                items.iter().any(|item| equal(item, wanted))
            }
            (Tree::Text(text), Tree::Text(part)) => text.contains(part.as_str()),
            _ => return None,
        },
        "starts_with" => text()?.starts_with(wanted_text()),
        "ends_with" => text()?.ends_with(wanted_text()),
        "glob" if is_dotted(text()?) => return None,
        "glob" => fits(wanted_text(), text()?, true),
        "cidr" => {
            let address = text()?.parse().ok()?;
            let one = std::slice::from_ref(wanted);
            let ranges = if let Tree::List(ranges) = wanted { ranges } else { one };
            ranges.iter().any(|range| is_within(range.as_text().unwrap_or_default(), address))
        }
        "length_lte" => {
            let length = match value {
                Tree::Text(text) => text.chars().count(),
                Tree::List(items) => items.len(),
                _ => return None,
            };
            Number::read(&Tree::number(length))?.cmp(&Number::read(wanted)?).is_le()
        }
        other => panic!("{other} is no operator"),
    })
}

/// A pattern, compiled once by each thread: that takes a thousand times as long as using it.
fn pattern(text: &str) -> Regex {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, Regex>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        let pattern = known.entry(text.to_owned());
        pattern.or_insert_with(|| Regex::new(text).expect("a made pattern is one")).clone()
    })
}

fn equals_one(value: &Tree, wanted: &[Tree]) -> Option<bool> {
    all_judged(value)?;
    Some(wanted.iter().any(|one| equal(value, one)))
}

/// Whether all numbers in a value can be judged.
fn all_judged(value: &Tree) -> Option<()> {
    match value {
        Tree::Number(_) => Number::read(value).map(|_| ()),
        Tree::List(items) => items.iter().try_for_each(all_judged),
        Tree::Object(members) => members.iter().try_for_each(|(_, inner)| all_judged(inner)),
        _ => Some(()),
    }
}

/// Typed equality.
pub(crate) fn equal(one: &Tree, other: &Tree) -> bool {
    match (one, other) {
        (Tree::Number(_), Tree::Number(_)) => {
            let (one, other) = (Number::read(one), Number::read(other));
            one.zip(other).is_some_and(|(one, other)| one.cmp(&other).is_eq())
        }
        (Tree::List(a), Tree::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Tree::Object(a), Tree::Object(b)) => {
            let is_there = |(key, value): &(String, Tree)| {
                other.get(key).is_some_and(|wanted| equal(value, wanted))
            };
            a.len() == b.len() && a.iter().all(is_there)
        }
        (one, other) => one == other,
    }
}

/// An address in a range, bit by bit.
fn is_within(range: &str, address: IpAddr) -> bool {
    let (network, length) = range.split_once('/').unwrap_or((range, ""));
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => format!("{:032b}", u32::from(v4)),
        IpAddr::V6(v6) => format!("{:0128b}", u128::from(v6)),
    };
    let network = bits(network.parse().expect("a made range has an address"));
    let length = length.parse().unwrap_or(network.len());
    let mapped = address.to_canonical();
    [bits(address), bits(mapped)]
        .iter()
        .any(|bits| bits.len() == network.len() && bits.get(..length) == network.get(..length))
}
