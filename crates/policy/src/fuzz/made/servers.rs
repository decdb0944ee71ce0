//! Servers, and calls that meet them.

use super::values::{CATEGORIES, RISKS, found, scalar};
use super::{Dice, Tree};

/// A server's tool, as a policy knows it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) category: &'static str,
    pub(crate) risk: &'static str,
    pub(crate) schema: Option<Tree>,
    pub(crate) annotations: Option<Tree>,
    /// `current`, `new` or `quarantined`.
    pub(crate) state: &'static str,
}

/// Who calls, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who {
    pub(crate) label: &'static str,
    pub(crate) client: Option<&'static str>,
    pub(crate) now: &'static str,
    pub(crate) hour: u32,
    pub(crate) weekday: &'static str,
}

const TOOLS: [&str; 8] =
    ["read_a", "read_b", "write_a", "drop_a", "pay", "odd*name", "a/b~c", "read_ä"];
const PROMPTS: [&str; 4] = ["greet", "review_a", "review_b", "odd*one"];
const URIS: [&str; 7] = [
    "file:///a/b",
    "file:///a/b/c",
    "file:///a/../b",
    "file:///a/%2e%2E/b",
    "file:///x",
    "note://one",
    "file:///a/./c",
];

pub(crate) fn tools(dice: &mut Dice<'_>) -> Vec<Known> {
    let tool = |name: &&'static str| Known {
        name,
        category: dice.pick(&CATEGORIES),
        risk: dice.pick(&RISKS),
        schema: schema(dice),
        annotations: annotations(dice),
        state: dice.pick(&["current", "current", "current", "current", "new", "quarantined"]),
    };
    TOOLS[..7].iter().map(tool).collect()
}

fn schema(dice: &mut Dice<'_>) -> Option<Tree> {
    let kind = |word| Tree::object([("type", Tree::text(word))]);
    let mut properties = Tree::object([("a", kind(dice.pick(&["number", "integer", "string"])))]);
    if dice.one_in(2) {
        properties = Tree::object([
            ("a", Tree::object([("maximum", Tree::number(5))])),
            ("l", kind("array")),
            ("c", kind("object")),
        ]);
    }
    let mut schema = Tree::object([("type", Tree::text("object")), ("properties", properties)]);
    if dice.one_in(3) {
        schema.put("required", Tree::List(vec![Tree::text(dice.pick(&["a", "b"]))]));
    }
    if dice.one_in(4) {
        schema.put("additionalProperties", Tree::Bool(false));
    }
    (!dice.one_in(5)).then_some(schema)
}

fn annotations(dice: &mut Dice<'_>) -> Option<Tree> {
    let annotations = Tree::object([
        ("readOnlyHint", Tree::Bool(dice.one_in(2))),
        ("title", scalar(dice)),
        ("l", Tree::List(dice.some(2, scalar))),
    ]);
    (!dice.one_in(3)).then_some(annotations)
}

pub(crate) fn tool_name(dice: &mut Dice<'_>) -> &'static str {
    if dice.one_in(16) { dice.pick(&["gone", "admin_x", ""]) } else { dice.pick(&TOOLS) }
}

pub(crate) fn prompt_name(dice: &mut Dice<'_>) -> &'static str {
    dice.pick(&PROMPTS)
}

pub(crate) fn uri(dice: &mut Dice<'_>) -> &'static str {
    dice.pick(&URIS)
}

pub(crate) fn who(dice: &mut Dice<'_>) -> Who {
    let (now, hour, weekday) = match dice.below(3) {
        0 => ("2026-11-25T13:47:31Z", 13, "wednesday"),
        1 => ("2026-11-29T00:00:00Z", 0, "sunday"),
        _ => ("2026-11-30T23:59:59.999Z", 23, "monday"),
    };
    let client = (!dice.one_in(4)).then(|| dice.pick(&["tester", "x"]));
    Who { label: dice.pick(&["agent", "ci", "10"]), client, now, hour, weekday }
}

pub(crate) fn arguments(dice: &mut Dice<'_>) -> Tree {
    if dice.one_in(24) {
        return dice.pick(&[&Tree::Null, &Tree::List(Vec::new())]).clone();
    }
    let mut members = Vec::new();
    for key in ["a", "b", "c", "l", "m", "é"] {
        if dice.one_in(2) {
            members.push((key.to_owned(), argument(dice, key)));
        }
    }
    if dice.one_in(12) {
        let odd = dice.pick(&["A", "ａ", "L", "É", "e\u{301}", "x", "X", "C", "Straße", "STRAẞE"]);
        members.push((odd.to_owned(), found(dice)));
    }
    Tree::Object(members)
}

/// Mostly what is looked for there.
fn argument(dice: &mut Dice<'_>, key: &str) -> Tree {
    let inner = |dice: &mut Dice<'_>, key: &str| Tree::Object(vec![(key.to_owned(), found(dice))]);
    match (key, dice.below(8)) {
        (_, 7) => found(dice),
        ("c", 6) => Tree::object([("D", found(dice))]),
        ("c", 5) => Tree::object([("l", Tree::List(dice.some(2, found)))]),
        ("c", _) => inner(dice, "d"),
        ("l", 0 | 1) => Tree::List(dice.some(3, |dice| inner(dice, "p"))),
        ("l", _) => Tree::List(dice.some(3, found)),
        ("m", _) => Tree::List(dice.some(2, |dice| Tree::List(dice.some(2, found)))),
        _ => found(dice),
    }
}
