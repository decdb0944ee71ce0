//! Rules with their sugar taken out, and the keys that they name.

use super::Stop;
use super::conditions::{self, Scope, Step, steps};
use crate::fuzz::tree::Tree;

/// A rule, and where it stands in the normal form.
pub(super) struct Applied<'d> {
    pub(super) pointer: String,
    pub(super) written: &'d Tree,
    pub(super) gates: Gates<'d>,
}

impl<'d> Applied<'d> {
    pub(super) fn new(pointer: &str, written: &'d Tree) -> Self {
        let gates = Gates::new(pointer, written);
        Self { pointer: pointer.to_owned(), written, gates }
    }
}

#[derive(Default)]
pub(super) struct Gates<'d> {
    pub(super) require: Vec<Gate<'d>>,
    pub(super) deny_if: Vec<Gate<'d>>,
    pub(super) approve_if: Vec<Gate<'d>>,
    pub(super) limits: Vec<Limit<'d>>,
}

pub(super) struct Gate<'d> {
    pub(super) id: String,
    conditions: &'d [Tree],
    words: Option<&'d str>,
}

pub(super) struct Limit<'d> {
    pub(super) id: String,
    pub(super) increment_from: Option<&'d str>,
    pub(super) key: Option<&'d str>,
}

impl<'d> Gates<'d> {
    fn new(pointer: &str, rule: &'d Tree) -> Self {
        let list = |key: &str| rule.get(key).map(Tree::items).unwrap_or_default();
        let gates = |key: &str| -> Vec<Gate<'d>> {
            let gate = |(index, predicate): (usize, &'d Tree)| Gate {
                id: format!("{pointer}/{key}/{index}"),
                conditions: predicate.get("conditions").map(Tree::items).unwrap_or_default(),
                words: predicate.get("on_deny").and_then(Tree::as_text),
            };
            list(key).iter().enumerate().map(gate).collect()
        };
        let (mut deny_if, mut approve_if) = (gates("deny_if"), gates("approve_if"));
        let always = |key: &str, index: usize| Gate {
            id: format!("{pointer}/{key}/{index}"),
            conditions: &[],
            words: rule.get("reason").and_then(Tree::as_text),
        };
        match rule.get("action").and_then(Tree::as_text) {
            Some("deny") => deny_if.push(always("deny_if", deny_if.len())),
            Some("require_approval") => {
                approve_if.push(always("approve_if", approve_if.len()));
            }
            _ => {}
        }
        let id = |index: usize| format!("{pointer}/limits/{index}");
        let mut limits: Vec<_> = Vec::new();
        for (index, limit) in list("limits").iter().enumerate() {
            let path = |key| limit.get(key).and_then(Tree::as_text);
            limits.push(Limit {
                id: id(index),
                increment_from: path("increment_from"),
                key: path("key"),
            });
        }
        if rule.get("rate_limit").is_some() {
            limits.push(Limit { id: id(limits.len()), increment_from: None, key: None });
        }
        Self { require: gates("require"), deny_if, approve_if, limits }
    }

    pub(super) fn always_denies(&self) -> bool {
        self.deny_if.iter().any(|gate| gate.conditions.is_empty())
    }

    /// Every rule id in it.
    pub(super) fn ids(&self) -> impl Iterator<Item = String> {
        let gates = self.require.iter().chain(&self.deny_if).chain(&self.approve_if);
        gates.map(|gate| gate.id.clone()).chain(self.limits.iter().map(|limit| limit.id.clone()))
    }

    fn paths(&self) -> Vec<&'d str> {
        let gates = self.require.iter().chain(&self.deny_if).chain(&self.approve_if);
        let mut paths = Vec::new();
        for condition in gates.flat_map(|gate| gate.conditions) {
            conditions::paths(condition, &mut paths);
        }
        for limit in &self.limits {
            paths.extend(limit.increment_from.into_iter().chain(limit.key));
        }
        paths
    }
}

impl Gate<'_> {
    /// `None` if it cannot be judged.
    pub(super) fn holds(&self, every: bool, scope: &Scope<'_>) -> Option<bool> {
        conditions::all_hold(self.conditions, every, scope)
    }

    pub(super) fn stop(&self, outcome: &'static str) -> Stop {
        Stop { words: self.words.map(str::to_owned), ..Stop::new(outcome, &self.id) }
    }
}

/// A JSON Pointer one step further.
pub(super) fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

// === Keys ===

/// What is left of the paths that the applicable rules name, at one place of the arguments.
pub(super) struct Keys<'d>(Vec<Vec<Step<'d>>>);

/// Keys that a careless server takes for one another, as far as made cases have them. The first
/// of each is as folded as it can be.
const ALIKE: [&[&str]; 8] = [
    &["a", "A", "ａ"],
    &["l", "L"],
    &["c", "C"],
    &["d", "D"],
    &["x", "X"],
    &["é", "É", "e\u{301}"],
    &["strasse", "straße", "Straße", "STRASSE", "STRAẞE"],
    &["p", "P"],
];

fn folded(key: &str) -> &str {
    ALIKE.iter().find(|alike| alike.contains(&key)).map_or(key, |alike| alike[0])
}

impl<'d> Keys<'d> {
    pub(super) fn of(sets: &[&Gates<'d>]) -> Self {
        let paths = sets.iter().flat_map(|set| set.paths());
        Self(paths.filter_map(|path| Some(steps(path.strip_prefix("args.")?))).collect())
    }

    /// Whether arguments have keys that could be taken for others.
    pub(super) fn clash(&self, arguments: &Tree) -> bool {
        match arguments {
            Tree::Null => false,
            Tree::Object(_) => self.clash_in(arguments),
            _ => true,
        }
    }

    fn clash_in(&self, value: &Tree) -> bool {
        let members = value.members();
        let is_twin = |(index, key): (usize, &str)| {
            members[..index].iter().any(|(other, _)| folded(other) == folded(key))
        };
        if members.iter().map(|(key, _)| key.as_str()).enumerate().any(is_twin) {
            return true;
        }
        let named: Vec<&str> = self.0.iter().filter_map(|path| path.first()?.key()).collect();
        members.iter().any(|(key, inner)| {
            let is_alike = named.iter().any(|name| folded(name) == folded(key));
            let is_named = named.contains(&key.as_str());
            (is_alike && !is_named) || self.below(&Step::Key(key)).clash_in(inner)
        }) || value.items().iter().any(|item| self.below(&Step::Each).clash_in(item))
    }

    fn below(&self, step: &Step<'_>) -> Self {
        let rest = |path: &Vec<Step<'d>>| {
            Some(path.split_first()?).map(|(first, rest)| (*first, rest.to_vec()))
        };
        Self(
            self.0
                .iter()
                .filter_map(rest)
                .filter(|(first, _)| first == step)
                .map(|(_, r)| r)
                .collect(),
        )
    }
}
