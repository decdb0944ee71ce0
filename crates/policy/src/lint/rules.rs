//! Warnings about rules: those that say nothing, trap, or let more pass than they seem to.

use std::collections::{BTreeMap, BTreeSet};

use super::found::Warning;
use crate::category::Category;
use crate::compiled::{Chooser, Hidden, Kind};
use crate::condition::{Condition, Op, Test};
use crate::document::{Document, Effect, Gates, Predicate, Rule};
use crate::facts::ToolFacts;
use crate::literal::Literal;
use crate::path::Root;
use crate::problem::{child, item};

/// Predicates and tests that decide nothing.
pub(super) fn vacuous(document: &Document, found: &mut Vec<Warning>) {
    for (pointer, gates) in document.tool_gates() {
        for (at, predicate) in predicates(&pointer, gates) {
            if predicate.conditions.is_empty() && at.contains("/require/") {
                let detail = "Without conditions this always holds, so it requires nothing.";
                found.push(Warning::new(at.clone(), detail));
            }
            predicate.each_test(|test, _| {
                if is_about_null(test) {
                    let detail = "null counts as missing, so a comparison with it decides \
                                  nothing: use \"exists\".";
                    found.push(Warning::new(at.clone(), detail));
                }
            });
        }
    }
}

fn is_about_null(test: &Test) -> bool {
    match &test.value {
        Literal::Null => true,
        Literal::List(values) => {
            matches!(test.op, Op::In | Op::NotIn) && values.contains(&Literal::Null)
        }
        _ => false,
    }
}

/// Tests in `deny_if` and `approve_if` that a call gets around by leaving the argument out.
pub(super) fn missing_path_traps(document: &Document, found: &mut Vec<Warning>) {
    let shared = handled(&document.all_tools);
    for (pointer, gates) in document.tool_gates() {
        let handled = handled(gates);
        for (at, predicate) in predicates(&pointer, gates) {
            let consequence = match &at {
                at if at.contains("/deny_if/") => "denied",
                at if at.contains("/approve_if/") => "put to a person",
                _ => continue,
            };
            let mut warned = BTreeSet::new();
            predicate.each_test(|test, negated| {
                let path = test.path.as_str();
                let is_handled = shared.contains(path) || handled.contains(path);
                if is_trap(test, negated) && !is_handled && warned.insert(path) {
                    let detail = format!(
                        "Without {} this does not hold, and the call is not {consequence}. \
                         \"require\" that it exists.",
                        test.path.subject()
                    );
                    found.push(Warning::new(at.clone(), detail));
                }
            });
        }
    }
}

fn is_trap(test: &Test, negated: bool) -> bool {
    let can_be_missing =
        matches!(test.path.root(), Root::Arguments | Root::Annotations | Root::ClientName);
    let is_met_by_absence_in_spirit =
        matches!(test.op, Op::Neq | Op::NotIn | Op::Lt | Op::Lte | Op::LengthLte);
    can_be_missing && is_met_by_absence_in_spirit && !negated
}

/// The paths whose absence is already answered: required, counted, or denied when missing.
fn handled(gates: &Gates) -> BTreeSet<&str> {
    let mut paths = BTreeSet::new();
    for predicate in &gates.require {
        predicate.conditions.iter().for_each(|condition| needed(condition, &mut paths));
    }
    for predicate in &gates.deny_if {
        predicate.each_test(|test, negated| {
            let is_absent = test.op == Op::Exists && (test.value == Literal::Bool(negated));
            if is_absent {
                paths.insert(test.path.as_str());
            }
        });
    }
    paths.extend(gates.limits.iter().filter_map(|limit| limit.sum_path()));
    paths
}

/// The paths without which a required condition fails.
fn needed<'c>(condition: &'c Condition, paths: &mut BTreeSet<&'c str>) {
    match condition {
        Condition::Test(test) if (test.op, &test.value) != (Op::Exists, &Literal::Bool(false)) => {
            paths.insert(test.path.as_str());
        }
        Condition::All(inner) => inner.iter().for_each(|condition| needed(condition, paths)),
        _ => {}
    }
}

fn predicates<'d>(
    pointer: &str,
    gates: &'d Gates,
) -> impl Iterator<Item = (String, &'d Predicate)> {
    let lists = [
        (child(pointer, "require"), &gates.require),
        (child(pointer, "deny_if"), &gates.deny_if),
        (child(pointer, "approve_if"), &gates.approve_if),
    ];
    lists.into_iter().flat_map(|(at, predicates)| {
        let place = move |(index, predicate)| (item(&at, index), predicate);
        predicates.iter().enumerate().map(place)
    })
}

// === With the server's tools ===

/// Globs that let a tool pass which the rule of its category would hold back.
pub(super) fn looser_than_category(
    document: &Document,
    tools: &[ToolFacts],
    found: &mut Vec<Warning>,
) {
    let Ok(chooser) = Chooser::new(document.tools.keys(), Kind::Name, "/tools") else { return };
    let rules: Vec<_> = document.tools.iter().collect();
    let mut looser: BTreeMap<&str, Vec<(&str, Category)>> = BTreeMap::new();
    for tool in tools.iter().filter(|tool| chooser.exactly(&tool.name).is_none()) {
        let Some((name, rule)) = chooser.by_glob(&tool.name).and_then(|index| rules.get(index))
        else {
            continue;
        };
        if let Some(by_category) = document.categories.get(&tool.category)
            && strictness(rule) < strictness(by_category)
        {
            looser.entry(name).or_default().push((&tool.name, tool.category));
        }
    }
    for (name, tools) in looser {
        let shown: Vec<_> =
            tools.iter().take(3).map(|(tool, category)| format!("{tool} ({category})")).collect();
        let more = if tools.len() > shown.len() { ", …" } else { "" };
        let detail =
            format!("This is milder than the rule of the category for {}{more}.", shown.join(", "));
        found.push(Warning::new(child("/tools", name), detail));
    }
}

fn strictness(rule: &Rule) -> u8 {
    let gates = &rule.gates;
    if gates.deny_if.iter().any(|predicate| predicate.conditions.is_empty()) {
        3
    } else if !gates.approve_if.is_empty() {
        2
    } else {
        u8::from(*rule != Rule::default())
    }
}

/// Destructive and financial tools that can be called without limit or approval.
pub(super) fn ungated(document: &Document, tools: &[ToolFacts], found: &mut Vec<Warning>) {
    let Ok(chooser) = Chooser::new(document.tools.keys(), Kind::Name, "/tools") else { return };
    let Ok(hidden) = Hidden::new(&document.hide, Kind::Name, "/hide") else { return };
    let rules: Vec<_> = document.tools.iter().collect();
    let mut at_default = Vec::new();
    for tool in tools.iter().filter(|tool| tool.category >= Category::Destructive) {
        if hidden.holds(&tool.name) || is_gated(&document.all_tools) {
            continue;
        }
        let by_name = chooser.choose(&tool.name).and_then(|index| rules.get(index));
        let by_name = by_name.map(|(name, rule)| (child("/tools", name), *rule));
        let by_category = document.categories.get(&tool.category);
        let by_category =
            by_category.map(|rule| (child("/categories", tool.category.as_str()), rule));
        let Some((pointer, rule)) = by_name.or(by_category) else {
            at_default.push(format!("{} ({})", tool.name, tool.category));
            continue;
        };
        if !is_gated(&rule.gates) {
            let detail = format!(
                "{} is {}, and can be called without limit or approval.",
                tool.name, tool.category
            );
            found.push(Warning::new(pointer, detail));
        }
    }
    if document.default == Effect::Allow && !at_default.is_empty() {
        at_default.truncate(5);
        let detail =
            format!("The default allows {} without limit or approval.", at_default.join(", "));
        found.push(Warning::new("/default", detail));
    }
}

fn is_gated(gates: &Gates) -> bool {
    let is_denied = gates.deny_if.iter().any(|predicate| predicate.conditions.is_empty());
    is_denied || !gates.limits.is_empty() || !gates.approve_if.is_empty()
}
