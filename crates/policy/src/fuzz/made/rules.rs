//! What rules say: predicates, conditions, limits.

use super::values::{CATEGORIES, NUMBERS, RISKS, number, scalar};
use super::{Dice, Tree};

/// What a rule judges, and so what its conditions may look at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    Tool,
    Prompt,
    Resource,
}

/// One more predicate or limit of all tools, for laws about what more of them do.
pub(crate) fn addition(dice: &mut Dice<'_>, list: &str) -> Tree {
    if list == "limits" { limit(dice, Judged::Tool) } else { predicate(dice, Judged::Tool) }
}

pub(super) fn gates(dice: &mut Dice<'_>, judged: Judged) -> Tree {
    let mut out = Tree::Object(Vec::new());
    for list in ["require", "deny_if", "approve_if"] {
        if dice.one_in(3) {
            out.put(list, Tree::List(dice.some(2, |dice| predicate(dice, judged))));
        }
    }
    if dice.one_in(2) {
        out.put("limits", Tree::List(dice.some(2, |dice| limit(dice, judged))));
    }
    out
}

fn predicate(dice: &mut Dice<'_>, judged: Judged) -> Tree {
    let mut conditions = dice.some(2, |dice| condition(dice, judged, 2));
    if conditions.is_empty() && !dice.one_in(4) {
        conditions.push(condition(dice, judged, 2));
    }
    let mut out = Tree::object([("conditions", Tree::List(conditions))]);
    if dice.one_in(3) {
        out.put("on_deny", Tree::text(dice.pick(&["No.", "Ask \"someone\" else."])));
    }
    out
}

fn condition(dice: &mut Dice<'_>, judged: Judged, depth: usize) -> Tree {
    if depth == 0 {
        return test(dice, judged);
    }
    let several = |dice: &mut Dice<'_>| {
        let mut inner = dice.some(1, |dice| condition(dice, judged, depth - 1));
        inner.push(condition(dice, judged, depth - 1));
        Tree::List(inner)
    };
    match dice.below(8) {
        0 => Tree::object([("any", several(dice))]),
        1 => Tree::object([("all", several(dice))]),
        2 => Tree::object([("not", condition(dice, judged, depth - 1))]),
        _ => test(dice, judged),
    }
}

const ARGUMENT_PATHS: [&str; 12] = [
    "args.a",
    "args.a",
    "args.a",
    "args.b",
    "args.b",
    "args.c.d",
    "args.l[*]",
    "args.l[*].p",
    "args.c.l[*]",
    "args.m[*][*]",
    "args.é",
    "args.straße",
];
const ANNOTATION_PATHS: [&str; 4] = [
    "tool.annotations.readOnlyHint",
    "tool.annotations.title",
    "tool.annotations.l[*]",
    "tool.annotations.none",
];

fn path(dice: &mut Dice<'_>, judged: Judged) -> &'static str {
    let rest = dice.below(4);
    match (judged, rest) {
        (Judged::Tool, 2) if dice.one_in(2) => dice.pick(&ANNOTATION_PATHS),
        (Judged::Tool, 2) => dice.pick(&["tool.category", "tool.risk"]),
        (Judged::Tool | Judged::Prompt, 0..3) => dice.pick(&ARGUMENT_PATHS),
        _ => dice.pick(&["grant.label", "client.name", "time.hour", "time.weekday"]),
    }
}

fn test(dice: &mut Dice<'_>, judged: Judged) -> Tree {
    let path = path(dice, judged);
    let (op, value) = match path {
        "time.hour" => numeric(dice),
        "tool.category" => worded(dice, &CATEGORIES),
        "tool.risk" => worded(dice, &RISKS),
        "time.weekday" => worded(dice, &["monday", "wednesday", "sunday", "friday"]),
        "grant.label" | "client.name" => textual(dice),
        _ => match dice.below(4) {
            0 => numeric(dice),
            1 => textual(dice),
            _ => any_kind(dice),
        },
    };
    Tree::object([("path", Tree::text(path)), ("op", Tree::text(op)), ("value", value)])
}

fn numeric(dice: &mut Dice<'_>) -> (&'static str, Tree) {
    let op = dice.pick(&["lt", "lte", "gt", "gte"]);
    (op, if dice.one_in(4) { Tree::number(dice.pick(&NUMBERS)) } else { number(dice) })
}

fn textual(dice: &mut Dice<'_>) -> (&'static str, Tree) {
    let op = dice.pick(&["regex", "contains", "starts_with", "ends_with", "glob", "cidr"]);
    let value = match op {
        "regex" => dice.pick(&["^a", "b$", "[0-9]+", "", "(?i)X", "^.$"]),
        "glob" => dice.pick(&["/a/*", "/a/**", "*", "**", "*b*", "a*c", "10.*"]),
        "cidr" => dice.pick(&["10.0.0.0/8", "::1", "::/0", "10.1.2.3/32", "0.0.0.0/0"]),
        _ => dice.pick(&["a", "", "x", "/a/", "0", "é", "agent", "test"]),
    };
    let list = |value| Tree::List(vec![Tree::text(value), Tree::text("192.0.2.0/24")]);
    let is_list = op == "cidr" && dice.one_in(2);
    (op, if is_list { list(value) } else { Tree::text(value) })
}

fn worded(dice: &mut Dice<'_>, words: &[&'static str]) -> (&'static str, Tree) {
    match dice.below(4) {
        0 => (dice.pick(&["eq", "neq"]), Tree::text(dice.pick(words))),
        1 => ("exists", Tree::Bool(dice.one_in(2))),
        _ => {
            let values = dice.some(2, |dice| Tree::text(dice.pick(words)));
            (dice.pick(&["in", "not_in"]), Tree::List(values))
        }
    }
}

fn any_kind(dice: &mut Dice<'_>) -> (&'static str, Tree) {
    match dice.below(7) {
        0 | 1 => (dice.pick(&["eq", "neq"]), literal(dice)),
        2 => (dice.pick(&["in", "not_in"]), Tree::List(dice.some(3, literal))),
        // Many values are looked up in another way than few.
        3 => {
            let many = (0..10).map(|_| literal(dice)).collect();
            (dice.pick(&["in", "not_in"]), Tree::List(many))
        }
        4 => ("contains", literal(dice)),
        5 => ("length_lte", Tree::number(dice.below(4))),
        _ => ("exists", Tree::Bool(dice.one_in(2))),
    }
}

fn literal(dice: &mut Dice<'_>) -> Tree {
    match dice.below(12) {
        0 => Tree::Null,
        1 => Tree::List(dice.some(2, scalar)),
        2 => Tree::object([("p", scalar(dice)), ("d", scalar(dice))]),
        _ => scalar(dice),
    }
}

fn limit(dice: &mut Dice<'_>, judged: Judged) -> Tree {
    let window = match dice.below(3) {
        0 => Tree::number(dice.pick(&["1", "60", "90", "2678400"])),
        _ => Tree::text(dice.pick(&["second", "minute", "hour", "day", "week", "month"])),
    };
    let mut out = Tree::object([
        ("counter", Tree::text(dice.pick(&["c", "d"]))),
        ("window", window),
        ("max", Tree::number(dice.below(50))),
    ]);
    let scope = dice.pick(&["grant", "session", "organisation", "server"]);
    if dice.one_in(2) {
        out.put("scope", Tree::text(scope));
        if scope != "server" && dice.one_in(3) {
            out.put("across_servers", Tree::Bool(dice.one_in(2)));
        }
    }
    if judged != Judged::Resource && dice.one_in(3) {
        if let Some(max) = out.get_mut("max") {
            *max = Tree::number(dice.pick(&["0.5", "100", "9007199254.740991", "1e3"]));
        }
        let sum = dice.pick(&["args.a", "args.l[*].p", "args.c.d", "args.m[*][*]"]);
        out.put("increment_from", Tree::text(sum));
    }
    if dice.one_in(4) {
        let key = match judged {
            Judged::Tool => dice.pick(&["args.b", "args.c.d", "tool.annotations.title"]),
            Judged::Prompt => dice.pick(&["args.b", "client.name"]),
            Judged::Resource => dice.pick(&["client.name", "time.hour"]),
        };
        out.put("key", Tree::text(key));
    }
    if dice.one_in(4) {
        out.put("algorithm", Tree::text(dice.pick(&["fixed", "sliding"])));
    }
    if dice.one_in(4) {
        out.put("on_deny", Tree::text("Enough."));
    }
    out
}
